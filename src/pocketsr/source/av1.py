"""The quantizers of AV1's frames, which stand in their headers: of videos, and of AVIF files, whose pictures are such
frames (AV1 bitstream specification, version 1.0.0 with errata 1).
"""

from __future__ import annotations

from pocketsr.source.av1_headers import SLOTS, Bits, Sequence, ShownAgain, frame_header, sequence_header

__all__ = ["Av1Frames", "still_quantizer"]

_SEQUENCE, _HEADER, _FRAME = 1, 3, 6  # kinds of OBUs
_ENOUGH = 512  # bytes of an OBU: more than stands before its quantizer
_MOST_OBUS = 1000  # of one packet
_NOTHING = (0.0, (0, 0))


class Av1Frames:
    """Tells the quantizers of a video's frames, packet by packet, in the order of the file."""

    def __init__(self, head: bytes = b"") -> None:
        """head: OBUs that stand before the frames, as in a container's `av1C` behind its first four bytes."""
        self._sequence: Sequence | None = None
        self._slots = [_NOTHING] * SLOTS
        self.shown(head)

    def shown(self, packet: bytes) -> float | None:
        """0..255: base_q_idx of the frame that a packet shows; None where there is none, or it can't be read.

        packet: a temporal unit, or its beginning, which anybody may have written.
        """
        found = None
        try:
            for kind, extension, data in _obus(packet):
                if kind == _SEQUENCE:
                    self._sequence = sequence_header(Bits(data))
                elif kind in (_HEADER, _FRAME) and self._sequence is not None:
                    header = frame_header(Bits(data), self._sequence, extension, [size for _, size in self._slots])
                    if isinstance(header, ShownAgain):
                        found = self._slots[header.slot][0]
                        continue
                    told = (float(header.quantizer), header.size)
                    kept = enumerate(self._slots)
                    self._slots = [told if header.refresh >> slot & 1 else each for slot, each in kept]
                    found = told[0] if header.shown else found
        except ValueError:
            return None
        return found


def still_quantizer(data: bytes) -> float | None:
    """0..255: base_q_idx of the picture that an AVIF file's item holds, or its beginning; None where there is none."""
    return Av1Frames().shown(data)


def _obus(data: bytes) -> list[tuple[int, int, bytes]]:
    """(type, extension byte, beginning) of each."""
    found: list[tuple[int, int, bytes]] = []
    at = 0
    while at < len(data) and len(found) < _MOST_OBUS:
        head, extension = data[at], 0
        at += 1
        if head & 4:
            extension = data[at] if at < len(data) else 0
            at += 1
        size = len(data) - at
        if head & 2:
            size, at = _leb128(data, at)
        found.append((head >> 3 & 15, extension, data[at : at + min(size, _ENOUGH)]))
        at += size
    return found


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number, and where what follows it begins."""
    found = 0
    for number, byte in enumerate(data[at : at + 8]):
        found |= (byte & 127) << 7 * number
        if byte < 128:
            return found, at + number + 1
    raise ValueError("a size has no end")
