"""An image file in, a larger image file out."""

from __future__ import annotations

import io
import os
import time
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pocketsr.atomic_io import Beside
from pocketsr.engine import Upscaler
from pocketsr.errors import UserError
from pocketsr.image._array import upscale_array
from pocketsr.image._compare import side_by_side
from pocketsr.image._decode import Picture, decode
from pocketsr.image._encode import Scale, encode
from pocketsr.image._formats import check_fits, target_format
from pocketsr.image._memory import growth_of
from pocketsr.report import Percentiles, Report
from pocketsr.sizing import Plan, Size, kept_aspect, plan

__all__ = ["upscale_image_file"]


def upscale_image_file(
    source: Path,
    target: Path | None,
    net: Upscaler,
    bicubic: Upscaler,
    *,
    size: Size | None = None,
    name: str = "the network",
    overwrite: bool = False,
    compare: bool = False,
) -> Report:
    """Upscale the picture `source` into `target`, whose suffix says the format (see `_formats.WRITABLE`).

    The picture is turned upright by its EXIF orientation. ICC profile, EXIF, XMP, IPTC, comments, texts and resolution
    are kept byte for byte, but for what they say of the size and the place of the pixels, which is corrected; what the
    format of `target` can't hold is named in one warning. JPEG is written at quality 95 without chroma subsampling,
    AVIF at 95, WebP at 95 if the source was lossy; everything else is lossless. Palettes become RGB, 1-bit becomes
    grey, CMYK becomes RGB with a warning. With `target` None the result is encoded and thrown away, for timing.

    size: of the result; default: `net.scale` times the picture's. name: of the network, for `Report.steps`.
    compare: whether bicubic interpolation stands beside it, at the left, both with labels.

    `target` is written beside its place and then renamed: it is complete or absent. Raises UserError for an
    input that is not supported (animations, several pages, 16 bits a colour), broken or too large for this machine's
    memory, for an output that cannot be written or hold the result, and for one that exists unless `overwrite`.
    """
    beside = None
    if target is not None:
        if not os.path.isdir(target):  # noqa: PTH112  Path.is_dir fails on names that are too long
            target_format(target)
        beside = Beside(target, source, overwrite=overwrite)
    try:
        return _upscale(source, beside, net, bicubic, size, name, compare)
    except MemoryError:
        raise UserError(f"{source}: not enough memory to upscale it") from None
    finally:  # a failure, a full disk and Ctrl-C leave nothing behind; what was kept is no longer there
        if beside is not None:
            beside.discard()


def _upscale(
    source: Path,
    beside: Beside | None,
    net: Upscaler,
    bicubic: Upscaler,
    size: Size | None,
    name: str,
    compare: bool,
) -> Report:
    start = time.perf_counter()
    picture = decode(source, growth_of(size, net.scale))
    before = (picture.pixels.shape[1], picture.pixels.shape[0])
    way = plan(size, net.scale, *before)
    _refuse_distortion(source, way)
    width, height = way.target[0] * (1 + compare), way.target[1]
    scale = Fraction(way.target[0], before[0]), Fraction(height, before[1])
    channels = picture.pixels.shape[2] if picture.pixels.ndim == 3 else 1
    if beside is not None:
        bits = 8 * picture.pixels.dtype.itemsize
        check_fits(beside.target, width=width, height=height, channels=channels, bits=bits)
    decoded = time.perf_counter()
    pixels = upscale_array(picture.pixels, net, bicubic, way)
    if compare:
        pixels = side_by_side(upscale_array(picture.pixels, bicubic, bicubic, way), pixels, ("bicubic", name))
    upscaled = time.perf_counter()
    warnings = [*picture.warnings, *_write(picture, pixels, beside, scale)]
    encoded = time.perf_counter()
    decode_s, upscale_s, encode_s = decoded - start, upscaled - decoded, encoded - upscaled
    return Report(
        frames=1,
        seconds=encoded - start,
        size=(width, height),
        decode_ms=Percentiles.of_seconds([decode_s]),
        upscale_ms=Percentiles.of_seconds([upscale_s]),
        encode_ms=Percentiles.of_seconds([encode_s]),
        decode_busy_s=decode_s,
        upscale_busy_s=upscale_s,
        encode_busy_s=encode_s,
        steps=None if way.plain else way.words(name),
        warnings=warnings,
    )


def _refuse_distortion(source: Path, way: Plan) -> None:
    """A picture's pixels are square: another shape would stretch what is seen. Raises UserError."""
    if kept_aspect(None, way.source, way.target) is not None:
        (a, b), (c, d) = way.source, way.target
        e, f = Size(fit=way.target).of(a, b)
        raise UserError(f"{source} is {a}x{b}, and {c}x{d} would distort it: --fit {c}x{d} makes it {e}x{f}")


def _write(picture: Picture, pixels: NDArray[Any], beside: Beside | None, scale: Scale) -> tuple[str, ...]:
    if beside is None:
        name = "JPEG" if picture.lossy and pixels.shape[2:] != (4,) and max(pixels.shape[:2]) <= 65_500 else "PNG"
        encode(pixels, picture.kept, io.BytesIO(), name, scale=scale, lossy=picture.lossy, suffix="")
        return ()
    target = beside.target
    name = target_format(target)
    try:
        with beside.path.open("wb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about EXIF that is damaged, on lines of their own
            lost = encode(pixels, picture.kept, file, name, scale=scale, lossy=picture.lossy, suffix=target.suffix)
        beside.keep()
    except (OSError, ValueError) as error:  # Pillow's encoders raise both
        why = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
        raise UserError(f"{target} can't be written: {why}") from None
    return (f"{target}: {name} cannot hold the {' and '.join(lost)} of the input",) if lost else ()
