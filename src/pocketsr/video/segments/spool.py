"""An encoder's packets in a file of ours, to be written into a container later; a damaged file is noticed.

Layout: a line that names the format, a line of JSON, packets, and the SHA-256 of all that. A container in between would
round times, or change how a stream is laid out.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from av.packet import Packet

from pocketsr.video.sections import Tally

__all__ = ["Segment", "packed", "unpacked"]

_MAGIC = b"pocketsr segment 1\n"
_HEAD = struct.Struct("<qqq?I")  # time of showing, of decoding, duration, whether it is a key frame, bytes
_NO_TIME = -(2**63)
_DIGEST = 32


@dataclass(frozen=True)
class Segment:
    """What an encoder made of a section.

    packets: as they came. extradata: hash of what the container's head says of the stream. inexact, captions_lost: as
    `VideoWriter` finds them.
    """

    packets: Sequence[Packet[Any]]
    tally: Tally
    extradata: str
    inexact: bool = False
    captions_lost: bool = False


def packed(segment: Segment) -> bytes:
    """The bytes of a file."""
    base = segment.packets[0].time_base if segment.packets else Fraction(1)
    about = {
        "count": len(segment.packets), "time_base": [base.numerator, base.denominator],
        "tally": asdict(segment.tally), "extradata": segment.extradata,
        "inexact": segment.inexact, "captions_lost": segment.captions_lost,
    }  # fmt: skip
    pieces = [_MAGIC, json.dumps(about).encode(), b"\n"]
    for packet in segment.packets:
        times = (_NO_TIME if time is None else time for time in (packet.pts, packet.dts))
        pieces += [_HEAD.pack(*times, packet.duration or 0, packet.is_keyframe, packet.size), bytes(packet)]
    data = b"".join(pieces)
    return data + hashlib.sha256(data).digest()


def unpacked(data: bytes) -> Segment:
    """The segment in a file. Raises ValueError where it isn't as it was written."""
    body = memoryview(data)[:-_DIGEST]
    if not data.startswith(_MAGIC) or hashlib.sha256(body).digest() != data[-_DIGEST:]:
        raise ValueError("damaged")
    end = data.index(b"\n", len(_MAGIC))
    about = json.loads(data[len(_MAGIC) : end])
    packets = list(_packets(body[end + 1 :], Fraction(*about["time_base"])))
    if len(packets) != about["count"]:
        raise ValueError("damaged")
    return Segment(packets, Tally(**about["tally"]), about["extradata"], about["inexact"], about["captions_lost"])


def _packets(data: memoryview, base: Fraction) -> Iterator[Packet[Any]]:
    at = 0
    while at < len(data):
        pts, dts, duration, key, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        packet: Packet[Any] = Packet(bytes(data[at : at + size]))
        at += size
        packet.pts, packet.dts = (None if time == _NO_TIME else time for time in (pts, dts))
        packet.duration, packet.time_base = duration, base
        packet.is_keyframe = bool(key)
        yield packet
