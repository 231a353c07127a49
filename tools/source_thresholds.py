"""Where `source.choice` changes from one network to another: what `fit_source.py --thresholds` decides.

By training pictures that neither the fit nor the networks saw (the fit takes every so-manieth picture; networks keep
some apart to validate with), and by clips of calls, those that networks keep apart among them. No test picture counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from source_samples import DATA, Sample, clips, pages, states
from tqdm import tqdm

from pocketsr import load
from pocketsr.data import Pair, load_images, split
from pocketsr.data.pairs import pair_from
from pocketsr.engine import Upscaler, takes_strength, upscaled
from pocketsr.pixels import psnr
from pocketsr.source import look
from pocketsr.source.screens import screen_features
from pocketsr.source.strength import evaluate, tables
from pocketsr.source.tiles import luma_tiles

CLIPS = ("latentsync_demo3*", "sam2_dog*", "lp_d10*", "sam2_blocks*", "mead_m030*")  # the first two are kept apart
APART = ("general100/*", "t91/*", "bsds400/*")  # what recipes/photo.yaml validates with
SHARE = 0.125
STEP = 0.02  # of strength, between two that are tried
ODDS = np.arange(-1.0, 4.01, 0.2)
UNTIL = np.arange(0.2, 1.01, 0.05)
PHOTOGRAPHS = 10  # for each screen among the pictures that are brought
PAGES = 12
Array = NDArray[np.float64]


def unseen(pairs: Sequence[Pair], most: int, fitted: int) -> list[Pair]:
    """About `most` of the training pictures that the fit to about `fitted` of them didn't see, and the screens."""
    every = max(1, len(pairs) // fitted)
    left = [pair for number, pair in enumerate(pairs) if number % every]
    some = left[:: max(1, len(left) // most)]
    taken = {pair.name for pair in some}
    return [*some, *(pair for pair in left if pair.name.startswith("screen/") and pair.name not in taken)]


def screen_rows(pairs: Sequence[Pair], worths: Mapping[str, float]) -> Array:
    """(samples, 4): whether a screen, strength, log-odds of a screen, dB that `screen` gains on what else is taken."""
    nets = {name: load(name, threads=1) for name in ("small", "photo", "screen")}
    rows = []
    drawn = [pair_from(f"screen/page {number}", page) for number, page in enumerate(pages(PAGES, first=120))]
    for sample in tqdm([s for pair in (*pairs, *drawn) for s in states(pair)], desc="screens", disable=None):
        odds = evaluate(tables()["screen"], screen_features(luma_tiles(sample.luma)))
        strength = look(sample.luma, sample.hints).strength
        gain = 0.0  # of no consequence below all that is tried
        if odds > ODDS[0]:
            other = "photo" if strength >= worths["photo"] else "small"
            gain = _quality(nets["screen"], sample, strength) - _quality(nets[other], sample, strength)
        rows.append((sample.group.startswith("screen"), strength, odds, gain))
    return np.array(rows, np.float64)


def surely_screen(rows: Array) -> tuple[float, float, dict[str, Any]]:
    """Above which log-odds, and below which strength, a picture is to go through `screen`: where most is gained.

    Photographs count as they come, `PHOTOGRAPHS` to a screen, and losses twice.
    """
    screen, strength, odds, gain = rows.T
    screens, others = screen == 1, screen == 0
    weighed = np.where(gain < 0, 2 * gain, gain) * np.where(screens, 1 / screens.sum(), PHOTOGRAPHS / others.sum())
    sums = {(sure, until): float(weighed[(odds > sure) & (strength < until)].sum()) for sure in ODDS for until in UNTIL}
    sure, until = max(sums, key=lambda each: sums[each])
    taken = (odds > sure) & (strength < until)
    clear = screens & (strength < until)
    return round(float(sure), 2), round(float(until), 2), {
        "screens of less than that strength missed": round(float((~taken)[clear].mean()), 4),
        "others taken for screens": round(float(taken[others].mean()), 4),
        "mean gain of screens taken, dB": round(float(gain[taken & screens].mean()), 3),
        "mean gain of others taken, dB": round(float(gain[taken & others].sum() / max(1, (taken & others).sum())), 3),
        "samples": len(rows),
    }  # fmt: skip


def _quality(net: Upscaler, sample: Sample, strength: float) -> float:
    """PSNR in dB of a sample's enlargement, without its rim."""
    luma = np.ascontiguousarray(sample.luma)
    made = upscaled(net, luma, strength=strength if takes_strength(net) else None)
    return psnr(made[2:-2, 2:-2], sample.hr[2 : 2 * luma.shape[0] - 2, 2 : 2 * luma.shape[1] - 2])


def gains(samples: Iterable[Sample], names: Sequence[str]) -> dict[str, Array]:
    """(samples, 2) for each network: the estimated strength, and dB over `small`."""
    nets = {name: load(name, threads=1) for name in ("small", *names)}
    found = defaultdict(list)
    for sample in tqdm(samples, desc="gains", disable=None):
        strength = look(sample.luma, sample.hints).strength
        quality = {name: _quality(net, sample, strength) for name, net in nets.items()}
        for name in names:
            found[name].append((strength, quality[name] - quality["small"]))
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
    _, apart = split(pairs, SHARE, only=APART)
    photo, photographs_gain = worth(gains((s for pair in apart for s in states(pair)), ("photo",))["photo"])
    call, calls_gain = worth(gains(clips(CLIPS), ("small-call",))["small-call"])
    worths = {"photo": photo, "small-call": call}
    sure, until, screens = surely_screen(screen_rows(unseen(pairs, most, fitted), worths))
    return {
        "sure": sure,
        "worth": worths,
        "until": {"screen": until},
        "decided by": {"screens": screens, "photo": photographs_gain, "small-call": calls_gain},
    }
