"""Where `source.choice` changes from one network to another: what `fit_source.py --thresholds` decides.

By training pictures that neither the fit nor the networks saw (the fit takes every so-manieth picture; networks keep
some apart to validate with), and by clips of calls, those that networks keep apart among them. No test picture counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from source_samples import DATA, Sample, clips, pages, states
from tqdm import tqdm

from pocketsr import load
from pocketsr.data import Pair, load_images, split
from pocketsr.data.noise import add_jpeg
from pocketsr.engine import takes_strength, upscaled
from pocketsr.pixels import psnr
from pocketsr.source import look
from pocketsr.source.screens import screen_features
from pocketsr.source.strength import evaluate, tables
from pocketsr.source.tiles import luma_tiles

CLIPS = ("latentsync_demo3*", "sam2_dog*", "lp_d10*", "sam2_blocks*", "mead_m030*")  # the first two are kept apart
APART = ("general100/*", "t91/*", "bsds400/*")  # what recipes/photo.yaml validates with
SHARE = 0.125
STEP = 0.02  # of strength, between two that are tried
SPURIOUS = 0.002  # share of photographs that may be taken for screens
Array = NDArray[np.float64]


def unseen(pairs: Sequence[Pair], most: int, fitted: int) -> list[Pair]:
    """About `most` of the training pictures that the fit to about `fitted` of them didn't see, and the screens."""
    every = max(1, len(pairs) // fitted)
    left = [pair for number, pair in enumerate(pairs) if number % every]
    some = left[:: max(1, len(left) // most)]
    taken = {pair.name for pair in some}
    return [*some, *(pair for pair in left if pair.name.startswith("screen/") and pair.name not in taken)]


def surely_screen(pairs: Sequence[Pair]) -> tuple[float, dict[str, float]]:
    """The least log-odds above which hardly a photograph lies, and the share of screens that lie above."""
    odds: dict[bool, list[float]] = defaultdict(list)
    table = tables()["screen"]
    for pair in tqdm(pairs, desc="screens", disable=None):
        for sample in states(pair):
            odds[sample.group.startswith("screen")].append(evaluate(table, screen_features(luma_tiles(sample.luma))))
    for number, page in enumerate(pages(40, first=120)):  # the fit saw those before
        for luma in (page, add_jpeg(page, 40 + 7 * number % 56)):
            odds[True].append(evaluate(table, screen_features(luma_tiles(luma))))
    limit = float(np.ceil(20 * max(0.0, float(np.quantile(odds[False], 1 - SPURIOUS, method="higher")))) / 20)
    return limit, {
        "screens missed": round(float(np.mean(np.array(odds[True]) <= limit)), 4),
        "others taken for screens": round(float(np.mean(np.array(odds[False]) > limit)), 4),
        "samples": len(odds[True]) + len(odds[False]),
    }


def gains(samples: Iterable[Sample], names: Sequence[str]) -> dict[str, Array]:
    """(samples, 2) for each network: the estimated strength, and dB over `small`."""
    nets = {name: load(name, threads=1) for name in ("small", *names)}
    found = defaultdict(list)
    for sample in tqdm(samples, desc="gains", disable=None):
        luma, seen = np.ascontiguousarray(sample.luma), look(sample.luma, sample.hints)
        hr = sample.hr[2 : 2 * luma.shape[0] - 2, 2 : 2 * luma.shape[1] - 2]
        quality = {
            name: psnr(upscaled(net, luma, strength=seen.strength if takes_strength(net) else None)[2:-2, 2:-2], hr)
            for name, net in nets.items()
        }
        for name in names:
            found[name].append((seen.strength, quality[name] - quality["small"]))
    return {name: np.array(rows) for name, rows in found.items()}


def worth(rows: Array) -> tuple[float, dict[str, Any]]:
    """The strength from which on a network is worth taking: where the sum of the gains above it is largest.

    A loss counts twice, since who names nothing should lose nothing. Also what is gained above it, and lost below.
    """
    strength, gain = rows.T
    weighed = np.where(gain < 0, 2 * gain, gain)
    tried = np.arange(STEP, 0.8, STEP)
    sums = np.array([weighed[strength >= each].sum() for each in tried])
    limit = round(float(tried[np.flatnonzero(sums >= sums.max() - 1e-9)[0]]), 2)
    above = gain[strength >= limit]
    said = {"mean gain above, dB": round(float(above.mean()), 3), "a tenth gains less than": _tenth(above),
            "mean gain below, dB": round(float(gain[strength < limit].mean()), 3), "samples": len(gain)}  # fmt: skip
    return limit, said


def _tenth(gain: Array) -> float:
    return round(float(np.quantile(gain, 0.1)), 3)


def thresholds(most: int, fitted: int) -> dict[str, Any]:
    """What `source.choice` and `source.strength` read, and how it does on what it was decided by."""
    pairs = [pair for pair in load_images([DATA / "train", DATA / "train_more"]) if min(pair.lr.shape) >= 64]
    sure, screens = surely_screen(unseen(pairs, most, fitted))
    _, apart = split(pairs, SHARE, only=APART)
    photo, photographs_gain = worth(gains((s for pair in apart for s in states(pair)), ("photo",))["photo"])
    call, calls_gain = worth(gains(clips(CLIPS), ("small-call",))["small-call"])
    return {
        "sure": sure,
        "worth": {"photo": photo, "small-call": call},
        "decided by": {"screens": screens, "photo": photographs_gain, "small-call": calls_gain},
    }
