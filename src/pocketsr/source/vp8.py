"""The quantizer of a VP8 key frame, which a lossy WebP file is (RFC 6386, sections 9 and 19.2)."""

from __future__ import annotations

__all__ = ["VP8_STEPS", "vp8_quantizer"]

# Steps of coefficients other than the first, by quantizer index (RFC 6386, section 14.1).
VP8_STEPS = (
    *range(4, 59), *range(60, 117, 2), *range(119, 174, 3), *range(177, 230, 4),
    234, 239, 245, 249, 254, 259, 264, 269, 274, 279, 284,
)  # fmt: skip
_START = b"\x9d\x01\x2a"
_KEY_FRAME_HEAD = 10  # bytes
_ENOUGH = 64  # bytes of the first partition: the quantizer stands within its first 27
_LARGEST = len(VP8_STEPS) - 1
_SEGMENTS = 4


class _Bits:
    """VP8's Boolean decoder (section 7), for what is coded with even chances. Behind the end of the data are zeros."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 2
        self._value = int.from_bytes(data[:2].ljust(2, b"\0"), "big")
        self._range, self._shifted = 255, 0

    def bit(self) -> int:
        split = 1 + (((self._range - 1) * 128) >> 8)
        if self._value >= split << 8:
            found = 1
            self._range -= split
            self._value -= split << 8
        else:
            found, self._range = 0, split
        while self._range < 128:
            self._value <<= 1
            self._range <<= 1
            self._shifted += 1
            if self._shifted == 8:
                self._shifted = 0
                self._value |= self._data[self._at] if self._at < len(self._data) else 0
                self._at += 1
        return found

    def number(self, bits: int) -> int:
        found = 0
        for _ in range(bits):
            found = found << 1 | self.bit()
        return found

    def signed(self, bits: int) -> int:
        found = self.number(bits)
        return -found if self.bit() else found


def vp8_quantizer(data: bytes) -> float | None:
    """0..127: the quantizer index of a key frame, where it has segments their mean; None where it is none.

    data: of the frame, or at least its beginning, which anybody may have written: bytes of a WebP file's `VP8 ` chunk.
    """
    if len(data) <= _KEY_FRAME_HEAD or data[0] & 1 or data[3:6] != _START:
        return None
    bits = _Bits(data[_KEY_FRAME_HEAD : _KEY_FRAME_HEAD + _ENOUGH])
    bits.number(2)  # colour space, whether to clamp
    absolute, segments = _segments(bits) if bits.bit() else (False, None)
    bits.number(1 + 6 + 3)  # the loop filter's kind, level, sharpness
    if bits.bit() and bits.bit():  # its changes by reference frame and mode
        for _ in range(8):
            if bits.bit():
                bits.signed(6)
    bits.number(2)  # how many partitions
    base = bits.number(7)
    each = [base] if segments is None else [level if absolute else base + level for level in segments]
    return sum(min(max(level, 0), _LARGEST) for level in each) / len(each)


def _segments(bits: _Bits) -> tuple[bool, list[int] | None]:
    """Whether segments have quantizers of their own or add to the frame's, and these; None where it doesn't say."""
    by_map, told = bits.bit(), bits.bit()
    absolute, levels = False, None
    if told:
        absolute = bool(bits.bit())
        levels = [bits.signed(7) if bits.bit() else 0 for _ in range(_SEGMENTS)]
        for _ in range(_SEGMENTS):
            if bits.bit():
                bits.signed(6)
    if by_map:
        for _ in range(_SEGMENTS - 1):
            if bits.bit():
                bits.number(8)
    return absolute, levels
