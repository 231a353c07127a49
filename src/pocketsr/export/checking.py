"""How far an exported file is from the engine, on three pictures made here, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine import Upscaler

__all__ = ["Exactness", "Picture", "Run", "compare", "milliseconds", "pictures", "to_levels"]

Picture: TypeAlias = NDArray[np.uint8]  # H W, or H W 3
Run: TypeAlias = Callable[[Picture], Picture]

_ENOUGH_S, _MOST_RUNS = 2.0, 8
_LEVELS = 255


@dataclass(frozen=True)
class Exactness:
    """Of 8-bit samples, over all pictures."""

    max_levels: int
    differing_share: float
    psnr_db: float | None  # None: no sample differs


def pictures(height: int, width: int, channels: int) -> list[Picture]:
    """A drawing of edges, lines and waves, a texture whose contrast falls with frequency, and slow ramps with steps of
    full contrast: the same for everyone."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    drawing = 0.4 + 0.2 * np.sin(x / 5 + 0.3) * np.cos(y / 7) + 0.4 * ((0.8 * x + 0.6 * y) % 61 > 30)
    drawing -= 0.3 * (np.abs((0.5 * x - 0.87 * y) % 37 - 18) < 1.5)
    drawing[np.hypot((x % 83) - 40, (y % 71) - 35) < 14] += 0.25
    random = np.random.default_rng(24)
    spectrum = np.fft.rfft2(random.normal(size=(height, width)))
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    texture = np.fft.irfft2(spectrum / np.maximum(np.hypot(rows, columns), 1 / max(height, width)), s=(height, width))
    texture = 0.5 + 0.18 * (texture - texture.mean()) / max(float(texture.std()), 1e-9)
    ramps = (x / max(width - 1, 1) + y / max(height - 1, 1)) / 2
    ramps = np.where((x // 32 + y // 32) % 4 == 0, 1 - np.round(ramps), ramps)
    made = [np.rint(np.clip(plane, 0, 1) * _LEVELS).astype(np.uint8) for plane in (drawing, texture, ramps)]
    if channels == 1:
        return made
    return [np.dstack([plane, plane[::-1], _LEVELS - plane]) for plane in made]


def to_levels(values: NDArray[Any], max_value: float) -> Picture:
    """Numbers in 0..max_value as 8-bit samples, as the engine rounds and clips them."""
    return np.clip(np.rint(values * np.float32(_LEVELS / max_value)), 0, _LEVELS).astype(np.uint8)


def compare(run: Run, reference: Upscaler, tried: list[Picture]) -> Exactness:
    """What `run` gives against `reference`."""
    differences = [np.abs(run(each).astype(np.int64) - reference(each)) for each in tried]
    every = np.concatenate([each.ravel() for each in differences])
    error = float(np.mean(every**2))
    return Exactness(
        int(every.max()),
        float(np.mean(every > 0)),
        round(10 * float(np.log10(_LEVELS**2 / error)), 2) if error else None,
    )


def milliseconds(run: Run, picture: Picture) -> float:
    """Processor time of one run, all threads together: the least of a few."""
    best, spent = float("inf"), 0.0
    for _ in range(_MOST_RUNS):
        begin = time.process_time()
        run(picture)
        took = time.process_time() - begin
        best, spent = min(best, took), spent + took
        if spent > _ENOUGH_S:
            break
    return round(best * 1e3, 2)
