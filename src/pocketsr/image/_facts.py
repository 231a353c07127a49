"""What the readers of single formats find in a file, before its pixels are decoded and beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray
from PIL import ImageFile

from pocketsr.errors import UserError
from pocketsr.image import _ifd
from pocketsr.image._boxes import avif_colour, jpeg2000_data
from pocketsr.image._deep import png_pixels, tiff_facts, tiff_pixels
from pocketsr.image._iptc import kept_resources
from pocketsr.image._jpeg import read_jpeg
from pocketsr.image._png import read_png
from pocketsr.image._tiff import read_tiff

__all__ = ["READERS", "Facts", "Kept", "note_what_pillow_found"]


@dataclass
class Kept:
    """What goes along with the pixels, as bytes.

    exif: as in a file of its own, without b"Exif". resources: of Photoshop, IPTC among them. text, colour: chunks of
    PNG. geo: tags of GeoTIFF in byte order geo_order. turned: whether width and height have changed places.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    resources: dict[int, bytes] = field(default_factory=dict)
    comments: list[bytes] = field(default_factory=list)
    text: list[tuple[bytes, bytes]] = field(default_factory=list)
    colour: list[tuple[bytes, bytes]] = field(default_factory=list)
    geo: _ifd.Directory = field(default_factory=dict)
    geo_order: str = "<"
    turned: bool = False


@dataclass
class Facts:
    """What a format's own reader has found out for the decoder. lost: names of what can't go along.

    deep: reads colour of 16 bits, which Pillow would read with 8; gives pixels, and the orientation that the format's
    own reader would have turned them by.
    """

    source: BinaryIO
    bits: int = 8
    inverted: bool = False
    notes: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    deep: Callable[[], tuple[NDArray[Any], int]] | None = None


def _read_png(path: Path, file: BinaryIO, kept: Kept, facts: Facts) -> None:
    png = read_png(file, path)
    if png.frames > 1:
        raise UserError(f"{path} holds {png.frames} frames: save them one by one as PNG first")
    facts.source, facts.bits, facts.lost = png.pixels, png.bits, png.lost
    if png.bits == 16 and (png.colour_type != 0 or png.has_key):
        facts.deep = lambda: (png_pixels(png.pixels.getvalue()), 1)
    kept.icc, kept.exif, kept.xmp, kept.dpi = png.icc, png.exif, png.xmp, png.dpi
    kept.text, kept.colour = png.text, png.colour
    if png.damaged:
        facts.notes.append(f"{path}: its {' and '.join(sorted(set(png.damaged)))} data is damaged and was left out")


def _read_jpeg(path: Path, file: BinaryIO, kept: Kept, facts: Facts) -> None:
    jpeg = read_jpeg(file)
    kept.exif, kept.xmp, kept.comments = jpeg.exif, jpeg.xmp, jpeg.comments
    kept.resources = kept_resources(jpeg.resources)
    facts.lost = jpeg.lost
    if jpeg.pictures > 1 and "gain map (HDR)" not in jpeg.lost:  # a phone's: previews, depth or a gain map behind it
        facts.notes.append(f"{path}: only the first of its {jpeg.pictures} pictures is upscaled")


def _read_tiff(path: Path, file: BinaryIO, kept: Kept, facts: Facts) -> None:
    deep = tiff_facts(file)
    tiff = read_tiff(file, path, deep=deep is not None)
    if deep is not None:
        facts.deep = lambda: tiff_pixels(file, *deep)
    facts.bits, facts.inverted, facts.lost = tiff.bits, tiff.inverted, tiff.lost
    kept.exif, kept.xmp, kept.resources = tiff.exif, tiff.xmp, tiff.resources
    kept.geo, kept.geo_order = tiff.geo, tiff.order


def note_what_pillow_found(path: Path, name: str, image: ImageFile.ImageFile, kept: Kept, facts: Facts) -> None:
    exif, xmp, comment = (image.info.get(key) for key in ("exif", "xmp", "comment"))
    kept.exif = exif.removeprefix(b"Exif\0\0") if isinstance(exif, bytes) and exif else None
    kept.xmp = xmp.encode() if isinstance(xmp, str) else xmp if isinstance(xmp, bytes) else None
    if isinstance(comment, bytes) and name == "GIF":
        kept.comments = [comment]
    if name == "JPEG2000":
        icc, exif, xmp = jpeg2000_data(path)
        kept.icc, kept.exif, kept.xmp = kept.icc or icc, exif and exif.removeprefix(b"Exif\0\0"), xmp
    if name == "AVIF":
        bits, cicp = avif_colour(path)
        if bits > 8:
            facts.notes.append(f"{path}: of its {bits} bits a colour 8 are kept")
        if cicp is not None and not image.info.get("icc_profile"):
            kept.colour = [(b"cICP", cicp)]
    if name == "HEIF":
        if (bits := image.info.get("bit_depth", 8)) > 8:
            facts.notes.append(f"{path}: of its {bits} bits a colour 8 are kept")
        if (count := getattr(image, "n_frames", 1)) > 1:
            facts.notes.append(f"{path}: only the main one of its {count} pictures is upscaled")
    if len(image.info.get("sizes", ())) > 1:
        facts.notes.append(f"{path}: only the largest of its {len(image.info['sizes'])} pictures is upscaled")
    if name == "PSD" and getattr(image, "n_frames", 1) > 1:
        facts.lost.append("layers of Photoshop")


READERS: dict[str, Callable[[Path, BinaryIO, Kept, Facts], None]] = {
    "PNG": _read_png,
    "JPEG": _read_jpeg,
    "TIFF": _read_tiff,
}
"""Formats that are read by ourselves first, by what `_formats` calls them. The others are Pillow's alone."""
