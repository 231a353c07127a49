"""What of a picture tells how it was degraded: a handful of numbers from its tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pocketsr.source.tiles import MOST_TILES, TILE

__all__ = ["BLOCK", "Features", "block_transform", "picture_features"]

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
_FREQUENCY = np.add.outer(np.arange(BLOCK), np.arange(BLOCK)).ravel()
_MIDDLE, _HIGH = (_FREQUENCY >= 2) & (_FREQUENCY <= 4), _FREQUENCY >= 7


@dataclass(frozen=True)
class Features:
    """numbers: as `NAMES` says. coefficients: (N, 64) of the blocks on the grid that fits best."""

    numbers: NDArray[np.float64]
    coefficients: NDArray[np.float32]
    blockiness: float
    """How much more often steps between blocks of 8 pixels are larger than those beside them, than steps within blocks
    are: 0 to 2, mean of both directions, but at most twice the lesser, since lines of text and stripes have a pitch in
    one direction alone; and less in small pictures, where chance makes more of it."""


NAMES = ("gradient", "fine", "blockiness", "flat", "gone", "gone more on the grid", "slope", "quiet")


def picture_features(tiles: NDArray[np.float32]) -> Features:
    """Of (N, TILE, TILE) in levels of 255. Blocks may begin anywhere, as in pictures that were cropped or turned."""
    across, down = np.abs(np.diff(tiles, axis=2)), np.abs(np.diff(tiles, axis=1))
    mean_step = 0.5 * float(across.mean() + down.mean())
    columns, rows = _profile(across, 2), _profile(down, 1)
    x, y = int(columns.argmax()), int(rows.argmax())
    two = _excess(columns, x), _excess(rows, y)
    blockiness = 0.5 * sum(two)
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
    sure = min(
        1.0, float(np.sqrt(len(tiles) / MOST_TILES))
    )  # the error of what is counted goes by the root of how much is
    return Features(numbers, coefficients, sure * min(blockiness, 2.0 * min(two)))


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
