"""User data in AV1 (its specification, 5.8 and 6.7): a metadata OBU of a type left to users, with an identifier."""

from __future__ import annotations

from collections.abc import Iterator

from pocketsr.errors import ArgumentError

__all__ = ["found", "put"]

_METADATA = 5
_PICTURES = (3, 4, 6)  # frame header, tile group, frame
_PRIVATE = 24  # metadata_type: 6 to 31 are "unregistered user private"
_LONGEST = 1 << 12  # bytes of a metadata OBU that is looked into
_MOST_UNITS, _MOST_MESSAGES = 4096, 64  # of a temporal unit
_END = 0x80  # trailing bits


def put(data: bytes, payload: bytes, length: int | None = None) -> bytes:
    """Before the first frame of a temporal unit (low-overhead format). length: None, OBUs tell their own sizes."""
    _check(length)
    body = bytes([_PRIVATE]) + payload + bytes([_END])
    unit = bytes([_METADATA << 3 | 2]) + _leb128(len(body)) + body
    for begin, kind, _, _ in _units(data):
        if kind in _PICTURES:
            return data[:begin] + unit + data[begin:]
    raise ArgumentError("no picture in the temporal unit: give whole ones, as the encoder made them")


def found(data: bytes, identifier: bytes, length: int | None = None) -> list[bytes]:
    """What stands behind `identifier` in metadata OBUs of our type."""
    _check(length)
    messages: list[bytes] = []
    for _, kind, start, end in _units(data):
        if kind != _METADATA or end - start > _LONGEST or len(messages) >= _MOST_MESSAGES:
            continue
        number = _number(data, start, end)
        content = data[number[1] : end].rstrip(b"\0") if number and number[0] == _PRIVATE else b""
        if content.startswith(identifier) and content[-1] == _END:
            messages.append(content[len(identifier) : -1])
    return messages


def _units(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Of each OBU: where its header begins, its type, where its content begins and ends; ends where one doesn't fit."""
    at = 0
    for _ in range(_MOST_UNITS):
        if at >= len(data):
            return
        header = data[at]
        start = at + (2 if header & 4 else 1)
        if header & 0x80:  # forbidden
            return
        end = len(data)
        if header & 2:
            number = _number(data, start, len(data))
            if number is None or number[1] + number[0] > len(data):
                return
            start, end = number[1], number[1] + number[0]
        yield at, header >> 3 & 15, start, end
        at = end


def _number(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """leb128(): the number and where it ends; None where it doesn't end in 8 bytes."""
    value = 0
    for count in range(8):
        if at + count >= end:
            return None
        value |= (data[at + count] & 0x7F) << (7 * count)
        if not data[at + count] & 0x80:
            return value, at + count + 1
    return None


def _leb128(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _check(length: int | None) -> None:
    if length is not None:
        raise ArgumentError("AV1 has no lengths of its own in MP4: leave them out")
