"""What the good network would change, for each block of a picture, predicted from the picture alone.

`gain.onnx` is a network of two or three small convolutions that gives a number for each pixel; its mean over a block is
the logarithm of the mean squared difference between `quality` and `small` there. `tools/train_gain.py` trains it. What
it is for is the order of blocks, which is the same for other pairs of networks; so the sum counts, not the level.

Why the difference of both, and not the error that the good one takes away: where the good one is close to the mean of
all pictures that look like this when they are small, both are the same in the mean, and the difference has no noise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine import Network, Plane
from pocketsr.engine.runtime.parts import BLOCK, mask_shape

__all__ = ["GAIN", "LEAST", "OCTAVES", "block_means", "gains"]

GAIN: Final = Path(__file__).parent / "gain.onnx"
OCTAVES: Final = 16
LEAST: Final = -8
"""Of a sample's range: its least value means 2**LEAST squared levels (of 255), its largest 2**(LEAST + OCTAVES)."""


def block_means(plane: NDArray[Any]) -> NDArray[np.float32]:
    """The mean of each block of 4 rows and 8 columns, the plane's edge repeated where it cuts blocks off."""
    height, width = plane.shape
    rows, columns = mask_shape(height, width)
    tall, wide = rows * BLOCK[0], columns * BLOCK[1]
    if (tall, wide) != (height, width):
        plane = np.pad(plane, ((0, tall - height), (0, wide - width)), mode="edge")
    kind = np.float32 if plane.dtype.kind == "f" else np.uint32
    total = np.zeros((rows, columns), kind)  # a sum for each place in a block: twice as fast as NumPy's over two axes
    for y in range(BLOCK[0]):
        for x in range(BLOCK[1]):
            total += plane[y :: BLOCK[0], x :: BLOCK[1]]
    return total.astype(np.float32) / np.float32(BLOCK[0] * BLOCK[1])


def gains(predictor: Network, predicted: Plane, bits: int | None) -> NDArray[np.float32]:
    """Squared levels a pixel, for each block, from the plane that `predictor` gave."""
    if predicted.dtype.kind == "f":
        top = predictor.info.max_value
    else:
        top = 255.0 if predicted.dtype == np.uint8 else 2.0 ** (bits or 16) - 1
    part = np.clip(block_means(predicted) / np.float32(top), 0, 1)
    return np.exp2(np.float32(OCTAVES) * part + np.float32(LEAST))
