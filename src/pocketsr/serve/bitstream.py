"""What an encoded frame says of itself: whether it is a key frame, and how large its picture is.

Read before a decoder allocates anything: a header of 30 bytes can ask for 16384 x 16384 pixels, a gigabyte of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Told", "told"]

_IDR, _SPS = 5, 7  # types of NAL units
_HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)  # whose SPS has more fields
_SPS_BYTES = 256  # of a parameter set are read: what comes before the size takes less
_NAL_UNITS = 256
_LARGEST = 1 << 20  # of a side, whatever the bits say


class Told(NamedTuple):
    """What a frame says. size: (width, height) of the picture, or None where the frame doesn't say it. sequence: the
    bytes that open a new sequence (H.264's SPS); empty where there are none."""

    key: bool
    size: tuple[int, int] | None
    sequence: bytes = b""


def told(codec: str, data: bytes) -> Told:
    """What an encoded frame of `codec` (VP8 or H264) says of itself; (False, None) for what is none."""
    return _vp8(data) if codec.upper() == "VP8" else _h264(data)


def _vp8(data: bytes) -> Told:
    """RFC 6386, section 9.1: a tag of 3 bytes, and for a key frame a start code and twice 14 bits."""
    if len(data) < 10 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
        return Told(False, None)
    width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return Told(True, (width, height))


def _h264(data: bytes) -> Told:
    key, size, sequence = False, None, b""
    for count, unit in enumerate(_units(data)):
        if count >= _NAL_UNITS:
            break
        kind = unit[0] & 0x1F
        key = key or kind == _IDR
        if kind == _SPS:
            sequence += bytes(unit[:_SPS_BYTES])
            found = _sps_size(bytes(unit[1 : _SPS_BYTES + 1])) or (0, 0)
            before = size or (0, 0)
            size = max(before[0], found[0]), max(before[1], found[1])  # of several, any may be used
    size = None if size == (0, 0) else size
    return Told(key, size, sequence)


def _units(data: bytes) -> Iterator[memoryview]:
    """The NAL units behind start codes."""
    view, at = memoryview(data), data.find(b"\0\0\1")
    while at >= 0:
        start, at = at + 3, data.find(b"\0\0\1", at + 3)
        unit = view[start : at if at >= 0 else len(data)]
        if len(unit):
            yield unit


class _Bits:
    """Bits of a sequence parameter set, the most significant first. Raises EOFError behind the last one."""

    def __init__(self, data: bytes) -> None:
        data = data.replace(b"\0\0\3", b"\0\0")  # emulation prevention
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise EOFError
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def number(self) -> int:
        """ue(v): as many zeros as bits follow the first one."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise EOFError
        return (1 << zeros) - 1 + self.take(zeros)


def _sps_size(data: bytes) -> tuple[int, int] | None:
    """Width and height before cropping, by ITU-T H.264, 7.3.2.1.1; None where they can't be read."""
    bits = _Bits(data)
    try:
        profile = bits.take(8)
        bits.take(16)  # constraints and level
        bits.number()
        if profile in _HIGH_PROFILES:
            if bits.number() == 3:
                bits.take(1)
            bits.number()
            bits.number()
            bits.take(1)
            if bits.take(1):  # scaling matrices, which no encoder of calls writes: the decoder's own limit remains
                return None
        bits.number()
        match bits.number():
            case 0:
                bits.number()
            case 1:
                bits.take(1)
                bits.number()
                bits.number()
                for _ in range(bits.number()):
                    bits.number()
        bits.number()
        bits.take(1)
        columns, rows = bits.number() + 1, bits.number() + 1
        rows *= 2 - bits.take(1)  # fields
    except EOFError:
        return None
    return min(16 * columns, _LARGEST), min(16 * rows, _LARGEST)
