"""Files that were joined byte by byte (`cat`), of formats that FFmpeg reads only the first part of."""

from __future__ import annotations

from pathlib import Path

__all__ = ["not_read"]

_MOST_BOXES = 100_000  # of a fragmented film
_SLACK = 4096  # bytes behind FLV's last packet, in which the next file begins


def not_read(path: Path, demuxer: str, end: int) -> str | None:
    """What a file holds behind the film that FFmpeg (8.1) reads without a word, in words; None: nothing.

    Args:
        demuxer: FFmpeg's name of the format.
        end: where the last packet ends, in bytes.
    """
    if not path.is_file():
        return None
    kinds = demuxer.split(",")
    if "mp4" in kinds:
        more = _films(path) > 1
    else:
        more = bool({"flv", "live_flv"} & set(kinds)) and b"FLV\x01" in _bytes(path, end)
    if not more:
        return None
    return f"{path}: another film follows in the file, which is not read: join the parts with FFmpeg's concat instead"


def _bytes(path: Path, at: int) -> bytes:
    with path.open("rb") as file:
        file.seek(at)
        return file.read(_SLACK)


def _films(path: Path) -> int:
    """How many moov boxes an MP4 has at its top: one a film."""
    count = at = 0
    size = path.stat().st_size
    with path.open("rb") as file:
        for _ in range(_MOST_BOXES):
            if at + 8 > size:
                break
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:], "big")
            count += head[4:8] == b"moov"
            if length < 8:
                break
            at += length
    return count
