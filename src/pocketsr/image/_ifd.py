"""Directories of tags as TIFF and EXIF store them, read and written as bytes.

Pillow (13.0) would decode the values and encode them anew: text that isn't ASCII becomes question marks
(`encode("ascii", "replace")`), and a resolution that is stored as text ends in a TypeError. Here a value's bytes stay
what they are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

__all__ = [
    "BYTE",
    "DOUBLE",
    "LONG",
    "SHORT",
    "UNDEFINED",
    "Directory",
    "Value",
    "build",
    "chain",
    "patch",
    "read",
    "reader",
    "swapped",
]

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, DOUBLE = 1, 2, 3, 4, 5, 7, 12
_UNIT = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of what is swapped as one between the two byte orders; a rational is two of them."""
_EXIF, _GPS, _INTEROP = 34665, 34853, 40965
_SUBDIRECTORIES = (_EXIF, _GPS, _INTEROP)
_LARGEST_VALUE = 64 << 20  # bytes; Photoshop's are the largest in use
_MOST_ENTRIES = 4096
_INLINE = 4

Read = Callable[[int, int], bytes]
"""(offset, length) to so many bytes of a file, fewer at its end."""


@dataclass(frozen=True, slots=True)
class Value:
    """A tag's value. kind: TIFF's number of its type. data: its bytes, in the byte order of its file."""

    kind: int
    count: int
    data: bytes

    def numbers(self, order: str) -> tuple[float, ...]:
        """Its integers or doubles; none for any other kind."""
        letter = {BYTE: "B", SHORT: "H", LONG: "I", DOUBLE: "d", 16: "Q"}.get(self.kind)
        return struct.unpack(f"{order}{self.count}{letter}", self.data) if letter else ()


Directory = dict[int, "Value | Directory"]


def reader(content: bytes) -> Read:
    """Reads from bytes."""
    return lambda offset, length: content[offset : offset + length]


def read(at: Read, offset: int | None = None) -> tuple[str, Directory]:
    """The byte order ("<" or ">") and the first directory, with those of EXIF, GPS and Interop inside it.

    offset: of another directory to read instead.

    A value that lies outside of the file is left out. Raises ValueError where there is no directory at all.
    """
    order, wide, first = _header(at)
    return order, _directory(at, order, wide, first if offset is None else offset, depth=0)


def chain(at: Read, tag: int) -> Iterator[tuple[int, int]]:
    """(offset, the number under `tag` or 0) of each directory of a file, in its order; the first comes again never.

    Raises ValueError where there is none, or it has 64-bit offsets.
    """
    order, wide, offset = _header(at)
    if wide:
        raise ValueError("64-bit offsets")
    seen: set[int] = set()
    while offset and offset not in seen:
        seen.add(offset)
        raw = at(offset, 2)
        if offset < 8 or len(raw) < 2:
            return
        (count,) = struct.unpack(f"{order}H", raw)
        number = 0
        for _, name, kind, length, where in _entries(at, order, wide, offset):
            if name == tag and kind in (SHORT, LONG) and length == 1:
                size, letter = (2, "H") if kind == SHORT else (4, "I")
                number = struct.unpack(f"{order}{letter}", at(where, size).ljust(size, b"\0"))[0]
        yield offset, number
        after = at(offset + 2 + 12 * count, 4)
        offset = struct.unpack(f"{order}I", after)[0] if len(after) == 4 else 0


def _header(at: Read) -> tuple[str, bool, int]:
    head = at(0, 16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        raise ValueError("no TIFF header")
    (magic,) = struct.unpack(f"{order}H", head[2:4])
    if magic == 43 and len(head) == 16:
        return order, True, struct.unpack(f"{order}Q", head[8:])[0]
    if magic != 42:
        raise ValueError("no TIFF header")
    return order, False, struct.unpack(f"{order}I", head[4:8])[0]


def _entries(at: Read, order: str, wide: bool, offset: int) -> Iterator[tuple[int, int, int, int, int]]:
    """(place of the entry, tag, kind, count, offset of its value) of each entry of the directory at `offset`."""
    counter, layout, inline = ("Q", "HHQ", 8) if wide else ("H", "HHI", _INLINE)
    size = struct.calcsize(f"{order}{counter}")
    raw = at(offset, size)
    if offset < 8 or len(raw) < size:
        raise ValueError("its directory of tags lies outside of it")
    (count,) = struct.unpack(f"{order}{counter}", raw)
    step = struct.calcsize(f"{order}{layout}") + inline
    table = at(offset + size, min(count, _MOST_ENTRIES) * step)
    for start in range(0, len(table) - step + 1, step):
        tag, kind, length = struct.unpack_from(f"{order}{layout}", table, start)
        place = offset + size + start
        length_bytes = length * _UNIT.get(kind, 0) * (2 if kind in (RATIONAL, 10) else 1)
        value = place + step - inline
        if length_bytes > inline:
            (value,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", table, start + step - inline)
        if kind in _UNIT and length_bytes <= _LARGEST_VALUE:
            yield place, tag, kind, length, value


def _directory(at: Read, order: str, wide: bool, offset: int, depth: int) -> Directory:
    found: Directory = {}
    for _, tag, kind, count, where in _entries(at, order, wide, offset):
        length = count * _UNIT[kind] * (2 if kind in (RATIONAL, 10) else 1)
        data = at(where, length)
        if len(data) < length:
            continue
        value = Value(kind, count, data)
        if tag in _SUBDIRECTORIES and depth < 2:
            numbers = value.numbers(order) if kind != 13 else struct.unpack(f"{order}I", data[:4])
            try:
                found[tag] = _directory(at, order, wide, int(numbers[0]), depth + 1)
            except (ValueError, IndexError, OverflowError):
                continue
        elif kind <= 12:  # offsets (13, 17, 18) and 8-byte numbers make no sense in another file
            found.setdefault(tag, value)
    return found


def patch(content: bytes, numbers: Mapping[int, int], drop: int | None = None) -> bytes:
    """EXIF with other integers where it has these tags, and without its thumbnail; nothing else is touched.

    drop: a tag to take out of the first directory.

    So maker notes, whose offsets often count from the beginning of the EXIF data, stay readable.
    Raises ValueError where it is none.
    """
    out, at = bytearray(content), reader(content)
    order, wide, first = _header(at)
    if wide:
        raise ValueError("EXIF in a 64-bit TIFF")
    pending, seen = [first], set[int]()
    while pending:
        offset = pending.pop()
        seen.add(offset)
        for place, tag, kind, count, where in _entries(at, order, wide, offset):
            if tag in _SUBDIRECTORIES and kind in (LONG, 13) and count == 1:
                (below,) = struct.unpack(f"{order}I", content[where : where + 4])
                if below not in seen and len(seen) + len(pending) < 4 and below + 2 <= len(content):
                    pending.append(below)
            elif tag in numbers and kind in (SHORT, LONG) and count == 1:
                small = kind == SHORT and numbers[tag] <= 0xFFFF
                layout = "HHIHxx" if small else "HHII"
                struct.pack_into(f"{order}{layout}", out, place, tag, SHORT if small else LONG, 1, numbers[tag])
    (count,) = struct.unpack_from(f"{order}H", content, first)
    end = first + 2 + 12 * count
    table = bytes(out[first + 2 : end])
    kept = [table[at : at + 12] for at in range(0, len(table), 12) if table[at : at + 2] != _tag(order, drop)]
    after = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + bytes(4)  # and no directory of a thumbnail
    out[first : first + len(after)] = after[: len(out) - first]
    return bytes(out)


def _tag(order: str, tag: int | None) -> bytes:
    return b"" if tag is None else struct.pack(f"{order}H", tag)


def build(order: str, directory: Directory, start: int = 8) -> bytes:
    """The directory's bytes for a place `start` bytes into a file, sub-directories and values behind it."""
    tags = sorted(tag for tag, value in directory.items() if value)
    table = struct.pack(f"{order}H", len(tags))
    behind, where = b"", start + 2 + 12 * len(tags) + 4
    for tag in tags:
        value = directory[tag]
        if isinstance(value, dict):
            below = build(order, value, where + len(behind))
            table += struct.pack(f"{order}HHII", tag, LONG, 1, where + len(behind))
            behind += below
            continue
        data = value.data
        table += struct.pack(f"{order}HHI", tag, value.kind, value.count)
        if len(data) <= _INLINE:
            table += data.ljust(_INLINE, b"\0")
        else:
            table += struct.pack(f"{order}I", where + len(behind))
            behind += data + b"\0" * (len(data) % 2)
    return table + bytes(4) + behind


def swapped(value: Value) -> Value:
    """The same value in the other byte order."""
    unit = _UNIT[value.kind]
    return Value(
        value.kind, value.count, b"".join(value.data[i : i + unit][::-1] for i in range(0, len(value.data), unit))
    )
