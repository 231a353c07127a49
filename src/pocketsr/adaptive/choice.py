"""Which blocks go to the good network: a mask from what it is worth there and a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pocketsr.adaptive.gain import mean_around
from pocketsr.arguments import check_number
from pocketsr.engine.runtime.parts import grown
from pocketsr.errors import ArgumentError

__all__ = ["CALL_BUDGET", "Budget", "choose", "closed"]

_STEPS = 8  # thresholds to an octave
_FAINT = 2.0**-30  # squared levels: less is as little
_ALL = 0.92  # of the work of a whole picture: where parts take as much, the whole is taken


@dataclass(frozen=True)
class Budget:
    """How much the good network is to do.

    least_db: a block is worth it if this is what the picture's PSNR would gain, were all blocks like it. So a picture
    that gains little from the good network gets little of it, and of the decibels that a set of pictures loses on
    average, most are lost where that spares most. spare: what is left may always be this mean squared error, in levels
    of 255: 0.08 is 0.02 dB of a picture with 36 dB, and less of a worse one, as decoded calls are. share: of the
    blocks, at most this part, 0 to 1, whatever is lost then.
    """

    least_db: float = 0.3
    spare: float = 0.08
    share: float = 1.0

    def __post_init__(self) -> None:
        for name in ("least_db", "share", "spare"):
            value = getattr(self, name)
            check_number(value, name)
            if not 0 <= value < float("inf"):
                raise ArgumentError(f"{name} is {value}: a number of 0 or more is expected")
        if self.share > 1:
            raise ArgumentError(f"share is {self.share}: a part of a picture, 0 to 1, is expected")


CALL_BUDGET: Final = Budget(least_db=0.1, spare=0.0)
"""Of two networks that are told a strength, by the clips that `gain-call.json` keeps apart. In squared levels a decoded
frame gains less in all of it than `spare` of a clean one, and so none would go to the good network."""


def choose(worth: NDArray[np.float64], gain: NDArray[np.float32], halo: int, budget: Budget) -> NDArray[np.bool_]:
    """The blocks for the good network, of one whose results depend on `halo` pixels around.

    worth, gain: of each block, as of `worths` and `gains`. What a part of a picture costs lies between its blocks and
    these grown by `halo`, since each layer computes what the later ones read: a lone block costs twenty, and gaps are
    nearly free. So a block counts by the geometric mean of what its neighbours above and below are worth and what all
    are within the halo, and gaps are filled. At the same loss on training pictures, that costs less than blocks one by
    one; the best choice of all (a minimum cut, which takes a hundred times as long) a few percent less again.

    Thresholds lie on a grid of their own, eighths of octaves, so that of two frames alike most choices are the same.
    """
    near = mean_around(worth, round(halo / 16), 0)
    wide = mean_around(worth, round(3 * halo / 16), round(halo / 4))
    octaves = (np.log2(np.maximum(near, _FAINT)) + np.log2(np.maximum(wide, _FAINT))) / 2
    rank = np.floor(_STEPS * octaves).astype(np.int64)
    lowest = int(rank.min())
    least = int(np.floor(_STEPS * np.log2(max(10 ** (budget.least_db / 10) - 1, _FAINT))))
    rank -= lowest
    count = np.bincount(rank.ravel())[::-1].cumsum()  # blocks at or above each rank, from the highest
    worth_it = len(count) - max(0, least - lowest)  # ranks, from the highest
    left = np.append(np.bincount(rank.ravel(), weights=gain.ravel()).cumsum()[::-1], 0.0)  # when 0, 1, .. are taken
    enough = int(np.argmax(left <= budget.spare * gain.size))
    most = budget.share * gain.size
    taken = min(worth_it, enough, int(np.searchsorted(count, most, side="right")))
    if taken <= 0:
        return np.zeros(gain.shape, bool)
    chosen = np.asarray(rank >= len(count) - taken)
    filled = closed(chosen, round(halo / 8), round(halo / 8))
    if filled.sum() <= most:
        chosen = filled
    if most >= gain.size and grown(chosen, round(halo / 8), round(halo / 16)).mean() > _ALL:
        return np.ones(gain.shape, bool)
    return chosen


def closed(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.bool_]:
    """`mask` without gaps that a rectangle of 2 rows + 1 by 2 columns + 1 doesn't fit in; edges go on beyond it."""
    wide = np.pad(mask, ((rows, rows), (columns, columns)), mode="edge")
    filled = ~grown(~grown(wide, rows, columns), rows, columns)
    return filled[rows : rows + mask.shape[0], columns : columns + mask.shape[1]]
