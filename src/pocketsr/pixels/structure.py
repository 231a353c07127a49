"""Classes of structure: which direction and how much of it each pixel's surroundings have, in exact integers.

What networks choose their kernels by. This is the definition, in NumPy; `nets.structure` is the same in PyTorch and
in ONNX, and every form gives the same class for the same picture, bit for bit:

1. levels: luma in integers, `rint(255 * y)` (half to even), with the edge pixels repeated as far as is seen.
2. gradients gx, gy: the pixel to the right minus the one to the left, the one below minus the one above.
3. a, b, c: sums of gx gx, gx gy, gy gy over 5x5 pixels, weighed by 1 4 6 4 1 along both axes.
4. u = a - c: (u, 2b) points at twice the angle of the gradient. Its direction, 0..7, in eighths of a turn, by
   comparisons: off the axis of u where 24 |b| > 5 |u|, at the axis of b where 6 |u| < 5 |b| (tangent 5/12: 22.62
   degrees of twice the angle, 11.31 of the angle itself, in place of 11.25).
5. strength: how many of `limits` are below a + c.

class = 8 * strength + direction. Even: slopes along x (0), one diagonal (2), along y (4), the other diagonal (6); odd
ones lie between. Where there is no direction (a = c and b = 0, as on flat areas), it is 0.

a, |b| and c are at most 16,646,400, below 2^24: exact in float32 in whatever order they are summed; in 32-bit integers
everything is. Mirrored left to right or upside down, direction d becomes (8 - d) % 8; with rows and columns exchanged
(4 - d) % 8; turned by a quarter (d + 4) % 8. Strength stays. Only pixels without a direction stay 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DIRECTIONS", "REACH", "levels_of", "limit_of", "structure_classes"]

DIRECTIONS = 8
REACH = 3
"""Pixels to each side that a class depends on: 2 of the sums, 1 of the gradients."""
_BINOMIAL = (1, 4, 6, 4, 1)
_SUM = 256  # of the 5x5 weights


def levels_of(luma: NDArray[Any]) -> NDArray[np.uint8]:
    """Luma of 0..1 (floats) as the levels 0..255 that classes are found from; uint8 stays what it is."""
    if luma.dtype == np.uint8:
        return luma
    scaled = np.rint(np.float32(255) * luma.astype(np.float32))
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def limit_of(slope: float) -> int:
    """What a + c is compared with, for a slope in levels a pixel (root mean square over the surroundings).

    A gradient spans two pixels, so a slope of s gives a + c = 256 (2 s)^2; rounded to an integer.
    """
    return round(_SUM * 4 * slope * slope)


def structure_classes(luma: NDArray[Any], limits: Sequence[int]) -> NDArray[np.uint8]:
    """The class of each pixel of a plane.

    luma: H W, uint8, or floats of 0..1. limits: rising, of `limit_of`; at most 31 of them.
    Returns H W: 8 * strength + direction, below 8 * (len(limits) + 1).
    """
    wide = np.pad(levels_of(luma).astype(np.int32), REACH, mode="edge")
    gx = wide[1:-1, 2:] - wide[1:-1, :-2]
    gy = wide[2:, 1:-1] - wide[:-2, 1:-1]
    a, b, c = (_smoothed(product) for product in (gx * gx, gx * gy, gy * gy))
    u, size = a - c, np.abs(b)
    off_axis = 24 * size > 5 * np.abs(u)
    diagonal = 6 * np.abs(u) < 5 * size
    turn = off_axis.astype(np.int32) + diagonal  # eighths of a turn from the axis of u, within a quadrant
    turn = np.where(u < 0, 4 - turn, turn)
    turn = np.where((b < 0) & (turn > 0), 8 - turn, turn)
    strength = sum(((a + c > limit).astype(np.int32) for limit in limits), np.zeros_like(turn))
    return np.asarray(DIRECTIONS * strength + turn, np.uint8)


def _smoothed(plane: NDArray[np.int32]) -> NDArray[np.int32]:
    """H+4 W+4 to H W."""
    height, width = plane.shape[0] - 4, plane.shape[1] - 4
    rows = np.zeros((height, plane.shape[1]), np.int32)
    for at, weight in enumerate(_BINOMIAL):
        rows += weight * plane[at : at + height]
    total = np.zeros((height, width), np.int32)
    for at, weight in enumerate(_BINOMIAL):
        total += weight * rows[:, at : at + width]
    return total
