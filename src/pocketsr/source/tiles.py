"""A sample of a picture: tiles of it, spread evenly, so that looking costs the same for any size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_TILES", "TILE", "luma_tiles"]

TILE = 32  # pixels a side: four blocks of JPEG, two macroblocks
_MOST = 6  # tiles across and down: 36 of them are 36,864 pixels
MOST_TILES = _MOST * _MOST
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601


def luma_tiles(pixels: NDArray[Any], bits: int | None = None) -> NDArray[np.float32]:
    """(N, TILE, TILE) of luma in levels of 255, rounded, 1 <= N <= 36, each at a multiple of TILE.

    A picture that is smaller than a tile is continued by its edges.

    pixels: (H, W) luma or grey, (H, W, 3) R'G'B' or (H, W, 4) with alpha, which is ignored; uint8 or uint16.
    bits: of a sample, where it isn't all of its type's.
    """
    height, width = pixels.shape[:2]
    top = (1 << (8 * pixels.dtype.itemsize if bits is None else bits)) - 1
    if height < TILE or width < TILE:
        missing = [(0, max(0, TILE - height)), (0, max(0, TILE - width)), *([(0, 0)] * (pixels.ndim - 2))]
        # Of a long strip its beginning is enough: what is continued is as large as the tiles are.
        pixels = np.pad(pixels[: _MOST * TILE, : _MOST * TILE], missing, mode="edge")
        height, width = pixels.shape[:2]
    rows, columns = (_spread(side // TILE) for side in (height, width))
    taken = pixels[: height // TILE * TILE, : width // TILE * TILE]
    grid = taken.reshape(height // TILE, TILE, width // TILE, TILE, *pixels.shape[2:])
    tiles = grid[rows][:, :, columns].swapaxes(1, 2).reshape(-1, TILE, TILE, *pixels.shape[2:])
    levels = tiles.astype(np.float32)
    if levels.ndim == 4:
        levels = levels[..., :3] @ _LUMA
    if top != 255:
        levels *= np.float32(255 / top)
    return np.rint(levels, out=levels)  # or what is equal is not, by the last bit


def _spread(count: int) -> NDArray[np.intp]:
    """At most `_MOST` numbers below `count`, evenly spread."""
    taken = min(count, _MOST)
    return (np.arange(taken) * 2 + 1) * count // (2 * taken)
