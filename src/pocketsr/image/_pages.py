"""TIFF files of several pages: each page as a file of its own, and such files joined into one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pocketsr.errors import UserError
from pocketsr.image import _ifd
from pocketsr.image._ifd import Directory, Value

__all__ = ["Pages", "TiffWriter", "open_pages"]

_MOST_PAGES = 100_000
_KIND, _SUBFILES = 254, 330
_REDUCED, _MASK = 1, 4  # bits of a page's kind: a smaller copy of another, and what is transparent in another
_PARTS = ((273, 279), (324, 325))  # offsets and lengths, of strips and of tiles
_ROOM = 2**32 - 2**20  # bytes that 32-bit offsets reach, less some


@dataclass(frozen=True)
class Pages:
    """The pages of a file, by the offsets of their directories. others: how many that are no pictures of their own."""

    path: Path
    offsets: tuple[int, ...]
    others: int

    def __len__(self) -> int:
        return len(self.offsets)

    def __iter__(self) -> Iterator[bytes]:
        """Each page as a TIFF file of its own. Raises UserError for one that is broken."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            at = _reader(file)
            for number, offset in enumerate(self.offsets, 1):
                try:
                    yield _alone(at, offset, size)
                except (ValueError, struct.error) as error:
                    raise UserError(f"{self.path}: page {number} is broken: {error}") from error


def open_pages(path: Path) -> Pages | None:
    """The pages of the TIFF file at `path`; None for what has one directory, or is no TIFF of 32-bit offsets.

    Smaller copies of pages (as of maps and slides) and masks are counted apart. Raises UserError for far too many.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) not in (b"II*\0", b"MM\0*"):
                return None
            at = _reader(file)
            found: list[tuple[int, int]] = []
            for offset, kind in _ifd.chain(at, _KIND):
                found.append((offset, kind))
                if len(found) > _MOST_PAGES:
                    raise UserError(f"{path} has more than {_MOST_PAGES:,} pages: cut it into parts")
    except (OSError, ValueError, struct.error):
        return None  # whatever it is, the reader of one page tells it
    if len(found) < 2:
        return None
    whole = tuple(offset for offset, kind in found if not kind & (_REDUCED | _MASK))
    whole = whole or (found[0][0],)
    return Pages(path, whole, len(found) - len(whole))


def _reader(file: BinaryIO) -> _ifd.Read:
    def at(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    return at


def _alone(at: _ifd.Read, offset: int, size: int) -> bytes:
    order, tags = _ifd.read(at, offset)
    tags.pop(_SUBFILES, None)
    data, tags = _with_parts(at, order, tags, 8, size)
    place = 8 + len(data) + len(data) % 2
    head = at(0, 4) + struct.pack(f"{order}I", place)
    return head + data.ljust(place - 8, b"\0") + _ifd.build(order, tags, place)


def _with_parts(at: _ifd.Read, order: str, tags: Directory, start: int, most: int) -> tuple[bytes, Directory]:
    """A page's strips or tiles one after the other, and its tags for where these begin at `start`.

    Raises ValueError where they have more than `most` bytes together.
    """
    made = dict(tags)
    data = bytearray()
    for offsets_tag, counts_tag in _PARTS:
        offsets, counts = (_integers(order, tags.get(tag)) for tag in (offsets_tag, counts_tag))
        if not offsets:
            continue
        if len(offsets) != len(counts) or sum(counts) > most:
            raise ValueError("its strips lie outside of the file")
        places = []
        for offset, count in zip(offsets, counts, strict=True):
            data += b"\0" * (len(data) % 2)
            places.append(start + len(data))
            data += at(offset, count)
        made[offsets_tag] = Value(_ifd.LONG, len(places), struct.pack(f"{order}{len(places)}I", *places))
    return bytes(data), made


def _integers(order: str, value: Any) -> tuple[int, ...]:
    return tuple(int(number) for number in value.numbers(order)) if isinstance(value, Value) else ()


class TiffWriter:
    """Joins TIFF files of one page into `file`, page by page. Raises ValueError where 4 GB aren't enough."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._link = 4  # where the offset of the next directory goes
        self._order = ""

    def add(self, content: bytes) -> None:
        """Append the page that is the file `content`, of the byte order of those before."""
        at = _ifd.reader(content)
        order, tags = _ifd.read(at)
        if not self._order:
            self._order = order
            self._file.write(content[:4] + bytes(4))
        if order != self._order:
            raise ValueError("its pages have two byte orders")
        start = self._file.seek(0, 2)
        start += start % 2
        data, tags = _with_parts(at, order, tags, start, len(content))
        place = start + len(data) + len(data) % 2
        directory = _ifd.build(order, tags, place)
        if place + len(directory) > _ROOM:
            raise ValueError("TIFF holds at most 4 GB: upscale fewer pages at once")
        self._file.seek(start)
        self._file.write(data.ljust(place - start, b"\0") + directory)
        self._file.seek(self._link)
        self._file.write(struct.pack(f"{order}I", place))
        (count,) = struct.unpack_from(f"{order}H", directory)
        self._link = place + 2 + 12 * count
