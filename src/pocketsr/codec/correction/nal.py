"""User data in H.264 (ITU-T H.264, annex D) and H.265 (ITU-T H.265, annex D): SEI of type 5 with an identifier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pocketsr.errors import ArgumentError

__all__ = ["found_h264", "found_h265", "length_bytes", "put_h264", "put_h265"]

_USER_DATA = 5  # user_data_unregistered
_LONGEST = 1 << 12  # bytes of an SEI that is looked into
_MOST_UNITS, _MOST_MESSAGES = 4096, 64  # of an access unit
_START = b"\0\0\0\1"


@dataclass(frozen=True)
class _Syntax:
    """How NAL units are told apart. header: of our SEI. shift, mask: from the first byte to the type."""

    header: bytes
    shift: int
    mask: int
    sei: int
    pictures: range

    def kind(self, data: bytes, at: int) -> int:
        return data[at] >> self.shift & self.mask


_H264 = _Syntax(b"\x06", 0, 0x1F, 6, range(1, 6))
_H265 = _Syntax(b"\x4e\x01", 1, 0x3F, 39, range(32))  # a prefix SEI of layer 0, temporal id 0


def length_bytes(codec: str, extradata: bytes | None) -> int | None:
    """How many bytes a NAL unit's length takes, by the codec's extra data (avcC, hvcC); None: there are start codes."""
    at = 4 if codec == "h264" else 21
    if not extradata or extradata[0] != 1 or len(extradata) <= at:
        return None
    return (extradata[at] & 3) + 1


def put_h264(data: bytes, payload: bytes, length: int | None = None) -> bytes:
    return _put(_H264, data, payload, length)


def put_h265(data: bytes, payload: bytes, length: int | None = None) -> bytes:
    return _put(_H265, data, payload, length)


def found_h264(data: bytes, identifier: bytes, length: int | None = None) -> list[bytes]:
    return _found(_H264, data, identifier, length)


def found_h265(data: bytes, identifier: bytes, length: int | None = None) -> list[bytes]:
    return _found(_H265, data, identifier, length)


def _put(syntax: _Syntax, data: bytes, payload: bytes, length: int | None) -> bytes:
    unit = syntax.header + _escaped(_numbered(_USER_DATA) + _numbered(len(payload)) + payload + b"\x80")
    for begin, start, _ in _units(data, length):
        if syntax.kind(data, start) in syntax.pictures:
            if length is not None and len(unit) >> 8 * length:
                raise ArgumentError(
                    f"a message of {len(unit)} bytes doesn't fit behind lengths of {length} byte: send it beside"
                )
            lead = _START if length is None else len(unit).to_bytes(length, "big")
            return data[:begin] + lead + unit + data[begin:]
    raise ArgumentError("no picture in the access unit: give whole ones, as the encoder made them")


def _found(syntax: _Syntax, data: bytes, identifier: bytes, length: int | None) -> list[bytes]:
    messages: list[bytes] = []
    for _, start, end in _units(data, length):
        body = start + len(syntax.header)
        if syntax.kind(data, start) != syntax.sei or end - body > _LONGEST or len(messages) >= _MOST_MESSAGES:
            continue
        for kind, payload in _payloads(_plain(data[body:end])):
            if kind == _USER_DATA and payload.startswith(identifier):
                messages.append(payload[len(identifier) :])
    return messages[:_MOST_MESSAGES]


def _units(data: bytes, length: int | None) -> Iterator[tuple[int, int, int]]:
    """Of each NAL unit that isn't empty: where its start code or length begins, where it begins, and where it ends."""
    return _behind_codes(data) if length is None else _behind_lengths(data, length)


def _behind_codes(data: bytes) -> Iterator[tuple[int, int, int]]:
    at = data.find(b"\0\0\1")
    for _ in range(_MOST_UNITS):
        if at < 0:
            return
        begin = at - 1 if at > 0 and data[at - 1] == 0 else at
        start, at = at + 3, data.find(b"\0\0\1", at + 3)
        end = len(data) if at < 0 else at
        while end > start and data[end - 1] == 0:  # trailing zeros, and the first byte of a longer start code
            end -= 1
        if end > start:
            yield begin, start, end


def _behind_lengths(data: bytes, length: int) -> Iterator[tuple[int, int, int]]:
    if not 1 <= length <= 4:
        raise ArgumentError(f"lengths of {length} bytes: 1 to 4 are expected")
    at = 0
    for _ in range(_MOST_UNITS):
        start = at + length
        if start > len(data):
            return
        end = start + int.from_bytes(data[at:start], "big")
        if end > len(data):
            return
        if end > start:
            yield at, start, end
        at = end


def _payloads(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each SEI message; ends where one doesn't fit."""
    at = 0
    while at < len(data) and data[at:] != b"\x80":
        numbers = []
        for _ in range(2):
            number = 0
            while at < len(data) and data[at] == 0xFF:
                number, at = number + 0xFF, at + 1
            if at >= len(data):
                return
            number, at = number + data[at], at + 1
            numbers.append(number)
        kind, size = numbers
        if at + size > len(data):
            return
        yield kind, data[at : at + size]
        at += size


def _numbered(number: int) -> bytes:
    return b"\xff" * (number // 0xFF) + bytes([number % 0xFF])


def _escaped(data: bytes) -> bytes:
    """With emulation prevention: no two zeros are followed by 0, 1, 2 or 3 but by the 3 that is put there."""
    out = bytearray()
    zeros = 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def _plain(data: bytes) -> bytes:
    return data.replace(b"\0\0\3", b"\0\0")
