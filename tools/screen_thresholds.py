"""Which pictures go through `screen`: what `fit_source.py --screens` decides, by `screen_samples`.

`screen` wins back the sharp edges of text and windows that were shrunk. A capture of what had been scaled or softened
looks as much like text, and loses up to 10 dB in it. So it is taken where the log-odds of a screen are large enough,
the strength is small enough, ink is far enough from its paper, and a polynomial of what edges and flat areas look like
says that it gains enough.
"""

from __future__ import annotations

import itertools
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from polynomial import ridge
from screen_samples import WOVEN, screen_files
from source_thresholds import quality

from pocketsr import load
from pocketsr.source import choose, look
from pocketsr.source.edges import EDGE_FEATURES, typical_contrast
from pocketsr.source.screens import SCREEN_FEATURES, screen_features
from pocketsr.source.strength import contrast_of, crisp_numbers, evaluate, products, tables
from pocketsr.source.tiles import luma_tiles

__all__ = ["decided_screens"]

FITTED_ODDS = 0.0  # the fit is to samples whose log-odds exceed it, and whose contrast exceeds
CONTRAST = 80.0  # levels: of samples of 60 to 80 two thirds lose, 0.7 dB in the mean; from 80 on fewer than half
ODDS = np.arange(0.8, 3.01, 0.2)  # below, `auto` would call photographs of few colours text
UNTIL = np.arange(0.3, 0.71, 0.1)
LEAST_DB = np.arange(0.0, 1.51, 0.1)
LOSSES = 10  # a loss counts as much as so many gains: who names nothing should lose nothing
MOST_DB = 3.0  # gains and losses count as no more in the fit: which side of 0 they are on is what matters
OF_CAPTURES = 3.0  # the weight of a capture, of which there are few, to that of what was drawn
RIDGE, FOLDS = 0.01, 5
Array = NDArray[np.float64]
Group = tuple[str, str]
"""Kind and state."""


def decided_screens() -> tuple[dict[str, Any], dict[str, Any]]:
    """The polynomial and the thresholds. The figures with them are of pictures that the fit didn't see."""
    rows, count = screen_rows()
    table, told = fitted_crisp(rows)
    said = surely_screen(rows, told, count)
    return table, {"sure": said.pop("sure"), "until": {"screen": said.pop("until")}, "least_db": said.pop("least_db"),
                   "contrast": CONTRAST, "decided by": {"screens": said}}  # fmt: skip


class ScreenRow(NamedTuple):
    """group, kind, state: as of `FileSample`. odds: log-odds of a screen. numbers: what `crisp_numbers` makes of it.
    gain: dB that `screen` gains on what else is taken."""

    group: str
    kind: str
    state: str
    strength: float
    odds: float
    numbers: Array
    gain: float


def screen_rows() -> tuple[list[ScreenRow], dict[Group, int]]:
    """Of samples that exceed `FITTED_ODDS` and `CONTRAST`; and how many samples there are of each kind and state."""
    nets = {name: load(name, threads=1) for name in ("small", "photo", "screen", "small-call")}
    tables()["crisp"] = _of_none()  # what was fitted may be of other features than there are now
    rows: list[ScreenRow] = []
    count: dict[Group, int] = defaultdict(int)
    for sample in screen_files():
        count[sample.kind, sample.state] += 1
        tiles = luma_tiles(sample.pixels)
        features = screen_features(tiles)
        odds = evaluate(tables()["screen"], features)
        if odds <= FITTED_ODDS:
            continue
        seen = look(sample.pixels, sample.hints)
        strength, other = seen.strength, choose(replace(seen, screen=False)).network
        numbers = crisp_numbers(tiles, features, strength)
        if min(contrast_of(numbers), typical_contrast(tiles)) <= CONTRAST:
            continue
        of_screen, of_other = (quality(nets[each], sample.luma, sample.hr, strength) for each in ("screen", other))
        rows.append(ScreenRow(sample.group, sample.kind, sample.state, strength, odds, numbers, of_screen - of_other))
    return rows, dict(count)


def _of_none() -> dict[str, Any]:
    """A polynomial that says 0 of any numbers."""
    count = len(SCREEN_FEATURES) + len(EDGE_FEATURES) + 1
    return {
        "mean": np.zeros(count), "deviation": np.ones(count), "weights": np.zeros(len(products(np.zeros(count)))),
    }  # fmt: skip


def fitted_crisp(rows: Sequence[ScreenRow]) -> tuple[dict[str, Any], Array]:
    """The polynomial that tells `screen`'s gain in dB, and what those of `FOLDS` others tell who didn't see a group."""
    numbers = np.stack([row.numbers for row in rows])
    gain = np.clip([row.gain for row in rows], -MOST_DB, MOST_DB)
    weight = np.array([OF_CAPTURES if row.kind == "capture" else 0.0 if row.state == WOVEN else 1.0 for row in rows])
    folds = np.array([zlib.crc32(row.group.encode()) % FOLDS for row in rows])
    told = np.zeros(len(rows))
    for fold in range(FOLDS):
        there = folds != fold
        table = ridge(numbers[there], gain[there], weight[there], RIDGE)
        told[~there] = [evaluate(table, each) for each in numbers[~there]]
    return ridge(numbers, gain, weight, RIDGE), told


def surely_screen(rows: Sequence[ScreenRow], told: Array, count: Mapping[Group, int]) -> dict[str, Any]:
    """Above which log-odds and which gain that is told, and below which strength, a picture is to go through `screen`.

    Taken is where the mean gain over all kinds and states is largest; losses count `LOSSES` times.
    """
    odds, strength, gain = (np.array([getattr(row, name) for row in rows]) for name in ("odds", "strength", "gain"))
    share = np.array([1.0 / count[row.kind, row.state] for row in rows])
    weighed = np.where(gain < 0, LOSSES * gain, gain) * share
    best = max(itertools.product(ODDS, UNTIL, LEAST_DB), key=lambda each: float(
        weighed[(odds > each[0]) & (strength < each[1]) & (told > each[2])].sum()))  # fmt: skip
    sure, until, least = (round(float(each), 2) for each in best)
    taken = (odds > sure) & (strength < until) & (told > least)
    lost: dict[Group, float] = defaultdict(float)
    for row, each in zip(rows, taken, strict=True):
        lost[row.kind, row.state] += row.gain / count[row.kind, row.state] if each else 0.0
    kinds: dict[str, list[float]] = defaultdict(list)
    for (kind, state), total in count.items():
        kinds[kind].append(lost[kind, state] if total else 0.0)
    return {
        "sure": sure, "until": until, "least_db": least, "samples": sum(count.values()),
        "taken": int(taken.sum()), "of them lose 0.05 dB and more": int((gain[taken] < -0.05).sum()),
        "correlation of what is told with the gain": round(float(np.corrcoef(told, gain)[0, 1]), 3),
        "mean gain by kind, dB": {kind: round(float(np.mean(each)), 3) for kind, each in sorted(kinds.items())},
    }  # fmt: skip
