"""What of a picture tells how it was degraded: a handful of numbers from its tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pocketsr.source.tiles import MOST_TILES, TILE

__all__ = ["BLOCK", "Features", "block_transform", "grid_of", "picture_features"]

BLOCK = 8  # pixels a side
_CENTRE = BLOCK // 2
_SMALL = 1.0  # level: coefficients below it count as gone


def _dct() -> NDArray[np.float32]:
    """(64, 64): a block, row by row, times it is the block's orthonormal 8x8 DCT, row by row."""
    k, x = np.mgrid[:BLOCK, :BLOCK]
    one = np.cos((2 * x + 1) * k * np.pi / (2 * BLOCK)) * np.sqrt(2 / BLOCK)
    one[0] /= np.sqrt(2)
    return np.ascontiguousarray(np.kron(one, one).T, np.float32)


_DCT = _dct()
_HIGHEST = 0.5 * np.cos((2 * np.arange(_CENTRE) + 1) * (BLOCK - 1) * np.pi / (2 * BLOCK)).astype(np.float32)
"""Half of the row of the DCT's highest frequency: the other half is the same, turned, with the other sign."""
_ROUNDED = 0.5  # level: a coefficient that was 0 is below it after samples were rounded
_FREQUENCY = np.add.outer(np.arange(BLOCK), np.arange(BLOCK)).ravel()
_MIDDLE, _HIGH = (_FREQUENCY >= 2) & (_FREQUENCY <= 4), _FREQUENCY >= 7


@dataclass(frozen=True)
class Features:
    """numbers: as `NAMES` says. coefficients: (N, 64) of the blocks on the grid that fits best."""

    numbers: NDArray[np.float64]
    coefficients: NDArray[np.float32]


NAMES = ("gradient", "fine", "blockiness", "flat", "gone", "gone more on the grid", "slope", "quiet")


def picture_features(tiles: NDArray[np.float32]) -> Features:
    """Of (N, TILE, TILE) in levels of 255. Blocks may begin anywhere, as in pictures that were cropped or turned."""
    across, down = np.abs(np.diff(tiles, axis=2)), np.abs(np.diff(tiles, axis=1))
    mean_step = 0.5 * float(across.mean() + down.mean())
    columns, rows = _profile(across, 2), _profile(down, 1)
    x, y = int(columns.argmax()), int(rows.argmax())
    blockiness = 0.5 * (_excess(columns, x) + _excess(rows, y))
    coefficients = block_transform(tiles, y, x)
    shifted = block_transform(tiles, (y + _CENTRE) % BLOCK, (x + _CENTRE) % BLOCK)
    energy = np.mean(np.square(coefficients), axis=0)
    gone = float(np.mean(np.abs(coefficients[:, _HIGH]) < _SMALL))
    gone_shifted = float(np.mean(np.abs(shifted[:, _HIGH]) < _SMALL))
    fine = np.abs(tiles[:, :, 1:-1] - 0.5 * (tiles[:, :, :-2] + tiles[:, :, 2:]))
    numbers = np.array([
        np.log2(1.0 + mean_step),
        np.log2(1.0 + float(fine.mean())),
        blockiness,
        0.5 * (np.mean(across < 0.5) + np.mean(down < 0.5)),
        gone,
        gone - gone_shifted,
        np.log2((0.05 + energy[_HIGH].mean()) / (0.05 + energy[_MIDDLE].mean())) / 8.0,
        np.log2(1.0 + float(np.median(fine.mean(axis=(1, 2))))),
    ])  # fmt: skip
    return Features(numbers, coefficients)


def grid_of(tiles: NDArray[np.float32]) -> float:
    """How plainly a picture of (N, TILE, TILE) in levels of 255 was a JPEG's: 0 to 1, next to 0 where it never was.

    An encoder takes the highest frequency from nearly all blocks, and so from their rows and columns; from eight pixels
    that begin elsewhere it is gone only where the picture is smooth. What counts is how much more often it is gone on
    one of the eight grids than on any other, of rows or of columns, whichever is less: lines of text have a pitch in
    one direction alone. Steps between blocks tell less: frames of old videos have them too, shrunk or not.
    """
    found = min(_gone(tiles), _gone(tiles.swapaxes(1, 2)))
    return found * min(1.0, float(np.sqrt(len(tiles) / MOST_TILES)))  # chance makes more of it in small pictures


def _gone(tiles: NDArray[np.float32]) -> float:
    """How much more often the highest frequency is gone from eight pixels along the last axis on the best of grids than
    on the next best."""
    places = TILE - BLOCK + 1
    pairs = (
        weight * (tiles[:, :, k : k + places] - tiles[:, :, BLOCK - 1 - k : BLOCK - 1 - k + places])
        for k, weight in enumerate(_HIGHEST)
    )
    gone = np.mean(np.abs(sum(pairs)) < _ROUNDED, axis=(0, 1))
    phase = np.arange(places) % BLOCK
    *_, next_best, best = np.sort(np.bincount(phase, gone, BLOCK) / np.bincount(phase, minlength=BLOCK))
    return float(best - next_best)


def block_transform(tiles: NDArray[np.float32], top: int = 0, left: int = 0) -> NDArray[np.float32]:
    """(N, 64): transforms of the blocks of all tiles that begin at (top, left) and at every 8 pixels from there."""
    down, across = (TILE - top) // BLOCK, (TILE - left) // BLOCK
    part = tiles[:, top : top + down * BLOCK, left : left + across * BLOCK]
    blocks = part.reshape(-1, down, BLOCK, across, BLOCK).swapaxes(2, 3).reshape(-1, BLOCK * BLOCK)
    made: NDArray[np.float32] = blocks @ _DCT
    return made


def _profile(steps: NDArray[np.float32], axis: int) -> NDArray[np.float64]:
    """(8,), -1 to 1: how much more often than not steps before columns 0, 8 .. are larger than those beside them, then
    before 1, 9 .., and so on. Counted and not summed, since a few edges have larger steps than all blocks.

    steps: between neighbours along the axis, of tiles.
    """
    turned = steps if axis == 1 else steps.swapaxes(1, 2)  # a view
    larger = 2.0 * turned[:, 1:-1] - turned[:, :-2] - turned[:, 2:]  # of the steps before columns 2 .. 30
    mean = np.mean(larger > 0.0, axis=(0, 2)) - np.mean(larger < 0.0, axis=(0, 2))
    phase = np.arange(2, TILE - 1) % BLOCK
    profile: NDArray[np.float64] = np.bincount(phase, mean, BLOCK) / np.bincount(phase, minlength=BLOCK)
    return profile


def _excess(profile: NDArray[np.float64], at: int) -> float:
    return float(profile[at] - np.delete(profile, at).mean())
