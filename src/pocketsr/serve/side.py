"""Corrections on a data channel, beside a call's video (docs/correction-format.md): both ends.

a sender that has the original:   side = open_side(connection); side.send(sender.due(seconds))
a server that upscales:           Side(hear, refuse).attach(connection)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiortc import RTCDataChannel, RTCPeerConnection

from pocketsr.codec.correction import MOST_BYTES
from pocketsr.serve.splice import limit_side

__all__ = ["LABEL", "Counted", "Side", "SideSender", "open_side"]

LABEL = "pocketsr-correction"
"""Of the data channel."""

_A_SECOND = 10  # messages that are read; senders have at most one
_MOST_CHANNELS = 4  # that a peer opens
_MOST_WAITING = 1 << 14  # bytes of messages that aren't whole yet


@dataclass
class Counted:
    """Messages of a peer. heard: taken; left: what was none, or one too many."""

    heard: int = 0
    left: int = 0


class Side:
    """The end that listens. In the event loop.

    hear: takes each message, and says whether it was one. refuse: is told why this peer can't go on.
    """

    def __init__(self, hear: Callable[[bytes], bool], refuse: Callable[[str], None]) -> None:
        self._hear, self._refuse = hear, refuse
        self._channels = 0
        self._allowance, self._allowed_s = float(_A_SECOND), time.monotonic()
        self.counted = Counted()

    def attach(self, connection: RTCPeerConnection) -> None:
        """Before the connection starts, with the offer known. Channels of other names are left alone."""
        connection.on("datachannel", self._on_channel)
        if connection.sctp is not None:
            limit_side(connection.sctp, _MOST_WAITING, lambda: self._refuse("its data channel sends no corrections"))

    def _on_channel(self, channel: RTCDataChannel) -> None:
        self._channels += 1
        if self._channels > _MOST_CHANNELS:
            self._refuse(f"it opened more than {_MOST_CHANNELS} data channels")
        elif channel.label == LABEL:
            channel.on("message", self._on_message)

    def _on_message(self, data: Any) -> None:
        now = time.monotonic()
        self._allowance = min(self._allowance + (now - self._allowed_s) * _A_SECOND, _A_SECOND)
        self._allowed_s = now
        taken = isinstance(data, bytes) and len(data) <= MOST_BYTES and self._allowance >= 1
        if taken:
            self._allowance -= 1
            taken = self._hear(data)
        self.counted.heard += taken
        self.counted.left += not taken


class SideSender:
    """The end that has the original: what `codec.correction.Sender` finds due goes out here."""

    def __init__(self, channel: RTCDataChannel) -> None:
        self._channel = channel

    @property
    def is_open(self) -> bool:
        """Whether the other end can hear. Ask `Sender.due` for nothing before: what it gives counts as said."""
        return bool(self._channel.readyState == "open")

    def send(self, message: bytes | None) -> None:
        """Send it, where there is one; nothing before the channel is open, or after it closed."""
        if message is not None and self.is_open:
            self._channel.send(message)


def open_side(connection: RTCPeerConnection) -> SideSender:
    """Makes the channel; before the offer."""
    return SideSender(connection.createDataChannel(LABEL))
