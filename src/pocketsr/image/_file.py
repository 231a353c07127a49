"""An image file in, a larger image file out."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from pocketsr.beside import Beside
from pocketsr.engine import Upscaler
from pocketsr.errors import UserError
from pocketsr.image._array import upscale_array
from pocketsr.image._decode import Picture, decode, with_size
from pocketsr.image._formats import check_fits, save_options, target_format

__all__ = ["ImageReport", "upscale_image_file"]

_JPEG_MARKER = 65_000  # bytes that certainly fit in one APP1 marker (65,533 less a header)


@dataclass(frozen=True, slots=True)
class ImageReport:
    """What was done: size of the result in pixels, milliseconds a stage, what the user should know."""

    width: int
    height: int
    decode_ms: float
    upscale_ms: float
    encode_ms: float
    warnings: tuple[str, ...]


def upscale_image_file(
    source: Path,
    target: Path | None,
    net: Upscaler,
    bicubic: Upscaler,
    *,
    overwrite: bool = False,
) -> ImageReport:
    """Upscale the PNG, JPEG, WebP, BMP or TIFF file `source` into `target`, whose suffix says the format.

    The picture is turned upright by its EXIF orientation; ICC profile, EXIF, XMP and DPI are kept where the
    format of `target` holds them. JPEG is written at quality 95 without chroma subsampling, WebP at 95 if the
    source was lossy; everything else is lossless. Palettes become RGB, 1-bit becomes grey, CMYK becomes RGB
    with a warning. With `target` None the result is encoded and thrown away, for timing.

    `target` is written beside its place and then renamed: it is complete or absent. Raises UserError for an
    input that is not supported (animations, several pages, 16 bits a colour) or broken, for an output that
    cannot be written or hold the result, and for one that exists unless `overwrite`.
    """
    beside = None
    if target is not None:
        if target.is_dir():
            raise UserError(f"{target} is a folder: name the file to write, as in {target / source.stem}_2x.png")
        target_format(target)
        beside = Beside(target, source, overwrite=overwrite)
    try:
        return _upscale(source, beside, net, bicubic)
    except MemoryError:
        raise UserError(f"{source}: not enough memory to upscale it") from None
    finally:  # a failure, a full disk and Ctrl-C leave nothing behind; what was kept is no longer there
        if beside is not None:
            beside.discard()


def _upscale(source: Path, beside: Beside | None, net: Upscaler, bicubic: Upscaler) -> ImageReport:
    start = time.perf_counter()
    picture = decode(source)
    height, width = (side * net.scale for side in picture.pixels.shape[:2])
    if beside is not None:
        has_alpha = picture.pixels.ndim == 3 and picture.pixels.shape[2] == 4
        bits = 8 * picture.pixels.dtype.itemsize
        check_fits(beside.target, width=width, height=height, has_alpha=has_alpha, bits=bits)
    decoded = time.perf_counter()
    pixels = upscale_array(picture.pixels, net, bicubic)
    upscaled = time.perf_counter()
    notes = _write(picture, pixels, beside)
    encoded = time.perf_counter()
    return ImageReport(
        width=width,
        height=height,
        decode_ms=(decoded - start) * 1e3,
        upscale_ms=(upscaled - decoded) * 1e3,
        encode_ms=(encoded - upscaled) * 1e3,
        warnings=(*picture.warnings, *notes),
    )


def _write(picture: Picture, pixels: NDArray[Any], beside: Beside | None) -> tuple[str, ...]:
    if beside is None:
        _save(picture, pixels, io.BytesIO(), "JPEG" if picture.lossy and pixels.shape[2:] != (4,) else "PNG")
        return ()
    target = beside.target
    name = target_format(target)
    try:
        with beside.path.open("wb") as file:
            lost = _save(picture, pixels, file, name)
        beside.keep()
    except OSError as error:
        raise UserError(f"{target} can't be written: {error.strerror or error}") from None
    return tuple(f"{target}: {name} cannot hold the {what} of the input" for what in lost)


def _save(picture: Picture, pixels: NDArray[Any], file: BinaryIO, name: str) -> list[str]:
    """Encode into `file`; returns the names of what the format could not hold."""
    height, width = pixels.shape[:2]
    options = save_options(name, picture.lossy)
    exif = with_size(picture.exif, width, height, xmp=picture.xmp if name == "TIFF" else None)
    lost = []
    if picture.icc:
        options["icc_profile"] = picture.icc
        if name == "BMP":
            lost.append("colour profile")
    if picture.dpi:
        options["dpi"] = picture.dpi
    if name == "JPEG" and len(exif) > _JPEG_MARKER:
        lost.append("EXIF data")
    elif exif:
        options["exif"] = exif
    if name == "TIFF":
        # libtiff, which compresses, takes no directories of tags; Pillow's own writer does, and stores raw
        options["compression"] = "raw" if exif else "tiff_adobe_deflate"
    if picture.xmp and name == "JPEG" and len(picture.xmp) > _JPEG_MARKER:
        lost.append("XMP data")
    elif picture.xmp and name == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", picture.xmp.decode("utf-8", "replace"))
        options["pnginfo"] = text
    elif picture.xmp:
        options["xmp"] = picture.xmp
    Image.fromarray(pixels).save(file, format=name, **options)
    return lost
