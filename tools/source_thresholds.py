"""Where `source.choice` changes from one network to another: what `fit_source.py --thresholds` decides.

By training pictures that neither the fit nor the networks saw (the fit takes every so-manieth picture; networks keep
some apart to validate with), and by clips of calls, those that networks keep apart among them. No test picture counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
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
from pocketsr.source import Hints, look
from pocketsr.source.screens import screen_features
from pocketsr.source.strength import evaluate, model_of, tables
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
            other = "photo" if strength >= worths.get(model_of(sample.hints), np.inf) else "small"
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


def gains(samples: Iterable[Sample], name: str) -> dict[str, Array]:
    """(samples, 2) for each of `strength.MODELS` that serves some: the estimated strength, and dB over `small`.

    What is known of a sample is forgotten in part, too, so that models for those of which less is known are judged.
    """
    small, net = load("small", threads=1), load(name, threads=1)
    found = defaultdict(list)
    for sample in tqdm(samples, desc=f"gains of {name}", disable=None):
        usual = _quality(small, sample, 0.0)
        for hints in _known(sample.hints):
            strength = look(sample.luma, hints).strength
            found[model_of(hints)].append((strength, _quality(net, sample, strength) - usual))
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


def thresholds(most: int, fitted: int) -> dict[str, Any]:
    """What `source.choice` and `source.strength` read, and how it does on what it was decided by."""
    pairs = _large(None)
    made = decided_worths(pairs)
    sure, until, screens = surely_screen(screen_rows(unseen(pairs, most, fitted), made["worth"]["photo"]))
    return {
        "sure": sure,
        "worth": made["worth"],
        "until": {"screen": until},
        "decided by": {"screens": screens, **made["decided by"]},
    }


def decided_worths(pairs: Sequence[Pair] | None = None) -> dict[str, Any]:
    """From which strength on networks are worth taking, by what is known of a source; and how that does."""
    _, apart = split(_large(pairs), SHARE, only=APART)
    found = {
        "photo": gains((sample for pair in apart for sample in states(pair)), "photo"),
        "small-call": gains(clips(CLIPS), "small-call"),
    }
    each = {name: {model: worth(rows) for model, rows in of.items()} for name, of in found.items()}
    return {
        "worth": {name: {model: limit for model, (limit, _) in of.items()} for name, of in each.items()},
        "decided by": {name: {model: said for model, (_, said) in of.items()} for name, of in each.items()},
    }


def _large(pairs: Sequence[Pair] | None) -> Sequence[Pair]:
    if pairs is not None:
        return pairs
    return [pair for pair in load_images([DATA / "train", DATA / "train_more"]) if min(pair.lr.shape) >= 64]
