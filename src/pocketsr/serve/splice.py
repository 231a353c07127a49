"""Where our parts take the place of aiortc's: all that reaches into its objects is here.

aiortc has no public way to another jitter buffer, decoder or encoder, nor to the addresses that it listens on. Each is
an attribute of one receiver, sender or gatherer, so nothing global changes; tests of a call hold that they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCRtpSender

from pocketsr.errors import UserError

__all__ = ["gather_on", "limit_side", "use_assembly", "use_encoder"]

_MOST_MISORDERED = 1024  # packets that came before others


def use_assembly(receiver: RTCRtpReceiver, assembly: Any) -> None:
    """Have all packets go to `assembly.add`; aiortc's own decoder gets none. Before the connection starts."""
    _replace(receiver, "_RTCRtpReceiver__jitter_buffer", assembly)


def use_encoder(sender: RTCRtpSender, encoder: Any) -> None:
    """Have frames encoded by `encoder`. Before the connection starts."""
    _replace(sender, "_RTCRtpSender__encoder", encoder)


async def gather_on(connection: RTCPeerConnection, addresses: Sequence[str]) -> None:
    """Listen for media on these addresses alone; between the two descriptions.

    aioice 0.13 listens on every address of the machine except 127.0.0.1.
    """
    for transceiver in connection.getTransceivers():
        gatherer = transceiver.receiver.transport.transport.iceGatherer
        ice = gatherer._connection
        if not ice._local_candidates_start:
            ice._local_candidates_start = True
            ice._local_candidates += await ice.get_component_candidates(1, list(addresses))
            ice._local_candidates_end = True


def limit_side(sctp: Any, most_bytes: int, beyond: Callable[[], None]) -> None:
    """Call `beyond` once more than so many bytes of messages wait for their ends. Before the connection starts.

    aiortc 1.16 tells its peer how much it has room for (a megabyte), and keeps whatever comes all the same: a message
    that never ends grows as long as it likes, and so does the list of packets behind one that never comes.
    """
    receive, room = getattr(sctp, "_receive_data_chunk", None), getattr(sctp, "_advertised_rwnd", None)
    if receive is None or room is None or not hasattr(sctp, "_sack_misordered"):
        raise UserError("this version of aiortc is built otherwise: pip install 'pocketsr[serve]' brings one that fits")

    async def limited(chunk: Any) -> None:
        await receive(chunk)
        if room - sctp._advertised_rwnd > most_bytes or len(sctp._sack_misordered) > _MOST_MISORDERED:
            beyond()

    sctp._receive_data_chunk = limited


def _replace(owner: object, name: str, part: object) -> None:
    if not hasattr(owner, name):
        raise UserError("this version of aiortc is built otherwise: pip install 'pocketsr[serve]' brings one that fits")
    setattr(owner, name, part)
