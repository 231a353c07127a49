"""Stands in for a compiled network where only what is around it is tested; pictures made of bytes."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pocketsr.image._ifd import Directory, Value, build


@dataclass
class Nearest:
    """Repeats every pixel `scale` times in both directions; keeps what it was given."""

    channels: int = 1
    scale: int = 2
    edge_halo: int = 0

    def __post_init__(self) -> None:
        self.seen: list[NDArray[Any]] = []

    def __call__(self, y: NDArray[Any], bits: int | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        assert y.ndim == (2 if self.channels == 1 else 3)
        assert bits in (None, 8, 16)
        self.seen.append(y.copy())
        big = y.repeat(self.scale, axis=0).repeat(self.scale, axis=1)
        if out is None:
            return big
        out[...] = big
        return out


def chunks_of(png: bytes) -> list[tuple[bytes, bytes]]:
    """(name, content) of a PNG's chunks."""
    found, at = [], 8
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of these chunks, with right checksums."""
    sums = (zlib.crc32(name + content) for name, content in chunks)
    parts = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", s) for (n, c), s in zip(chunks, sums, strict=True)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def add_chunks(png: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    """The PNG with `chunks` behind its header."""
    old = chunks_of(png)
    return png_of([old[0], *chunks, *old[1:]])


def make_tiff(
    pixels: NDArray[Any], *, order: str = "<", photometric: int = 1, planar: int = 1, extra: Directory | None = None
) -> bytes:
    """A TIFF without compression of pixels (H, W) or (H, W, C), or (C, H, W) where `planar` is 2."""
    raw = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    height, width = pixels.shape[1:] if planar == 2 else pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[0 if planar == 2 else 2]

    def short(*numbers: int) -> Value:
        return Value(3, len(numbers), struct.pack(f"{order}{len(numbers)}H", *numbers))

    def long(*numbers: int) -> Value:
        return Value(4, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers))

    strips = samples if planar == 2 else 1
    size = len(raw) // strips
    tags: Directory = {
        256: long(width), 257: long(height), 258: short(*[8 * pixels.dtype.itemsize] * samples), 259: short(1),
        262: short(photometric), 273: long(*(8 + size * index for index in range(strips))), 277: short(samples),
        278: long(height), 279: long(*[size] * strips), 284: short(planar),
    }  # fmt: skip
    place = 8 + len(raw) + len(raw) % 2
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", place)
    return head + raw.ljust(place - 8, b"\0") + build(order, tags | (extra or {}), place)
