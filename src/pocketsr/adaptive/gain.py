"""What the good network takes off the squared error of the cheap one, for each block, told from the picture alone.

Two measures of the LR picture, each a small network (`gain.onnx`, `gradient.onnx`), so that they are computed in C and
for all types of samples: the magnitude of its Laplacian, and half the sum of the magnitudes of its central differences.
In 8 bits both are whole numbers: the same on every machine.

`gains` are squared levels: `SCALE` * (L^2 - `FLOOR`^2) of a block's mean Laplacian L, and nothing below `FLOOR`, where
both networks round noise. What the rounding of the cheap one costs wherever a picture isn't flat, 0.03 of these, no
choice gets back cheaply, and it isn't counted. `worths` are shares of the squared error that the good network leaves in
the whole picture, which is what decibels are made of: a picture that both do badly loses few by as large a gain. Both
are of `gain.json`, fitted to training pictures by `tools/fit_gain.py`, which also tells what else was tried. Networks
that are told a strength have weights of their own, of `gain-call.json`, fitted to decoded training clips by
`tools/fit_call_gain.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine import Plane
from pocketsr.engine.runtime.parts import BLOCK, mask_shape

__all__ = [
    "AROUND", "CALL_WEIGHTS", "FLOOR", "GAIN", "GRADIENT", "SCALE", "WEIGHTS", "Measured", "block_means", "gains",
    "mean_around", "measured", "octaves", "terms", "worths",
]  # fmt: skip

GAIN: Final = Path(__file__).parent / "gain.onnx"
GRADIENT: Final = Path(__file__).parent / "gradient.onnx"
SCALE: Final = 0.0044
FLOOR: Final = 2.5
"""Of `gain.json`, rounded."""
WEIGHTS: Final = (1.9491, -0.1994, -2.0309, 0.3451, 0.1393, 0.2911, 0.1179, -0.0282, -4.1193)
"""Of `gain.json`: of each of `terms`, octaves."""
CALL_WEIGHTS: Final = (1.621, 0.0668, 0.7845, -2.5799, -0.3572, 0.5335, -1.4825, 0.5994, -6.3102)
"""Of `gain-call.json`: as `WEIGHTS`, of networks that are told a strength."""
AROUND: Final = (3, 2)
"""Blocks above and below, and on either side, of which a block's surroundings are the mean."""
_FAINT = 0.25  # levels: less is as little
_CENTRE = 3.0  # octaves, about which the squares of octaves are taken
_MOST = 8.0  # octaves of a worth, either way: further than any that was seen


class Measured(NamedTuple):
    """Of a picture: the mean of each block, (rows, columns) float32, in levels of 255."""

    laplacian: NDArray[np.float32]
    gradient: NDArray[np.float32]


def block_means(plane: NDArray[Any]) -> NDArray[np.float32]:
    """The mean of each block of 4 rows and 8 columns, the plane's edge repeated where it cuts blocks off."""
    height, width = plane.shape
    rows, columns = mask_shape(height, width)
    tall, wide = rows * BLOCK[0], columns * BLOCK[1]
    if (tall, wide) != (height, width):
        plane = np.pad(plane, ((0, tall - height), (0, wide - width)), mode="edge")
    # NumPy's sum over two axes takes longer. Rows first, which lie side by side; 32 bytes fit in 16 bits.
    total = plane[:: BLOCK[0]].astype({"u1": np.uint16, "u2": np.uint32}.get(plane.dtype.str[1:], np.float32))
    for y in range(1, BLOCK[0]):
        total += plane[y :: BLOCK[0]]
    while total.shape[1] > columns:
        total = total[:, ::2] + total[:, 1::2]
    mean: NDArray[np.float32] = total.astype(np.float32) / np.float32(BLOCK[0] * BLOCK[1])
    return mean


def measured(laplacian: Plane, gradient: Plane, full_scale: float) -> Measured:
    """The means of blocks of what both networks made of a picture, whose white is `full_scale`."""
    to_levels = np.float32(255 / full_scale)
    return Measured(block_means(laplacian) * to_levels, block_means(gradient) * to_levels)


def gains(of: Measured) -> NDArray[np.float32]:
    """Squared levels a pixel, for each block."""
    return np.float32(SCALE) * np.maximum(np.square(of.laplacian) - np.float32(FLOOR**2), 0)


def octaves(levels: NDArray[Any]) -> NDArray[np.float64]:
    """Binary logarithms of levels of 0 or more."""
    return np.log2(levels.astype(np.float64) + _FAINT)


def terms(of: Measured) -> NDArray[np.float64]:
    """What worths are a sum of: (9, rows, columns), the Laplacian of the block, the gradient around it, both of the
    whole picture, in octaves; their squares; 1."""
    return np.stack(np.broadcast_arrays(*_terms(of)))


def _terms(of: Measured) -> list[NDArray[np.float64]]:
    """As `terms`, those that are the same for all blocks as one number."""
    each = (
        octaves(of.laplacian),
        octaves(mean_around(of.gradient.astype(np.float64), *AROUND)),
        octaves(of.laplacian.mean(dtype=np.float64)),
        octaves(of.gradient.mean(dtype=np.float64)),
    )
    return [*each, *(((one - _CENTRE) / 2) ** 2 for one in each), np.ones(())]


def worths(of: Measured, weights: Sequence[float] = WEIGHTS) -> NDArray[np.float64]:
    """Of each block: what the good network takes off its squared error, as a share of what it leaves in the picture.

    weights: of each of `terms`. The mean over all blocks, m, is what the whole picture gains: 10 log10(1 + m) dB.
    """
    total = np.zeros(of.laplacian.shape)
    for weight, term in zip(weights, _terms(of), strict=True):
        total += weight * term
    return np.asarray(np.exp2(np.clip(total, -_MOST, _MOST)))


def mean_around(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """The mean over each value and those up to `rows` and `columns` from it, edges repeated."""
    wide = np.pad(values, ((rows, rows), (columns, columns)), mode="edge")
    height, width = values.shape
    tall, total = wide[:height].copy(), np.zeros((height, width))
    for at in range(1, 2 * rows + 1):
        tall += wide[at : at + height]
    for at in range(2 * columns + 1):
        total += tall[:, at : at + width]
    return np.asarray(total / ((2 * rows + 1) * (2 * columns + 1)))
