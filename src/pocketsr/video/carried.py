"""Corrections in AV1: FFmpeg's decoders hang them on no picture, as they do what stands in H.264 and H.265."""

from __future__ import annotations

from av.packet import Packet
from av.stream import Stream

from pocketsr.codec.correction import IDENTIFIER, found

__all__ = ["Carried"]

_MOST_WAITING = 64  # pictures on their way through the decoder


class Carried:
    """Messages by the time of the picture that they came with. codec: FFmpeg's name of the stream's codec."""

    def __init__(self, codec: str) -> None:
        self._is_av1 = codec == "av1"
        self._waiting: dict[int, tuple[bytes, ...]] = {}

    def note(self, packet: Packet[Stream]) -> None:
        """Looks into a packet that goes to the decoder."""
        if not self._is_av1 or packet.pts is None:
            return
        data = bytes(packet)
        if IDENTIFIER.bytes in data and (messages := found("av1", data)):
            self._waiting[packet.pts] = tuple(messages)
            while len(self._waiting) > _MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]

    def take(self, pts: int | None) -> tuple[bytes, ...]:
        """What came with the picture of this time."""
        return self._waiting.pop(pts, ()) if pts is not None else ()
