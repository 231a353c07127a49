"""Files of frames in, one larger picture out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pocketsr.atomic_io import Beside
from pocketsr.bursts.arrays import LEAST_SHARE, MOST_FRAMES
from pocketsr.bursts.fuse import Fused, fuse
from pocketsr.bursts.opencv import lacks_memory
from pocketsr.engine import Plane, Upscaler
from pocketsr.errors import UserError
from pocketsr.image import (
    Picture,
    check_fits,
    decode,
    free_bytes,
    growth_of,
    target_format,
    write_picture,
)
from pocketsr.models import DEFAULT_SCALE
from pocketsr.sizing import Size
from pocketsr.source import look

__all__ = ["BurstReport", "burst_files"]


@dataclass(frozen=True)
class BurstReport:
    """What was done.

    size: (width, height) of the output. shares: of each input, of how much of the picture it was used for, 0..1; that
    of the reference is 1. seconds: from opening the first input to the finished output. warnings: one line each.
    """

    size: tuple[int, int]
    shares: list[float]
    seconds: float
    warnings: list[str]


def burst_files(
    sources: Sequence[Path], target: Path, net: Upscaler, bicubic: Upscaler, *, scale: int = DEFAULT_SCALE,
    reference: int = 0, estimate: bool = False, overwrite: bool = False,
) -> BurstReport:  # fmt: skip
    """Fuse the pictures `sources` into `target`, `scale` times as large; what goes along is that of the reference.

    net, bicubic: of one scale, as for `fuse`. reference: index of the picture that the result looks like.
    estimate: whether `net` is told the strength that a look at that picture finds.

    `target` is complete or absent. Raises UserError for pictures that can't be read or differ in size or kind, for too
    little memory, and for an output that can't be written, or exists unless `overwrite`.
    """
    if not 1 <= len(sources) <= MOST_FRAMES:
        raise UserError(f"{len(sources)} frames: 1 to {MOST_FRAMES} are expected")
    target_format(target)
    for each in sources:
        if target.exists() and each.exists() and target.samefile(each):
            raise UserError(f"{target} is one of the inputs: name another output")
    beside = Beside(target, sources[reference], overwrite=overwrite)
    try:

        def fusing(frames: list[Plane], strength: float | None) -> Fused:
            return fuse(frames, net, bicubic, scale=scale, reference=reference, strength=strength)

        return _burst(sources, beside, fusing, net.scale, scale, reference, estimate)
    except Exception as error:
        if isinstance(error, MemoryError) or lacks_memory(error):
            raise UserError(f"not enough memory for {len(sources)} frames: give fewer, or smaller ones") from None
        raise
    finally:
        beside.discard()


def _burst(
    sources: Sequence[Path], beside: Beside, fusing: Callable[[list[Plane], float | None], Fused], network_scale: int,
    scale: int, reference: int, estimate: bool,
) -> BurstReport:  # fmt: skip
    began = time.perf_counter()
    growth = growth_of(Size(factor=Fraction(scale)), network_scale)
    main = decode(sources[reference], growth)
    height, width = main.pixels.shape[:2]
    channels = main.pixels.shape[2] if main.pixels.ndim == 3 else 1
    bits = 8 * main.pixels.dtype.itemsize
    check_fits(beside.target, width=width * scale, height=height * scale, channels=channels, bits=bits)
    _check_memory(main, len(sources))
    warnings, frames = list(main.warnings), list[Plane]()
    for index, path in enumerate(sources):
        picture = main if index == reference else decode(path, growth)
        _check_alike(path, picture.pixels, sources[reference], main.pixels)
        frames.append(picture.pixels)
    made = fusing(frames, look(main.pixels, main.hints).strength if estimate else None)
    pixels = made.pixels
    shares = [*made.shares[:reference], 1.0, *made.shares[reference:]]
    for path, share in zip(sources, shares, strict=True):
        if share < LEAST_SHARE:
            warnings.append(f"{path} shows something else than {sources[reference]}, or is too far off: left out")
    warnings += write_picture(main, pixels, beside, (Fraction(scale), Fraction(scale)))
    return BurstReport((pixels.shape[1], pixels.shape[0]), shares, time.perf_counter() - began, warnings)


def _check_memory(picture: Picture, count: int) -> None:
    """Raises UserError where the frames take more memory than there is: of the machine, its group and its limit."""
    needed, free = picture.pixels.nbytes * (count - 1), free_bytes()
    if free is not None and needed > free:
        raise UserError(
            f"{count} frames of this size take {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free: "
            "give fewer"
        )


def _check_alike(path: Path, pixels: Plane, first: Path, wanted: Plane) -> None:
    (height, width), (rows, columns) = pixels.shape[:2], wanted.shape[:2]
    if (height, width) != (rows, columns):
        raise UserError(f"{path} is {width}x{height} and {first} {columns}x{rows}: the frames of a burst have one size")
    if pixels.ndim != wanted.ndim:
        kinds = {2: "grey", 3: "in colour"}
        raise UserError(
            f"{path} is {kinds[pixels.ndim]} and {first} {kinds[wanted.ndim]}: save both as grey, or both in colour"
        )
