"""Bytes of MP4 and Matroska, for clips that no muxer here writes."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def box(kind: bytes, body: bytes) -> bytes:
    """A box of MP4."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def insert(data: bytes, path: Sequence[tuple[bytes, int]], more: bytes) -> bytes:
    """`data` with `more` at the end of the box that `path` leads to: names, and the bytes before the boxes inside.

    The moov box must stand behind the media data, as FFmpeg writes it, so that no offset changes.
    """
    out = bytearray(data)
    at, end, places = 0, len(out), []
    for kind, head in path:
        while out[at + 4 : at + 8] != kind:
            at += struct.unpack_from(">I", out, at)[0]
            assert at < end, f"no {kind!r}"
        places.append(at)
        end = at + struct.unpack_from(">I", out, at)[0]
        at += 8 + head
    out[end:end] = more
    for place in places:
        struct.pack_into(">I", out, place, struct.unpack_from(">I", out, place)[0] + len(more))
    return bytes(out)


SAMPLE_ENTRY = [(b"moov", 0), (b"trak", 0), (b"mdia", 0), (b"minf", 0), (b"stbl", 0), (b"stsd", 8), (b"avc1", 78)]
"""The way to what describes the first track's H.264 video."""
