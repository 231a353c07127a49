"""JPEG's segments: what stands before the pixels, and how it is written again."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from pocketsr.image import _ifd

__all__ = ["MARKER_ROOM", "JpegFile", "read_jpeg", "segment"]

MARKER_ROOM = 65_533  # bytes that one segment holds
_EXIF, _XMP, _MORE_XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP, _PICTURES, _GAIN = b"Photoshop 3.0\0", b"MPF\0", b"urn:iso:std:iso:ts:21496:"
_COM, _APP0, _SOS, _EOI = 0xFE, 0xE0, 0xDA, 0xD9
_NUMBER_OF_PICTURES = 0xB001
_TAIL = 64 << 10  # bytes at the end of a file in which Samsung names the video of a motion photo


@dataclass
class JpegFile:
    """What stands in a JPEG file's segments. pictures: in the file, this one included; lost: what stays behind."""

    exif: bytes | None = None
    xmp: bytes | None = None
    resources: bytes = b""
    comments: list[bytes] = field(default_factory=list)
    pictures: int = 1
    lost: list[str] = field(default_factory=list)


def read_jpeg(file: BinaryIO) -> JpegFile:
    """The segments before the first scan, as far as they can be read."""
    found = JpegFile()
    for marker, content in _segments(file):
        if marker == _COM:
            found.comments.append(content)
        elif marker == _APP0 + 1:
            _add_app1(found, content)
        elif marker == _APP0 + 2 and content.startswith(_PICTURES):
            found.pictures = _pictures(content[len(_PICTURES) :])
        elif marker == _APP0 + 2 and content.startswith(_GAIN):
            _once(found.lost, "gain map (HDR)")
        elif marker == _APP0 + 11 and content.startswith(b"JP"):
            _once(found.lost, "content credentials (C2PA), which are of the old picture")
        elif marker == _APP0 + 13 and content.startswith(_PHOTOSHOP):
            found.resources += content[len(_PHOTOSHOP) :]
    file.seek(0, 2)
    file.seek(max(0, file.tell() - _TAIL))
    if b"MotionPhoto_Data" in file.read():
        _once(found.lost, "video of the motion photo")
    file.seek(0)
    return found


def _add_app1(found: JpegFile, content: bytes) -> None:
    if content.startswith(_EXIF):
        found.exif = (found.exif or b"") + content[len(_EXIF) :]  # more than 64 KB are continued in a second one
    elif content.startswith(_XMP) and found.xmp is None:
        found.xmp = content[len(_XMP) :]
    elif content.startswith(_MORE_XMP):
        _once(found.lost, "extended XMP data")


def _once(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    file.seek(2)
    while (byte := file.read(1)) == b"\xff":
        while (byte := file.read(1)) == b"\xff":  # any number of them may fill
            pass
        size = file.read(2)
        if not byte or byte[0] in (_SOS, _EOI) or len(size) < 2:
            return
        (length,) = struct.unpack(">H", size)
        yield byte[0], file.read(max(0, length - 2))


def _pictures(index: bytes) -> int:
    """How many pictures a multi-picture file says that it holds."""
    try:
        order, tags = _ifd.read(_ifd.reader(index))
        value = tags[_NUMBER_OF_PICTURES]
    except (ValueError, KeyError):
        return 1
    return int(value.numbers(order)[0]) if isinstance(value, _ifd.Value) and value.kind == _ifd.LONG else 1


def segment(marker: int, content: bytes) -> bytes:
    """One segment; `content` of at most MARKER_ROOM bytes."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
