"""Facts about a picture that Pillow doesn't tell: found in the boxes, chunks and markers of its file."""

from __future__ import annotations

import struct
from pathlib import Path

__all__ = ["avif_colour", "jpeg2000_bits", "webp_is_lossy"]

_HEAD = 256 << 10  # bytes in which a file's description stands


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


def jpeg2000_bits(path: Path) -> int:
    """The most bits a sample has in the JPEG 2000 file at `path` (the SIZ marker of its codestream)."""
    head = _head(path)
    at = head.find(b"\xff\x4f\xff\x51")
    size = head[at + 4 :] if at >= 0 else b""
    if len(size) < 38:
        return 8
    (components,) = struct.unpack(">H", size[36:38])
    return max((1 + (depth & 0x7F) for depth in size[38 : 38 + 3 * components : 3]), default=8)


def webp_is_lossy(path: Path) -> bool:
    """Whether the WebP file at `path` holds a lossy (VP8) picture.

    Walks the RIFF chunks: a picture is in a `VP8 ` (lossy) or `VP8L` (lossless) chunk.
    """
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            if head[:4] in (b"VP8 ", b"VP8L"):
                return head[:4] == b"VP8 "
            size = int.from_bytes(head[4:], "little")
            file.seek(size + size % 2, 1)
    return True


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)
