"""Which blocks go to the good network: a mask from gains and a budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pocketsr.arguments import check_number
from pocketsr.errors import ArgumentError

__all__ = ["Budget", "choose", "closed", "grown"]

_STEPS = 8  # thresholds to an octave
_FAINT = 2.0**-30  # squared levels: less is as little
_ALL = 0.92  # of the work of a whole picture: where parts take as much, the whole is taken


@dataclass(frozen=True)
class Budget:
    """How much the good network is to do.

    keep: at least this part of what it would gain in a picture, 0 to 1, as it is told beforehand. spare: unless what is
    left then is below this mean squared error, in levels of 255: 0.08 is 0.02 dB of a picture with 36 dB, and less
    of a worse one, as decoded calls are. The defaults lose 6 % of the decibels between both networks on training
    pictures that were kept apart. share: of the blocks, at most this part, 0 to 1, whatever is left then.
    """

    keep: float = 0.93
    spare: float = 0.08
    share: float = 1.0

    def __post_init__(self) -> None:
        for name in ("keep", "share", "spare"):
            value = getattr(self, name)
            check_number(value, name)
            if name == "spare" and not 0 <= value < float("inf"):
                raise ArgumentError(f"spare is {value}: a mean squared error is expected, 0 or more")
            if name != "spare" and not 0 <= value <= 1:
                raise ArgumentError(f"{name} is {value}: a part of a picture, 0 to 1, is expected")


def choose(gain: NDArray[np.float32], halo: int, budget: Budget) -> NDArray[np.bool_]:
    """The blocks for the good network, of one whose results depend on `halo` pixels around.

    gain: of each block, in mean squared levels. What a part of a picture costs lies between its blocks and these grown
    by `halo`, since each layer computes what the later ones read: a lone block costs twenty, and gaps are nearly free.
    So a block counts by the geometric mean of what its neighbours above and below gain and what all do within the halo,
    and gaps are filled. At the same loss on training pictures, that costs a tenth less than blocks one by one.

    Thresholds lie on a grid of their own, eighths of octaves, so that of two frames alike most choices are the same.
    """
    weight = gain.astype(np.float64)
    near, wide = _mean(weight, round(halo / 16), 0), _mean(weight, round(3 * halo / 16), round(halo / 4))
    octaves = (np.log2(np.maximum(near, _FAINT)) + np.log2(np.maximum(wide, _FAINT))) / 2
    rank = np.floor(_STEPS * octaves).astype(np.int64)
    rank -= rank.min()
    count = np.bincount(rank.ravel())[::-1].cumsum()  # blocks at or above each rank, from the highest
    kept = np.bincount(rank.ravel(), weights=weight.ravel())[::-1].cumsum()
    wanted = min(budget.keep * kept[-1], kept[-1] - budget.spare * gain.size)
    enough = int(np.searchsorted(kept, wanted))  # the first that keeps as much
    most = budget.share * gain.size
    affordable = int(np.searchsorted(count, most, side="right")) - 1  # the last within the share
    taken = min(enough, affordable)
    if wanted <= 0 or taken < 0:
        return np.zeros(gain.shape, bool)
    chosen = np.asarray(rank >= len(count) - 1 - taken)
    filled = closed(chosen, round(halo / 8), round(halo / 8))
    if filled.sum() <= most:
        chosen = filled
    if most >= gain.size and grown(chosen, round(halo / 8), round(halo / 16)).mean() > _ALL:
        return np.ones(gain.shape, bool)
    return chosen


def _mean(values: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """The mean over each value and those up to `rows` and `columns` from it, edges repeated."""
    wide = np.pad(values, ((rows, rows), (columns, columns)), mode="edge")
    height, width = values.shape
    tall = sum((wide[at : at + height] for at in range(2 * rows + 1)), np.zeros((height, wide.shape[1])))
    total = sum((tall[:, at : at + width] for at in range(2 * columns + 1)), np.zeros((height, width)))
    return np.asarray(total / ((2 * rows + 1) * (2 * columns + 1)))


def grown(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.bool_]:
    """`mask` and all blocks that lie up to `rows` and `columns` from one of it."""
    height, width = mask.shape
    wide = np.pad(mask, ((rows, rows), (columns, columns)))
    tall = np.logical_or.reduce([wide[at : at + height] for at in range(2 * rows + 1)])
    return np.asarray(np.logical_or.reduce([tall[:, at : at + width] for at in range(2 * columns + 1)]))


def closed(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.bool_]:
    """`mask` without gaps that a rectangle of 2 rows + 1 by 2 columns + 1 doesn't fit in; edges go on beyond it."""
    wide = np.pad(mask, ((rows, rows), (columns, columns)), mode="edge")
    filled = ~grown(~grown(wide, rows, columns), rows, columns)
    return filled[rows : rows + mask.shape[0], columns : columns + mask.shape[1]]
