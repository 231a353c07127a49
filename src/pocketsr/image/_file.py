"""An image file in, a larger image file out."""

from __future__ import annotations

import contextlib
import io
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

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
from pocketsr.image._pages import Pages, TiffWriter, open_pages
from pocketsr.models import DEFAULT_SCALE
from pocketsr.report import Percentiles, Report
from pocketsr.sizing import Plan, Size, kept_aspect, plan
from pocketsr.source import Seen, look

__all__ = ["Choose", "Chosen", "upscale_image_file", "write_picture"]


@dataclass(frozen=True)
class Chosen:
    """The network for what was seen, bicubic interpolation of its scale, its name, and what it is told."""

    net: Upscaler
    bicubic: Upscaler
    name: str
    strength: float | None


Choose = Callable[[Seen], Chosen]


def upscale_image_file(
    source: Path,
    target: Path | None,
    net: Upscaler | None,
    bicubic: Upscaler,
    *,
    size: Size | None = None,
    name: str = "the network",
    overwrite: bool = False,
    compare: bool = False,
    strength: float | None = None,
    choose: Choose | None = None,
) -> Report:
    """Upscale the picture `source` into `target`, whose suffix says the format (see `_formats.WRITABLE`).

    The picture is turned upright by its EXIF orientation. ICC profile, EXIF, XMP, IPTC, comments, texts and resolution
    are kept byte for byte, but for what they say of the size and the place of the pixels, which is corrected; what the
    format of `target` can't hold is named in one warning. JPEG is written at quality 95 without chroma subsampling,
    AVIF at 95, WebP at 95 if the source was lossy; everything else is lossless. Palettes become RGB, 1-bit becomes
    grey, CMYK becomes RGB with a warning. All pages of a TIFF go into a TIFF. With
    `target` None the result is encoded and thrown away, for timing.

    net: None where `choose` gives it and `bicubic`, by what the picture is (the first, of several pages).
    size: of the result; default: `net.scale` times the picture's. name: of the network, for `Report.steps`.
    compare: whether bicubic interpolation stands beside it, at the left, both with labels.
    strength: what a network that takes one is told, 0..1; default: its own.

    `target` is written beside its place and then renamed: it is complete or absent. Raises UserError for an
    input that is not supported (an animation, for instance), broken or too large for this machine's
    memory, for an output that cannot be written or hold the result, and for one that exists unless `overwrite`.
    """
    beside = None
    if target is not None:
        if not os.path.isdir(target):  # noqa: PTH112  Path.is_dir fails on names that are too long
            target_format(target)
        beside = Beside(target, source, overwrite=overwrite)
    try:
        return _upscale(source, beside, _Task(net, bicubic, size, name, compare, strength, choose))
    except MemoryError:
        raise UserError(f"{source}: not enough memory to upscale it") from None
    finally:  # a failure, a full disk and Ctrl-C leave nothing behind; what was kept is no longer there
        if beside is not None:
            beside.discard()


@dataclass
class _Task:
    """What is done to each picture of a file."""

    net: Upscaler | None
    bicubic: Upscaler
    size: Size | None
    name: str
    compare: bool
    strength: float | None
    choose: Choose | None

    def network(self, picture: Picture) -> Upscaler:
        """The network, chosen now if it wasn't yet."""
        if self.net is None:
            assert self.choose is not None
            chosen = self.choose(look(picture.pixels, picture.hints))
            self.net, self.bicubic, self.name, self.strength = chosen.net, chosen.bicubic, chosen.name, chosen.strength
        return self.net


@dataclass
class _Times:
    """Seconds of each step, of each picture."""

    decode: list[float] = field(default_factory=list)
    upscale: list[float] = field(default_factory=list)
    encode: list[float] = field(default_factory=list)


def _upscale(source: Path, beside: Beside | None, task: _Task) -> Report:
    times, warnings = _Times(), list[str]()
    pages = open_pages(source) if source.is_file() else None
    if pages is not None and pages.others:
        warnings.append(f"{source}: left out: {pages.others} smaller copies and masks")
    if pages is not None and len(pages) > 1:
        size, steps = _upscale_pages(pages, beside, task, times, warnings)
    else:
        page = None if pages is None else next(iter(pages))
        picture, pixels, way, scale = _upscaled(source, page, beside, task, times)
        began = time.perf_counter()
        warnings += [*picture.warnings, *write_picture(picture, pixels, beside, scale)]
        times.encode.append(time.perf_counter() - began)
        size, steps = (pixels.shape[1], pixels.shape[0]), None if way.plain else way.words(task.name)
    return Report(
        frames=len(times.encode),
        seconds=sum(times.decode) + sum(times.upscale) + sum(times.encode),
        size=size,
        decode_ms=Percentiles.of_seconds(times.decode),
        upscale_ms=Percentiles.of_seconds(times.upscale),
        encode_ms=Percentiles.of_seconds(times.encode),
        decode_busy_s=sum(times.decode),
        upscale_busy_s=sum(times.upscale),
        encode_busy_s=sum(times.encode),
        steps=steps,
        warnings=warnings,
    )


def _upscaled(
    source: Path, page: bytes | None, beside: Beside | None, task: _Task, times: _Times
) -> tuple[Picture, NDArray[Any], Plan, Scale]:
    """A picture, its upscaled pixels, how they came about, and by how much it has grown."""
    start = time.perf_counter()
    scale = None if task.net is None else task.net.scale
    picture = decode(source, growth_of(task.size, scale), page)
    before = (picture.pixels.shape[1], picture.pixels.shape[0])
    way = plan(task.size, scale or DEFAULT_SCALE, *before)
    _refuse_distortion(source, way)
    width, height = way.target[0] * (1 + task.compare), way.target[1]
    channels = picture.pixels.shape[2] if picture.pixels.ndim == 3 else 1
    if beside is not None:
        bits = 8 * picture.pixels.dtype.itemsize
        check_fits(beside.target, width=width, height=height, channels=channels, bits=bits)
    decoded = time.perf_counter()
    network = task.network(picture)
    way = plan(task.size, network.scale, *before)
    pixels = upscale_array(picture.pixels, network, task.bicubic, way, task.strength)
    if task.compare:
        bicubic = upscale_array(picture.pixels, task.bicubic, task.bicubic, way)
        pixels = side_by_side(bicubic, pixels, ("bicubic", task.name))
    times.decode.append(decoded - start)
    times.upscale.append(time.perf_counter() - decoded)
    return picture, pixels, way, (Fraction(way.target[0], before[0]), Fraction(height, before[1]))


def _upscale_pages(
    pages: Pages, beside: Beside | None, task: _Task, times: _Times, warnings: list[str]
) -> tuple[tuple[int, int], str | None]:
    """All of a TIFF's pages into another; returns the size of the first, and how it came about."""
    if beside is not None and target_format(beside.target) != "TIFF":
        held = target_format(beside.target)
        raise UserError(f"{pages.path} holds {len(pages)} pages, and {held} one picture: write .tif")
    size, steps = (0, 0), None
    lines: dict[str, None] = {}
    with _saving(beside) as file:
        writer = TiffWriter(file)
        for number, page in enumerate(pages):
            picture, pixels, way, scale = _upscaled(pages.path, page, beside, task, times)
            began = time.perf_counter()
            memory = io.BytesIO()
            lost = encode(pixels, picture.kept, memory, "TIFF", scale=scale, lossy=picture.lossy, suffix=".tif")
            writer.add(memory.getvalue())
            times.encode.append(time.perf_counter() - began)
            lines |= dict.fromkeys([*picture.warnings, *_lost(beside, lost)])
            if not number:
                size, steps = (pixels.shape[1], pixels.shape[0]), None if way.plain else way.words(task.name)
    warnings += lines
    return size, steps


def _refuse_distortion(source: Path, way: Plan) -> None:
    """A picture's pixels are square: another shape would stretch what is seen. Raises UserError."""
    if kept_aspect(None, way.source, way.target) is not None:
        (a, b), (c, d) = way.source, way.target
        e, f = Size(fit=way.target).of(a, b)
        raise UserError(f"{source} is {a}x{b}, and {c}x{d} would distort it: --fit {c}x{d} makes it {e}x{f}")


def write_picture(picture: Picture, pixels: NDArray[Any], beside: Beside | None, scale: Scale) -> tuple[str, ...]:
    """`pixels`, which `picture` has become at `scale` times its size, to `beside`, with all that was kept of it.

    Returns a line for what the format can't hold. Raises UserError where it can't be written; `beside.discard` must
    follow in any case.
    """
    if beside is None:
        name = "JPEG" if picture.lossy and pixels.shape[2:] != (4,) and max(pixels.shape[:2]) <= 65_500 else "PNG"
        encode(pixels, picture.kept, io.BytesIO(), name, scale=scale, lossy=picture.lossy, suffix="")
        return ()
    name, suffix = target_format(beside.target), beside.target.suffix
    with _saving(beside) as file:
        lost = encode(pixels, picture.kept, file, name, scale=scale, lossy=picture.lossy, suffix=suffix)
    return _lost(beside, lost)


def _lost(beside: Beside | None, lost: list[str]) -> tuple[str, ...]:
    if beside is None or not lost:
        return ()
    return (f"{beside.target}: {target_format(beside.target)} cannot hold the {' and '.join(lost)} of the input",)


@contextlib.contextmanager
def _saving(beside: Beside | None) -> Iterator[BinaryIO]:
    """A file to write to, which goes to its place at the end; without a place, memory."""
    if beside is None:
        yield io.BytesIO()
        return
    try:
        with beside.path.open("w+b") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about EXIF that is damaged, on lines of their own
            yield file
        beside.keep()
    except (OSError, ValueError) as error:  # Pillow's encoders raise both
        if isinstance(error, UserError):
            raise
        why = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
        raise UserError(f"{beside.target} can't be written: {why}") from None
