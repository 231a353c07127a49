"""Pixels, and what goes along with them, become a file."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, BinaryIO, TypeAlias

from numpy.typing import NDArray
from PIL import Image

from pocketsr.image import _ifd, _xmp
from pocketsr.image._decode import Kept
from pocketsr.image._deep import write_png, write_ppm, write_tiff
from pocketsr.image._formats import WRITABLE, save_options
from pocketsr.image._geo import rescaled_geo
from pocketsr.image._iptc import resources_with
from pocketsr.image._jpeg import MARKER_ROOM, segment
from pocketsr.image._optional import register
from pocketsr.image._png import AfterHeader, is_plain_srgb, text_chunk
from pocketsr.image._tiff import amended

__all__ = ["encode"]

Scale: TypeAlias = tuple[Fraction, Fraction]
_COM, _APP13 = 0xFE, 0xED
_PHOTOSHOP = b"Photoshop 3.0\0"
_JPEG_EXIF_ROOM, _JPEG_XMP_ROOM = MARKER_ROOM - 6, MARKER_ROOM - 29  # less their headers
_JPEG_DENSITY = 65_535
_INCH_M = 0.0254


def encode(
    pixels: NDArray[Any], kept: Kept, file: BinaryIO, name: str, *, scale: Scale, lossy: bool, suffix: str
) -> list[str]:
    """Write `pixels`, which have become `scale` times as wide and high, to `file` in Pillow's format `name`.

    Returns the names of what the format could not hold. Raises OSError where it can't be written.
    """
    height, width = pixels.shape[:2]
    options = save_options(name, lossy)
    xmp = _xmp.rescaled(kept.xmp, scale, swapped=kept.turned) if kept.xmp else None
    lost = _not_held(kept, name, xmp)
    holds = [
        what
        for what, data in (("EXIF data", kept.exif), ("XMP data", xmp), ("colour profile", kept.icc))
        if data and what not in lost
    ]
    if "colour profile" in holds:
        options["icc_profile"] = kept.icc
    if kept.dpi and (name != "JPEG" or max(kept.dpi) <= _JPEG_DENSITY):
        options["dpi"] = kept.dpi
    if "EXIF data" in holds and name != "TIFF" and kept.exif:
        options["exif"] = b"Exif\0\0" + _ifd.patch(kept.exif, _sizes(width, height), _drop(name))
    if "XMP data" in holds and name in ("JPEG", "WEBP", "AVIF", "HEIF", "JXL"):
        options["xmp"] = xmp
    if pixels.dtype.itemsize == 2 and pixels.ndim == 3:
        _encode_deep(pixels, kept, file, name, xmp, scale, options)
        return lost
    register(name)
    image = Image.fromarray(pixels)
    if name in ("QOI", "HEIF") and image.mode == "L":
        image = image.convert("RGB")
    if name == "JPEG":
        options["extra"] = _jpeg_segments(kept)
    if name == "JPEG2000":
        options["no_jp2"] = suffix.lower() in (".j2k", ".j2c")
    if name == "PNG":
        image.save(AfterHeader(file, _png_chunks(kept, xmp)), format=name, **options)  # type: ignore[arg-type]
    elif name == "TIFF":
        # in memory: libtiff writes to a file by itself, and where the disk is full it prints lines of its own
        memory = io.BytesIO()
        image.save(memory, format=name, compression="tiff_adobe_deflate", **options)
        file.write(_with_tags(memory.getvalue(), kept, xmp, scale, (width, height)))
    elif name == "JPEG2000":
        memory = io.BytesIO()  # where a write fails, OpenJPEG 2.5.4 tries for ever
        image.save(memory, format=name, **options)
        file.write(memory.getbuffer())
    else:
        image.save(_WithoutDescriptor(file), format=name, **options)  # type: ignore[arg-type]
    return lost


def _encode_deep(
    pixels: NDArray[Any], kept: Kept, file: BinaryIO, name: str, xmp: bytes | None, scale: Scale,
    options: dict[str, Any],
) -> None:  # fmt: skip
    """As `encode`, for colour of 16 bits; options: for Pillow."""
    height, width = pixels.shape[:2]
    if name == "PPM":
        write_ppm(file, pixels)
        return
    if name == "TIFF":
        memory = io.BytesIO()
        storage = write_tiff(memory, pixels, compression="tiff_adobe_deflate", **options)
        file.write(_with_tags(memory.getvalue(), kept, xmp, scale, (width, height), storage))
        return
    chunks = [*_png_chunks(kept, xmp)]
    if "icc_profile" in options:
        chunks.insert(0, (b"iCCP", b"ICC Profile\0\0" + zlib.compress(options["icc_profile"])))
    if "dpi" in options:
        x, y = (round(side / _INCH_M) for side in options["dpi"])
        chunks.append((b"pHYs", struct.pack(">IIB", x, y, 1)))
    if "exif" in options:
        chunks.append((b"eXIf", options["exif"].removeprefix(b"Exif\0\0")))
    write_png(file, pixels, chunks)


class _WithoutDescriptor:
    """A file that is written to by Python alone.

    Pillow (13.0) writes to a descriptor itself where it gets one, and calls a full disk "encoder error -2".
    """

    def __init__(self, file: BinaryIO) -> None:
        self.write, self.seek, self.tell, self.flush = file.write, file.seek, file.tell, file.flush


def _not_held(kept: Kept, name: str, xmp: bytes | None) -> list[str]:
    keeps = WRITABLE[name].keeps
    there = {
        "colour profile": bool(kept.icc),
        "colour description": kept.icc is None and not is_plain_srgb(kept.colour),
        "EXIF data": bool(kept.exif),
        "XMP data": bool(xmp),
        "IPTC data": bool(kept.resources),
        "comment": bool(kept.comments),
        "text": bool(kept.text),
        "georeference": bool(kept.geo),
    }
    lost = [what for what, found in there.items() if found and what not in keeps]
    if name == "JPEG" and kept.exif and len(kept.exif) > _JPEG_EXIF_ROOM:
        lost.append("EXIF data")
    if name == "JPEG" and xmp and len(xmp) > _JPEG_XMP_ROOM:
        lost.append("XMP data")
    return lost


def _sizes(width: int, height: int) -> dict[int, int]:
    """Upright, and the size as EXIF has it: of the image, of the Exif directory and of the Interop directory."""
    return {274: 1, 256: width, 257: height, 40962: width, 40963: height, 4097: width, 4098: height}


def _drop(name: str) -> int | None:
    """Pillow (13.0) makes a box of AVIF of the orientation, and encodes all of EXIF anew to take it out there."""
    return 274 if name == "AVIF" else None


def _jpeg_segments(kept: Kept) -> bytes:
    block = resources_with(kept.resources)
    parts = [
        block[at : at + MARKER_ROOM - len(_PHOTOSHOP)] for at in range(0, len(block), MARKER_ROOM - len(_PHOTOSHOP))
    ]
    photoshop = b"".join(segment(_APP13, _PHOTOSHOP + part) for part in parts)
    return photoshop + b"".join(segment(_COM, comment[:MARKER_ROOM]) for comment in kept.comments)


def _png_chunks(kept: Kept, xmp: bytes | None) -> Sequence[tuple[bytes, bytes]]:
    chunks = [(name, content) for name, content in kept.colour if name != b"sRGB" or not kept.icc]
    if xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    return [*chunks, *kept.text, *(text_chunk("Comment", comment) for comment in kept.comments)]


def _with_tags(
    content: bytes, kept: Kept, xmp: bytes | None, scale: Scale, size: tuple[int, int],
    storage: _ifd.Directory | None = None,
) -> bytes:  # fmt: skip
    tags, order = _ifd.Directory(), "<"
    if kept.exif:
        order, tags = _ifd.read(_ifd.reader(_ifd.patch(kept.exif, _sizes(*size))))
    if kept.geo:
        geo = rescaled_geo(kept.geo, kept.geo_order, scale)
        tags |= {
            tag: _ifd.swapped(value) if order != kept.geo_order and isinstance(value, _ifd.Value) else value
            for tag, value in geo.items()
        }
    return amended(content, tags, order, xmp, kept.resources, storage)
