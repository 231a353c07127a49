"""Masks of blocks: which of them differ, which are wanted, and how bands of wanted work are cut among threads."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketsr.errors import ArgumentError

__all__ = ["BLOCK", "Mask", "Part", "check_mask", "cut", "mask_shape"]

BLOCK = (4, 8)
"""Rows and columns of the input to a block of a mask: those of the C (`codegen.partial`)."""

Mask = NDArray[Any]
"""(rows, columns) of blocks, bool or uint8: other than 0 where a block is meant."""


class Part(NamedTuple):
    """A part of a frame: the wanted blocks of the result, and where that is why, the changed blocks of the input."""

    wanted: NDArray[np.uint8]
    changed: NDArray[np.uint8] | None = None


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


def cut(work: NDArray[np.intp], bands: int, strips: int) -> list[tuple[int, int]]:
    """Bands [first, last) of each of `strips`, of equal shares of `work` (wanted blocks in each row of a mask)."""
    behind = bands - len(work)  # the last bands of the result lie that many rows of blocks behind
    of_band = work[np.clip(np.arange(bands) - behind, 0, len(work) - 1)]
    done = np.cumsum(of_band)
    at = [0, *(int(np.searchsorted(done, done[-1] * k / strips)) + 1 for k in range(1, strips)), bands]
    ends = [min(max(at[: k + 1]), bands) for k in range(strips + 1)]
    return list(pairwise(ends))
