"""Masks of blocks: which of them differ, which are wanted, and how bands of wanted work are cut among threads."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketsr.errors import ArgumentError

__all__ = ["BLOCK", "Mask", "Part", "check_mask", "cut", "grown", "mask_shape"]

BLOCK = (4, 8)
"""Rows and columns of the input to a block of a mask: those of the C (`codegen.partial`)."""

Mask = NDArray[Any]
"""(rows, columns) of blocks, bool or uint8: other than 0 where a block is meant."""


class Part(NamedTuple):
    """A part of a frame: the wanted blocks of the result, and where that is why, the changed blocks of the input."""

    wanted: NDArray[np.uint8]
    changed: NDArray[np.uint8] | None = None

    def work(self) -> NDArray[np.intp]:
        """About how much each row of blocks is, in blocks.

        Where it is known what has changed, `wanted` has grown by what a result depends on. Otherwise the layers
        compute more than is wanted, half of their halo on average: lone blocks are more work than their number says.
        Of webcams, the slower of two strips of `quality` takes 1.07 times its half by blocks grown by one, 1.10 by
        wanted ones.
        """
        blocks = self.wanted != 0 if self.changed is not None else grown(self.wanted != 0, 1, 1)
        return np.asarray(np.count_nonzero(blocks, axis=1))


def mask_shape(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of a mask for pictures of this size; the last blocks may be cut off by the picture's edge."""
    return -(-height // BLOCK[0]), -(-width // BLOCK[1])


def check_mask(mask: Any, name: str, height: int, width: int) -> NDArray[np.uint8]:
    """`mask` as the C takes it. Raises ArgumentError for what is no mask of a picture of this size."""
    shape = mask_shape(height, width)
    if not isinstance(mask, np.ndarray) or mask.shape != shape or mask.dtype not in (np.bool_, np.uint8):
        what = f"{mask.shape} {mask.dtype}" if isinstance(mask, np.ndarray) else f"a {type(mask).__name__}"
        raise ArgumentError(
            f"{name} is {what}; {shape} bool is expected: a flag for each {BLOCK[0]} rows x {BLOCK[1]} columns"
        )
    return np.ascontiguousarray(mask).view(np.uint8)


def grown(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.bool_]:
    """`mask` and all blocks that lie up to `rows` and `columns` from one of it."""
    height, width = mask.shape
    wide = np.pad(mask, ((rows, rows), (columns, columns)))
    tall = wide[:height].copy()
    for at in range(1, 2 * rows + 1):
        tall |= wide[at : at + height]
    found = tall[:, :width].copy()
    for at in range(1, 2 * columns + 1):
        found |= tall[:, at : at + width]
    return found


def cut(work: NDArray[np.intp], bands: int, strips: int) -> list[tuple[int, int]]:
    """Bands [first, last) of each of `strips`, of equal shares of `work` (in each row of a mask)."""
    behind = bands - len(work)  # the last bands of the result lie that many rows of blocks behind
    of_band = work[np.clip(np.arange(bands) - behind, 0, len(work) - 1)]
    done = np.cumsum(of_band)
    at = [0, *(int(np.searchsorted(done, done[-1] * k / strips)) + 1 for k in range(1, strips)), bands]
    ends = [min(max(at[: k + 1]), bands) for k in range(strips + 1)]
    return list(pairwise(ends))
