"""From which strength on `source.choice` takes a network: what `fit_source.py --worths` decides.

By training pictures that networks keep apart to validate with, and by clips of calls, those that networks keep apart
among them. No test picture counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from source_samples import DATA, Sample, clips, states
from tqdm import tqdm

from pocketsr import load
from pocketsr.data import load_images, split
from pocketsr.data.pairs import Plane
from pocketsr.engine import Upscaler, takes_strength, upscaled
from pocketsr.pixels import psnr
from pocketsr.source import Hints, look
from pocketsr.source.strength import model_of

CLIPS = ("latentsync_demo3*", "sam2_dog*", "lp_d10*", "sam2_blocks*", "mead_m030*")  # the first two are kept apart
APART = ("general100/*", "t91/*", "bsds400/*")  # what recipes/photo.yaml validates with
SHARE = 0.125
STEP = 0.02  # of strength, between two that are tried
Array = NDArray[np.float64]


def quality(net: Upscaler, luma: Plane, hr: NDArray[Any], strength: float) -> float:
    """PSNR in dB of what `net` makes of `luma` to what it was shrunk from, without the rim."""
    made = upscaled(net, np.ascontiguousarray(luma), strength=strength if takes_strength(net) else None)
    return psnr(made[2:-2, 2:-2], hr[2 : 2 * luma.shape[0] - 2, 2 : 2 * luma.shape[1] - 2])


def gains(samples: Iterable[Sample], name: str) -> dict[str, Array]:
    """(samples, 2) for each of `strength.MODELS` that serves some: the estimated strength, and dB over `small`.

    What is known of a sample is forgotten in part, too, so that models for those of which less is known are judged.
    """
    small, net = load("small", threads=1), load(name, threads=1)
    found = defaultdict(list)
    for sample in tqdm(samples, desc=f"gains of {name}", disable=None):
        usual = quality(small, sample.luma, sample.hr, 0.0)
        for hints in _known(sample.hints):
            strength = look(sample.luma, hints).strength
            found[model_of(hints)].append((strength, quality(net, sample.luma, sample.hr, strength) - usual))
    return {model: np.array(rows) for model, rows in found.items()}


def _known(hints: Hints) -> list[Hints]:
    """All that is known of a source, or less."""
    less = replace(hints, qp=None)
    if not hints.moving:
        return [hints, less] if hints.qp is not None else [hints]
    found = {model_of(each): each for each in (Hints("", moving=True), less, hints)}
    return list(found.values())


def worth(rows: Array) -> tuple[float, dict[str, Any]]:
    """The strength from which on a network is worth taking: where the sum of the gains above it is largest.

    A loss counts twice, since who names nothing should lose nothing. Also what is gained above it, and lost below.
    """
    strength, gain = rows.T
    weighed = np.where(gain < 0, 2 * gain, gain)
    tried = np.arange(STEP, 1.0, STEP)
    sums = np.array([weighed[strength >= each].sum() for each in tried])
    limit = round(float(tried[np.flatnonzero(sums >= sums.max() - 1e-9)[0]]), 2)
    above, below = gain[strength >= limit], gain[strength < limit]
    said = {"mean gain above, dB": _mean(above), "a tenth gains less than": _tenth(above),
            "mean gain below, dB": _mean(below), "samples": len(gain)}  # fmt: skip
    return limit, said


def _tenth(gain: Array) -> float | None:
    return round(float(np.quantile(gain, 0.1)), 3) if len(gain) else None


def _mean(gain: Array) -> float | None:
    return round(float(gain.mean()), 3) if len(gain) else None


def decided_worths() -> dict[str, Any]:
    """From which strength on networks are worth taking, by what is known of a source; and how that does."""
    large = [pair for pair in load_images([DATA / "train", DATA / "train_more"]) if min(pair.lr.shape) >= 64]
    _, apart = split(large, SHARE, only=APART)
    found = {
        "photo": gains((sample for pair in apart for sample in states(pair)), "photo"),
        "small-call": gains(clips(CLIPS), "small-call"),
    }
    each = {name: {model: worth(rows) for model, rows in of.items()} for name, of in found.items()}
    return {
        "worth": {name: {model: limit for model, (limit, _) in of.items()} for name, of in each.items()},
        "decided by": {name: {model: said for model, (_, said) in of.items()} for name, of in each.items()},
    }
