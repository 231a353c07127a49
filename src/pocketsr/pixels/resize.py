"""MATLAB's `imresize(..., 'bicubic')`, the resize that every published figure of this field starts from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cubic", "imresize", "resized"]

_TAPS = 4  # support of the cubic kernel at scale 1


def cubic(x: NDArray[np.float64], a: float = -0.5) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel (IEEE ASSP 1981, eq. 15 for a = -0.5); zero where |x| >= 2."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _taps(size: int, out: int, scale: float, antialias: bool) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Source indices and weights, both (out, taps), of one axis; indices are mirrored at the border."""
    stretch = scale if antialias and scale < 1 else 1.0
    width = _TAPS / stretch
    centre = (np.arange(out) + 0.5) / scale - 0.5
    left = np.floor(centre - width / 2)
    index = left[:, None] + np.arange(math.ceil(width) + 2)
    weight = cubic((centre[:, None] - index) * stretch)
    weight /= weight.sum(axis=1, keepdims=True)
    used = np.any(weight != 0, axis=0)  # as MATLAB does: columns that are zero everywhere go
    mirrored = np.mod(index[:, used].astype(np.intp), 2 * size)  # 0 .. size-1, size-1 .. 0, and again
    return np.minimum(mirrored, 2 * size - 1 - mirrored), weight[:, used]


def _along(image: NDArray[Any], axis: int, scale: float, antialias: bool) -> NDArray[np.float64]:
    size = image.shape[axis]
    index, weight = _taps(size, math.ceil(size * scale), scale, antialias)
    shape = [1] * image.ndim
    shape[axis] = len(index)
    total = np.zeros((*image.shape[:axis], len(index), *image.shape[axis + 1 :]))
    for tap in range(index.shape[1]):  # one tap at a time: no (H, W, taps) array for large photographs
        total += weight[:, tap].reshape(shape) * np.take(image, index[:, tap], axis=axis)
    return total


def imresize(image: NDArray[Any], scale: float, *, antialias: bool = True) -> NDArray[Any]:
    """Resize (H, W) or (H, W, C) to (ceil(H*scale), ceil(W*scale)[, C]) as MATLAB's bicubic `imresize` does.

    a = -0.5, symmetric border, rows before columns; with `antialias` the kernel is widened by 1/scale when
    shrinking. uint8 images are rounded (half up) and clipped after each of the two passes, as MATLAB does,
    and come back as uint8; everything else is computed in float64, and comes back unrounded and unclipped.
    """
    for axis in (0, 1):
        wide = _along(image, axis, scale, antialias)
        image = np.clip(np.floor(wide + 0.5), 0, 255).astype(np.uint8) if image.dtype == np.uint8 else wide
    return image


def resized(plane: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """A plane (H, W), uint8 or uint16, as (height, width): bicubic, a = -0.5, its kernel stretched where it shrinks.

    Rounded once and clipped to the type's range. At the edges the weights of samples that exist are made to sum to 1.
    """
    from PIL import Image

    most = np.iinfo(plane.dtype).max
    # As floats, which Pillow (13.0) sums in double precision; of its integer modes L is rounded after each axis.
    made = np.array(Image.fromarray(plane.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC))
    return np.clip(np.rint(made, out=made), 0, most, out=made).astype(plane.dtype)
