"""How long the last frame of an APNG or a WebP is shown, which FFmpeg's muxers (8.1) don't write as they are told.

APNG's repeats the delay before it, and libwebp takes the mean of all. So the file is set right at its end.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

__all__ = ["set_length"]


def set_length(path: Path, total_ms: int) -> None:
    """Make the last frame of an animation, in a file that FFmpeg wrote, so long that all last `total_ms` together."""
    with path.open("r+b") as file:
        webp = file.read(4) == b"RIFF"
        frames = _webp(file) if webp else _png(file)
        if len(frames) < 2:
            return
        at, _ = frames[-1]
        left = max(1, round(total_ms - sum(length for _, length in frames[:-1])))
        if webp:
            file.seek(at)
            file.write(min(left, 2**24 - 1).to_bytes(3, "little"))
            return
        file.seek(at)
        chunk = bytearray(file.read(4 + 26))
        chunk[24:28] = struct.pack(">HH", *((left, 1000) if left < 2**16 else (min(round(left / 1000), 2**16 - 1), 1)))
        file.seek(at)
        file.write(chunk + struct.pack(">I", zlib.crc32(chunk)))


def _png(file: BinaryIO) -> list[tuple[int, float]]:
    """Where each fcTL begins, less its length, and its delay in milliseconds."""
    found = []
    at = 8
    file.seek(at)
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[:4], "big")
        if head[4:] == b"fcTL":
            number, unit = struct.unpack(">20x2H2x", file.read(26))
            found.append((at + 4, 1000 * number / (unit or 100)))
        at += size + 12
        file.seek(at)
    return found


def _webp(file: BinaryIO) -> list[tuple[int, float]]:
    """Where the duration of each ANMF stands, and it, in milliseconds."""
    found = []
    at = 12
    file.seek(at)
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"ANMF":
            file.seek(at + 8 + 12)
            found.append((at + 20, float(int.from_bytes(file.read(3), "little"))))
        at += 8 + size + size % 2
        file.seek(at)
    return found
