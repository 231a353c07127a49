"""The weights of `adaptive.gain.worths`, and what a budget by them loses: part of `tools/fit_gain.py`.

What is fitted is the mean of the good network's gain over the cheap one as a share of the good one's squared error in
the whole picture, by quasi-likelihood of Poisson's kind (the gain of a block may be below 0), each picture counting as
much.
`lost` tells what pictures lose that were kept apart, nearly all of them of kinds that neither network learned from:
`Budget.least_db` is chosen by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketsr.adaptive import CHEAP, GAIN, GOOD, GRADIENT
from pocketsr.adaptive.choice import Budget, choose
from pocketsr.adaptive.gain import Measured, block_means, gains, measured, terms
from pocketsr.data import Pair, load_images
from pocketsr.engine import load

_KINDS = ("bsds400/*", "general100/*", "t91/*", "featured/*", "cid22/*")
_APART = _KINDS[:3]
_HALO, _SHAVE, _MOST_PIXELS = 16, 2, 700_000
_TESTED_DB = (0.2, 0.24, 0.25, 0.275, 0.3, 0.325, 0.35, 0.4, 0.5)


class Picture(NamedTuple):
    """worth: of each block, the gain in shares of the picture's squared error, as it is."""

    of: Measured
    worth: NDArray[np.float64]

    def lost_db(self, chosen: NDArray[np.bool_]) -> float:
        return 10 * float(np.log10(max(1 + self.worth[~chosen].sum() / self.worth.size, 0.5)))


def fit_worths(data: Path) -> dict[str, Any]:
    """What `gain.json` has of it."""
    pairs = load_images([data / "train", data / "train_more"], exclude=["div2k_crops/*", "clic_half/*", "screen/*"])
    to_fit = _of([pair for pair in pairs if _belongs(pair, _KINDS, (3, 5))])
    apart = _of([pair for pair in pairs if _belongs(pair, _APART, (0,))])
    weights = fitted_weights(to_fit)
    return {
        "weights": [round(float(each), 4) for each in weights],
        "lost": [{"least_db": least, **lost(apart, weights, Budget(least))} for least in _TESTED_DB],
        "pictures": {"fitted": len(to_fit), "apart": len(apart)},
    }


def _belongs(pair: Pair, kinds: Sequence[str], remainders: Sequence[int]) -> bool:
    """The networks' own validation pictures are those whose remainder is 0 (`data.split`, `valid_share` of 1 / 8)."""
    of_a_kind = any(fnmatchcase(pair.name, kind) for kind in kinds)
    return of_a_kind and pair.hr_pixels < _MOST_PIXELS and sum(pair.file.encode()) % 8 in remainders


def _of(pairs: Sequence[Pair]) -> list[Picture]:
    cheap, good, laplacian, gradient = (load(name, 1) for name in (CHEAP, GOOD, GAIN, GRADIENT))
    found = []
    for pair in pairs:
        deep = pair.lr.astype(np.uint16) * 257
        cheaply, well = (np.rint(net(deep) / np.float32(257)) for net in (cheap, good))
        found.append(Picture(measured(laplacian(deep), gradient(deep), 65535), true_worth(cheaply, well, pair.hr)))
    return found


def true_worth(cheaply: NDArray[Any], well: NDArray[Any], hr: NDArray[Any]) -> NDArray[np.float64]:
    """As `Picture` has it, of the results of both networks, in levels."""
    errors = [np.square(np.subtract(made, hr, dtype=np.float64)) for made in (cheaply, well)]
    inner = np.s_[_SHAVE:-_SHAVE, _SHAVE:-_SHAVE]
    gain = np.zeros_like(errors[0])
    gain[inner] = errors[0][inner] - errors[1][inner]
    small = gain[::2, ::2] + gain[1::2, ::2] + gain[::2, 1::2] + gain[1::2, 1::2]
    return block_means((small / 4).astype(np.float32)).astype(np.float64) / float(errors[1][inner].mean())


def fitted_weights(pictures: Sequence[Picture]) -> NDArray[np.float64]:
    """Octaves of the mean worth, by Newton's steps."""
    x = np.vstack([terms(each.of).reshape(9, -1).T for each in pictures])
    y = np.concatenate([each.worth.ravel() for each in pictures])
    weight = np.concatenate([np.full(each.worth.size, 1 / each.worth.size) for each in pictures])
    weight /= weight.mean()
    y = np.clip(y, -np.quantile(np.abs(y), 0.999), np.quantile(np.abs(y), 0.9995))
    ridge = np.r_[np.full(8, 1e-4 * len(x)), 0]
    found = np.r_[np.zeros(8), np.log(np.average(y, weights=weight))]
    for _ in range(40):
        mean = np.exp(np.clip(x @ found, -12, 6))
        slope = x.T @ (weight * (y - mean)) - ridge * found
        step = np.linalg.solve((x * (weight * (mean + 1e-3))[:, None]).T @ x + np.diag(ridge), slope)
        found += step * min(1.0, 2 / max(float(np.abs(x @ step).max()), 1e-9))
        if np.abs(step).max() < 1e-3:
            break
    return np.asarray(found / np.log(2))


def lost(
    pictures: Sequence[Picture], weights: NDArray[np.float64], budget: Budget, halo: int = _HALO
) -> dict[str, float]:
    """Means over the pictures: decibels lost, and the share of the blocks by the good network."""
    decibels, blocks = [], []
    for each in pictures:
        told = np.exp2(np.tensordot(weights, terms(each.of), 1))
        chosen = choose(told, gains(each.of), halo, budget)
        decibels.append(each.lost_db(chosen))
        blocks.append(chosen.mean())
    return {"lost_db": round(float(np.mean(decibels)), 4), "blocks": round(float(np.mean(blocks)), 4)}
