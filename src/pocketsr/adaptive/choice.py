"""Which blocks go to the good network: a mask from predicted gains and a budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pocketsr.arguments import check_number
from pocketsr.engine.runtime.parts import BLOCK
from pocketsr.errors import ArgumentError

__all__ = ["Budget", "choose", "grown"]

_STEPS = 8  # thresholds to an octave
_ALL = 0.92  # of the work of a whole picture: where parts take as much, the whole is taken


@dataclass(frozen=True)
class Budget:
    """How much the good network is to do.

    keep: at least this part of what it would change in a picture, 0 to 1, as predicted. share: of the blocks, at most
    this part, 0 to 1, whatever is kept then.
    """

    keep: float = 0.96
    share: float = 1.0

    def __post_init__(self) -> None:
        for name in ("keep", "share"):
            value = getattr(self, name)
            check_number(value, name)
            if not 0 <= value <= 1:
                raise ArgumentError(f"{name} is {value}: a part of a picture, 0 to 1, is expected")


def choose(gain: NDArray[np.float32], halo: int, budget: Budget) -> NDArray[np.bool_]:
    """The blocks for the good network, of one whose results depend on `halo` pixels around.

    gain: of each block, in any unit. What a part of a picture costs lies between its blocks and these grown by `halo`,
    since each layer computes what the later ones read. So blocks are ranked by the gain of the neighbourhood that is
    computed with them on the average, which also gives parts without crumbs and holes.

    Thresholds lie on a grid of their own, eighths of octaves, so that of two frames alike most choices are the same.
    """
    rows, columns = _mean_growth(halo)
    score = _box_mean(gain, rows, columns)
    rank = np.floor(_STEPS * np.log2(np.maximum(score, np.float32(2.0**-30)))).astype(np.int64)
    rank -= rank.min()
    count = np.bincount(rank.ravel())[::-1].cumsum()  # blocks at or above each rank, from the highest
    kept = np.bincount(rank.ravel(), weights=gain.ravel())[::-1].cumsum()
    enough = int(np.searchsorted(kept, budget.keep * kept[-1]))  # the first that keeps as much
    affordable = int(np.searchsorted(count, budget.share * gain.size, side="right")) - 1  # the last within the share
    taken = min(enough, affordable)
    if budget.keep == 0 or taken < 0:
        return np.zeros(gain.shape, bool)
    chosen = rank >= len(count) - 1 - taken
    if affordable == len(count) - 1 and grown(chosen, rows, columns).mean() > _ALL:
        return np.ones(gain.shape, bool)
    return np.asarray(chosen)


def _mean_growth(halo: int) -> tuple[int, int]:
    """Blocks up and down, and sideways, that the layers of a network grow a part by, on the average: half its halo."""
    return round(halo / 2 / BLOCK[0]), round(halo / 2 / BLOCK[1])


def _box_mean(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float64]:
    """The mean over 2 rows + 1 by 2 columns + 1 around each value, edges repeated."""
    wide = np.pad(values.astype(np.float64), ((rows, rows), (columns, columns)), mode="edge")
    height, width = values.shape
    tall = sum((wide[at : at + height] for at in range(2 * rows + 1)), np.zeros((height, wide.shape[1])))
    total = sum((tall[:, at : at + width] for at in range(2 * columns + 1)), np.zeros((height, width)))
    return np.asarray(total / ((2 * rows + 1) * (2 * columns + 1)))


def grown(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.bool_]:
    """`mask` and all blocks that lie up to `rows` and `columns` from one of it."""
    height, width = mask.shape
    wide = np.pad(mask, ((rows, rows), (columns, columns)))
    tall = np.logical_or.reduce([wide[at : at + height] for at in range(2 * rows + 1)])
    return np.logical_or.reduce([tall[:, at : at + width] for at in range(2 * columns + 1)])
