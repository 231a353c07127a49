"""Facts about a picture that Pillow doesn't tell: found in the boxes, chunks and markers of its file."""

from __future__ import annotations

import struct
from pathlib import Path

from pocketsr.source.av1 import still_quantizer
from pocketsr.source.vp8 import vp8_quantizer

__all__ = ["avif_colour", "avif_quantizer", "jpeg2000_bits", "jpeg2000_data", "webp_loss"]

_HEAD = 256 << 10  # bytes in which a file's description stands
_FRAME_HEAD = 128  # bytes of a VP8 frame: more than what stands before its quantizer
_ITEM_HEAD = 2048  # bytes of an AVIF file's item: more than what stands before its quantizer
_MOST_ITEMS = 64
_LARGEST = 32 << 20  # bytes of a profile or a packet that is kept
_EXIF_UUID, _XMP_UUID = b"JpgTiffExif->JP2", bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def avif_colour(path: Path) -> tuple[int, bytes | None]:
    """Bits a sample, and the colour as a PNG's cICP chunk would say it (None: not said) of an AVIF file."""
    head = _head(path)
    bits, at = 8, head.find(b"av1C")
    if at >= 0 and len(head) > at + 6:
        flags = head[at + 6]
        bits = (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    at = head.find(b"colrnclx")
    if at < 0 or len(head) < at + 14:
        return bits, None
    primaries, transfer = struct.unpack(">HH", head[at + 8 : at + 12])
    said = 2 not in (primaries, transfer) and max(primaries, transfer) < 256
    return bits, bytes((primaries, transfer, 0, 1)) if said else None


def avif_quantizer(path: Path) -> float | None:
    """0..255: of the picture in an AVIF file, base_q_idx of its frame; None where it isn't found.

    Of a grid it is that of the first part.
    """
    try:
        with path.open("rb") as file:
            for at in _items(file.read(_HEAD)):
                file.seek(at)
                if (found := still_quantizer(file.read(_ITEM_HEAD))) is not None:
                    return found
    except (ValueError, OSError):  # places that no file has are of the second kind
        pass
    return None


def _items(head: bytes) -> list[int]:
    """Where items of an AVIF file begin, the picture first (ISO/IEC 14496-12, boxes pitm and iloc)."""
    picture, table = head.find(b"pitm") + 4, head.find(b"iloc") + 4
    if picture < 4 or table < 4:
        return []
    at = picture

    def number(size: int) -> int:
        nonlocal at
        if at + size > len(head):
            raise ValueError("a box of items ends too early")
        at += size
        return int.from_bytes(head[at - size : at], "big")

    version = number(4) >> 24
    primary = number(4 if version else 2)
    at = table
    version = number(4) >> 24
    (offset, length), (base, index) = divmod(number(1), 16), divmod(number(1), 16)
    index = index if version else 0
    found = []
    for _ in range(min(number(4 if version == 2 else 2), _MOST_ITEMS)):
        name = number(4 if version == 2 else 2)
        within = number(2) & 15 if version else 0  # 0: the offsets are the file's
        number(2)
        start, extents = number(base), number(2)
        if not extents:
            continue
        number(index)
        begins = start + number(offset)
        number(length + (extents - 1) * (index + offset + length))  # all of them may be empty: no loop
        if within == 0:
            found.append((name != primary, begins))
    return [begins for _, begins in sorted(found, key=lambda each: each[0])]


def jpeg2000_bits(path: Path) -> int:
    """The most bits a sample has in the JPEG 2000 file at `path` (the SIZ marker of its codestream)."""
    head = _head(path)
    at = head.find(b"\xff\x4f\xff\x51")
    size = head[at + 4 :] if at >= 0 else b""
    if len(size) < 38:
        return 8
    (components,) = struct.unpack(">H", size[36:38])
    return max((1 + (depth & 0x7F) for depth in size[38 : 38 + 3 * components : 3]), default=8)


def jpeg2000_data(path: Path) -> tuple[bytes | None, bytes | None, bytes | None]:
    """(ICC profile, EXIF, XMP) of a JPEG 2000 file in boxes; None for what it hasn't got. Pillow reads none of them."""
    icc = exif = xmp = None
    with path.open("rb") as file:
        end = file.seek(0, 2)
        pending = [(0, end)]
        while pending:
            at, end = pending.pop()
            while at + 8 <= end:
                file.seek(at)
                size, name = struct.unpack(">I4s", file.read(8))
                content = at + 8
                if size == 1:
                    (size,) = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))
                    content += 8
                stop = end if size == 0 else min(end, at + size)
                if stop < content:
                    return icc, exif, xmp
                if name == b"jp2h":
                    pending.append((content, stop))
                elif name == b"colr" and file.read(3)[:1] == b"\2":
                    icc = file.read(min(stop - content - 3, _LARGEST))
                elif name == b"uuid" and stop - content <= _LARGEST:
                    key, data = file.read(16), file.read(stop - content - 16)
                    exif = data if key == _EXIF_UUID else exif
                    xmp = data if key == _XMP_UUID else xmp
                at = stop
    return icc, exif, xmp


def webp_loss(path: Path) -> tuple[bool, float | None]:
    """Whether the WebP file at `path` holds a lossy (VP8) picture, and of a still one the mean quantizer index.

    The index is 0..127, or None where it isn't found.
    """
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:  # RIFF's chunks: `VP8 ` (lossy) or `VP8L` (lossless) holds the picture
            if head[:4] == b"VP8L":
                return False, None
            if head[:4] == b"VP8 ":
                return True, vp8_quantizer(file.read(_FRAME_HEAD))
            size = int.from_bytes(head[4:], "little")
            file.seek(size + size % 2, 1)
    return True, None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)
