"""Ranges: which step a tensor is rounded in, from samples of what it holds. NumPy only."""

from __future__ import annotations

import itertools
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pocketsr.quant.spec import Span

__all__ = ["RANGES", "Ranges", "act_range", "weight_scales"]

Ranges = Literal["mse", "minmax", "percentile"]
"""minmax: all that was seen fits. percentile: all but one in a thousand on each side. mse: the step that makes the mean
square of what rounding and clipping change smallest."""
RANGES: tuple[Ranges, ...] = get_args(Ranges)

_TAIL = 0.1  # per cent beyond a percentile range, on each side
_STEPS = 20  # scales that are tried, and again about the best of them; from and up to these shares of the one with
#              which nothing is clipped
_LEAST, _MOST = 0.15, 1.1
_ZEROS = 17  # zeros that are tried, up to a quarter of the levels from where the range's own would be

Array = NDArray[np.float32]


def act_range(samples: Array, levels: int, how: Ranges) -> tuple[float, int]:
    """(scale, zero) for integer planes 0..levels, of which `zero` stands for 0.0.

    samples: any numbers that the planes hold; 0 always is within the range, since it is a level.
    """
    if how == "percentile":
        low, high = (float(each) for each in np.percentile(samples, [_TAIL, 100 - _TAIL]))
    else:
        low, high = float(samples.min()), float(samples.max())
    low, high = min(low, 0.0), max(high, 0.0)
    if high == low:
        return 1.0, 0
    scale = (high - low) / levels
    zero = round(-low / scale)
    if how != "mse":
        return scale, zero
    best = (np.inf, scale, zero)
    about = zero + np.linspace(-0.25, 0.25, _ZEROS) * levels
    zeros = dict.fromkeys(np.clip(np.rint(about), 0, levels).astype(int).tolist())
    coarse = np.geomspace(_LEAST, _MOST, _STEPS) * scale
    tried = itertools.product(zeros, coarse)
    for _ in range(2):
        for candidate, shrunk in tried:
            error = _act_error(samples, float(shrunk), candidate, levels)
            if error < best[0]:
                best = (error, float(shrunk), candidate)
        between = coarse[1] / coarse[0]  # of the best one's neighbours
        tried = itertools.product([best[2]], np.geomspace(best[1] / between, best[1] * between, _STEPS))
    return best[1], best[2]


def _act_error(samples: Array, scale: float, zero: int, levels: int) -> float:
    whole = np.clip(np.rint(samples / np.float32(scale)), -zero, levels - zero)
    return float(np.square(whole * np.float32(scale) - samples).mean())


def weight_scales(weight: Array, span: Span, how: Ranges) -> Array:
    """The scale of each output channel. weight: CO ..; 0 where all of a channel's weights are 0."""
    flat = weight.reshape(len(weight), -1)
    size = np.abs(flat)
    largest = np.percentile(size, 100 - _TAIL, axis=1) if how == "percentile" else size.max(axis=1)
    scales = (largest / span.high).astype(np.float32)
    if how != "mse":
        return scales
    best = np.full(len(flat), np.inf)
    found = scales.copy()
    for part in np.geomspace(_LEAST, _MOST, 6 * _STEPS):
        tried = (part * scales).astype(np.float32)
        step = np.where(tried > 0, tried, 1)[:, None]
        error = np.square(np.clip(np.rint(flat / step), span.low, span.high) * step - flat).sum(axis=1)
        found = np.where(error < best, tried, found)
        best = np.minimum(best, error)
    return found
