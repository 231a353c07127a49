"""What the good network takes off the squared error of the cheap one, for each block, told from the picture alone.

The measure is the mean L of the Laplacian's magnitude, in levels of 255: `SCALE` * (L^2 - `FLOOR`^2), and nothing below
`FLOOR`, where both networks round noise. The Laplacian is a network of one convolution (`gain.onnx`), so it is computed
in C, for all types of samples, and of what changed alone. In 8 bits it is a whole number: the same on every machine.

More was tried, and isn't worth it (`gain.json`, by `tools/fit_gain.py`): 95 % of what `quality` and `small` differ by
lies in 56 % of the blocks when they are taken in this order, in 55 % by a regression on twenty such features, and in no
less than 50 % in the true order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine import Plane
from pocketsr.engine.runtime.parts import BLOCK, mask_shape

__all__ = ["FLOOR", "GAIN", "SCALE", "block_means", "gains"]

GAIN: Final = Path(__file__).parent / "gain.onnx"
SCALE: Final = 0.004
FLOOR: Final = 3.5
"""Of `gain.json`, rounded."""


def block_means(plane: NDArray[Any]) -> NDArray[np.float32]:
    """The mean of each block of 4 rows and 8 columns, the plane's edge repeated where it cuts blocks off."""
    height, width = plane.shape
    rows, columns = mask_shape(height, width)
    tall, wide = rows * BLOCK[0], columns * BLOCK[1]
    if (tall, wide) != (height, width):
        plane = np.pad(plane, ((0, tall - height), (0, wide - width)), mode="edge")
    kind = np.float32 if plane.dtype.kind == "f" else np.uint32
    total = np.zeros((rows, columns), kind)  # a sum for each place in a block: NumPy's over two axes takes longer
    for y in range(BLOCK[0]):
        for x in range(BLOCK[1]):
            total += plane[y :: BLOCK[0], x :: BLOCK[1]]
    mean: NDArray[np.float32] = total.astype(np.float32) / np.float32(BLOCK[0] * BLOCK[1])
    return mean


def gains(magnitude: Plane, full_scale: float) -> NDArray[np.float32]:
    """Squared levels a pixel, for each block, from the Laplacian's magnitude in samples of `full_scale`."""
    levels = block_means(magnitude) * np.float32(255 / full_scale)
    found: NDArray[np.float32] = np.float32(SCALE) * np.maximum(np.square(levels) - np.float32(FLOOR**2), 0)
    return found
