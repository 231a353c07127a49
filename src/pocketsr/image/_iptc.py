"""IPTC captions and keywords, as Photoshop's image resources carry them in JPEG and TIFF."""

from __future__ import annotations

import struct

__all__ = ["IPTC", "kept_resources", "resources_with"]

IPTC = 0x0404
# Caption and copyright. The other resources are of the old picture: thumbnails, guides, paths, and second copies of
# EXIF and XMP that nobody has corrected.
_KEPT = (IPTC, 0x0425, 0x040A, 0x040B)


def kept_resources(block: bytes) -> dict[int, bytes]:
    """Number to data of the resources in `block` that are true of a larger picture too; stops where it is broken."""
    found: dict[int, bytes] = {}
    at = 0
    while block[at : at + 4] == b"8BIM" and at + 12 <= len(block):
        (number,) = struct.unpack_from(">H", block, at + 4)
        at += 6
        at += 1 + block[at] + (1 + block[at]) % 2
        if at + 4 > len(block):
            break
        (size,) = struct.unpack_from(">I", block, at)
        data = block[at + 4 : at + 4 + size]
        if len(data) == size and number in _KEPT:
            found.setdefault(number, data)
        at += 4 + size + size % 2
    return found


def resources_with(resources: dict[int, bytes]) -> bytes:
    """The block that holds `resources`."""
    return b"".join(
        b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)
        for number, data in resources.items()
    )
