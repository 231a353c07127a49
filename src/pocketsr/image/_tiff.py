"""TIFF's tags: what they say of the pixels, what of them is kept, and how that is written."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pocketsr.errors import UserError
from pocketsr.image import _ifd
from pocketsr.image._geo import GEO_TAGS
from pocketsr.image._ifd import Directory, Value
from pocketsr.image._iptc import IPTC, kept_resources, resources_with

__all__ = ["TiffFile", "amended", "read_tiff"]

_SENSOR_MODELS = (33920, 50844)  # from ground to pixels, by coefficients that count in pixels
# Tags of the first directory that describe how the old file stored its pixels, not what the picture is.
_STORAGE_TAGS = frozenset((*range(254, 267), 273, 274, *range(277, 282), *range(284, 294), 297, 301, 317)).union(
    range(320, 350), range(512, 533), (559, 34675, 37724, *_SENSOR_MODELS)
)
_XMP, _IPTC_TAG, _PHOTOSHOP, _LAYERS, _DNG, _SUBFILES = 700, 33723, 34377, 37724, 50706, 330
_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR, _EXTRA, _SUBSAMPLING = 258, 259, 262, 277, 284, 338, 530
_REDUCED, _RESOLUTION, _DESCRIPTION = 254, (282, 283), 270
_WHITE_IS_ZERO, _RGB, _YCBCR, _RAW = 0, 2, 6, 1
_KINDS = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr", 8: "CIELAB", 9: "ICCLAB", 32803: "raw"}


@dataclass
class TiffFile:
    """What a TIFF file says. exif: what is to be kept, as EXIF data; resources: of Photoshop.

    inverted: its grey counts from white, which Pillow leaves as it is where it has 12 or 16 bits. geo: tags of its
    place on earth, in byte order `order`.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    resources: dict[int, bytes] = field(default_factory=dict)
    bits: int = 1
    inverted: bool = False
    order: str = "<"
    geo: Directory = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


def read_tiff(file: BinaryIO, path: Any, *, deep: bool = False) -> TiffFile:
    """The tags of the first picture in `file`. Raises UserError for pixels that Pillow would read wrongly.

    deep: whether colour of 16 bits is read without it.
    """

    def at(offset: int, length: int) -> bytes:
        file.seek(offset)
        return file.read(length)

    order, tags = _ifd.read(at)
    found = TiffFile()

    def number(tag: int, default: int) -> int:
        value = tags.get(tag)
        numbers = value.numbers(order) if isinstance(value, Value) else ()
        return int(numbers[0]) if numbers else default

    found.bits = number(_BITS, 1)
    _refuse(path, number, 8 if deep else found.bits, _DNG in tags)
    found.inverted = number(_PHOTOMETRIC, _WHITE_IS_ZERO) == _WHITE_IS_ZERO and found.bits in (12, 16)
    found.order, found.geo = order, {tag: tags.pop(tag) for tag in GEO_TAGS if tag in tags}
    if _LAYERS in tags:
        found.lost.append("layers of Photoshop")
    if any(tag in tags for tag in _SENSOR_MODELS):
        found.lost.append("sensor model (RPC)")
    xmp, block, iptc = (tags.pop(tag, None) for tag in (_XMP, _PHOTOSHOP, _IPTC_TAG))
    found.xmp = xmp.data if isinstance(xmp, Value) else None
    found.resources = kept_resources(block.data) if isinstance(block, Value) else {}
    if isinstance(iptc, Value):  # some writers say that its bytes are LONGs
        found.resources.setdefault(IPTC, iptc.data)
    description = tags.get(_DESCRIPTION)
    if isinstance(description, Value) and description.data.startswith(b'{"shape"'):  # tifffile's, of the old array
        del tags[_DESCRIPTION]
    kept: Directory = {tag: value for tag, value in tags.items() if tag not in _STORAGE_TAGS}
    if kept:
        found.exif = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8) + _ifd.build(order, kept)
    return found


def _refuse(path: Any, number: Any, bits: int, is_dng: bool) -> None:
    photometric, samples = number(_PHOTOMETRIC, 0), number(_SAMPLES, 1)
    kind, planar = _KINDS.get(photometric, f"kind {photometric}"), number(_PLANAR, 1) == 2
    if is_dng or photometric in (32803, 34892) or (number(_REDUCED, 0) & 1 and number(_SUBFILES, 0)):
        raise UserError(f"{path} is a camera's raw file, of which only the preview would be read: develop it first")
    if samples > 1 and bits > 8:
        raise UserError(
            f"{path} has {bits} bits a colour of a kind of which only 8 would be read: save it with 8 bits, or 16 as "
            "RGB, first, or pass its array to pocketsr.upscale_image"
        )
    if planar and number(_EXTRA, -1) == 1:
        raise UserError(f"{path} holds {kind} planes with premultiplied transparency: save them interleaved first")
    if photometric == _YCBCR and number(_COMPRESSION, 1) == _RAW and number(_SUBSAMPLING, 2) != 1:
        raise UserError(f"{path} holds subsampled YCbCr without compression, which is not supported: save it as RGB")
    if photometric in (8, 9, 10):
        raise UserError(f"{path} holds pixels of a kind that is not supported ({kind}): convert it to RGB first")


def amended(
    content: bytes, kept: Directory, order: str, xmp: bytes | None, resources: dict[int, bytes],
    storage: Directory | None = None,
) -> bytes:  # fmt: skip
    """The TIFF file `content`, as Pillow wrote it, with these tags too: a new directory at its end.

    kept: tags in byte order `order`. storage: of how its pixels are stored, in place of those that are there.
    Pillow (13.0) hands over only tags that it knows where libtiff compresses.
    """
    own_order, own = _ifd.read(_ifd.reader(content))
    merged: Directory = dict(own)
    for tag, value in kept.items():
        as_text = tag in _RESOLUTION and isinstance(value, Value) and value.kind != _ifd.RATIONAL
        if tag not in _STORAGE_TAGS and not as_text:  # some phones' EXIF; readers of TIFF fail on it
            merged[tag] = _in_order(value, order, own_order)
    merged |= storage or {}
    if xmp is not None:
        merged[_XMP] = Value(_ifd.BYTE, len(xmp), xmp)
    if resources:
        block = resources_with(resources)
        merged[_PHOTOSHOP] = Value(_ifd.BYTE, len(block), block)
        if IPTC in resources:
            merged[_IPTC_TAG] = Value(_ifd.UNDEFINED, len(resources[IPTC]), resources[IPTC])
    place = len(content) + len(content) % 2
    directory = _ifd.build(own_order, merged, place)
    return content[:4] + struct.pack(f"{own_order}I", place) + content[8:].ljust(place - 8, b"\0") + directory


def _in_order(value: Value | Directory, order: str, to: str) -> Value | Directory:
    if isinstance(value, Value):
        return _ifd.swapped(value) if order != to else value
    return {tag: _in_order(below, order, to) for tag, below in value.items()}
