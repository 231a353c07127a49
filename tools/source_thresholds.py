"""From which strength on `source.choice` takes a network: what `fit_source.py --worths` decides.

By training pictures that networks keep apart to validate with, and by clips of calls, those that networks keep apart
among them. No test picture counts.
"""

from __future__ import annotations

import itertools
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mixed_sources import dark, drawing, viewer
from numpy.typing import NDArray
from polynomial import ridge
from screen_samples import APART as SCREENS_APART
from screen_samples import FileSample, scrolling_files
from source_samples import DATA, Sample, clips, pages, states
from tqdm import tqdm

from pocketsr import load
from pocketsr.data import load_images, split
from pocketsr.data.pairs import Pair, Plane, pair_from
from pocketsr.engine import Upscaler, takes_strength, upscaled
from pocketsr.pixels import luma_to_grey, psnr, rgb_to_luma
from pocketsr.source import Hints, look
from pocketsr.source.strength import evaluate, gain_numbers, model_numbers, model_of
from pocketsr.source.tiles import luma_tiles

CLIPS = ("latentsync_demo3*", "sam2_dog*", "lp_d10*", "sam2_blocks*", "mead_m030*")  # the first two are kept apart
APART = ("general100/*", "t91/*", "bsds400/*")  # what recipes/photo.yaml validates with
SHARE = 0.125
SLACK = 0.01  # of the largest sum: what little is gained where losses begin isn't worth them
STEP = 0.02  # of strength, between two that are tried
LEAST_DB = np.arange(-0.1, 0.41, 0.02)
LOSSES = 10  # a loss counts as much as so many gains: who names nothing should lose nothing
LOSSES_OF_CALLS = 2  # with ten, the one clip of five that was badly encoded before would decide
MOST_DB = 0.5  # gains and losses count as no more in the fit: which side of 0 they are on is what matters
TURNS = 3  # states are drawn so often of a picture
RIDGE, FOLDS = 0.03, 5
Array = NDArray[np.float64]


def quality(net: Upscaler, luma: Plane, hr: NDArray[Any], strength: float) -> float:
    """PSNR in dB of what `net` makes of `luma` to what it was shrunk from, without the rim."""
    made = upscaled(net, np.ascontiguousarray(luma), strength=strength if takes_strength(net) else None)
    return psnr(made[2:-2, 2:-2], hr[2 : 2 * luma.shape[0] - 2, 2 : 2 * luma.shape[1] - 2])


class GainRow(NamedTuple):
    """Of a sample and what is known of it. group: the picture's. numbers: what `gain_numbers` makes of it. strength: as
    estimated. gain: dB over `small`. whole: whether nothing was forgotten."""

    group: str
    numbers: Array
    strength: float
    gain: float
    whole: bool


def gains(samples: Iterable[Sample | FileSample], name: str) -> dict[str, list[GainRow]]:
    """What a network gains, for each of `strength.MODELS` that serves some.

    What is known of a sample is forgotten in part, too, so that models for those of which less is known are judged.
    """
    small, net = load("small", threads=1), load(name, threads=1)
    found = defaultdict(list)
    for sample in tqdm(samples, desc=f"gains of {name}", disable=None):
        usual = quality(small, sample.luma, sample.hr, 0.0)
        tiles = luma_tiles(sample.luma)
        for hints in _known(sample.hints):
            strength = look(sample.luma, hints).strength
            if hints.lossless and strength == 0.0:  # nothing was lost, or nothing tells
                continue
            model, numbers = model_numbers(tiles, hints)
            gain = quality(net, sample.luma, sample.hr, strength) - usual
            found[model].append(
                GainRow(sample.group, gain_numbers(numbers, strength), strength, gain, hints == sample.hints)
            )
    return dict(found)


def _known(hints: Hints) -> list[Hints]:
    """All that is known of a source, or less."""
    less = replace(hints, qp=None)
    known = (Hints("", moving=True), less, hints) if hints.moving else (less, hints)
    if hints.codec == "jpeg":
        known = (Hints("png", lossless=True), hints)
    found = {model_of(each): each for each in known}
    return list(found.values())


class Bar(NamedTuple):
    """strength, gain_db: from which on a network is taken, by the strength and by what is said that it gains.
    said: how that does."""

    strength: float
    gain_db: float
    said: dict[str, Any]


def told_gains(rows: Sequence[GainRow]) -> tuple[dict[str, Any], Array]:
    """The polynomial that tells the gain, and what those of `FOLDS` others tell who didn't see a picture."""
    numbers, gain = np.stack([row.numbers for row in rows]), np.clip([row.gain for row in rows], -MOST_DB, MOST_DB)
    folds = np.array([zlib.crc32(row.group.encode()) % FOLDS for row in rows])
    weight, told = np.ones(len(rows)), np.zeros(len(rows))
    for fold in range(FOLDS):
        there = folds != fold
        table = ridge(numbers[there], gain[there], weight[there], RIDGE)
        told[~there] = [evaluate(table, each) for each in numbers[~there]]
    return ridge(numbers, gain, weight, RIDGE), told


def bar(rows: Sequence[GainRow], told: Array | None = None, losses: float = LOSSES) -> Bar:
    """Where the sum of what is gained is largest; a loss counts `losses` times. Within `SLACK` the most reluctant.

    told: the gain that is said of each row; None where the strength alone is to decide.
    """
    strength, gain = np.array([row.strength for row in rows]), np.array([row.gain for row in rows])
    weighed = np.where(gain < 0, losses * gain, gain)
    tried = [0.0] if told is None else LEAST_DB
    said = np.zeros(len(rows)) if told is None else told
    pairs = list(itertools.product(np.arange(STEP, 1.0, STEP), tried))
    sums = np.array([weighed[(strength >= low) & (said >= gained)].sum() for low, gained in pairs])
    enough = sums.max() - SLACK * abs(sums.max())
    limit, least = (round(float(each), 2) for each in max(itertools.compress(pairs, sums >= enough)))
    taken = (strength >= limit) & (said >= least)
    about = {"mean gain of those taken, dB": _mean(gain[taken]), "a tenth gains less than": _tenth(gain[taken]),
             "mean gain of others, dB": _mean(gain[~taken]), "samples": len(gain), "taken": int(taken.sum()),
             "of them lose 0.05 dB and more": int((gain[taken] < -0.05).sum())}  # fmt: skip
    if told is not None:
        about["correlation of what is told with the gain"] = round(float(np.corrcoef(told, gain)[0, 1]), 3)
    return Bar(limit, least, about)


def _tenth(gain: Array) -> float | None:
    return round(float(np.quantile(gain, 0.1)), 3) if len(gain) else None


def _mean(gain: Array) -> float | None:
    return round(float(gain.mean()), 3) if len(gain) else None


def _photographs() -> Iterator[Pair]:
    """Pictures that `photo` doesn't learn from: those it keeps apart, some of them dark or in a window; screens, and
    drawings."""
    large = [pair for pair in load_images([DATA / "train", DATA / "train_more"]) if min(pair.lr.shape) >= 64]
    _, apart = split(large, SHARE, only=APART)
    yield from apart
    for number, pair in enumerate(apart):
        rgb = np.repeat(luma_to_grey(pair.hr)[..., None], 3, axis=2)
        if number % 4 == 0:
            yield _pair(f"{pair.name} in a window", viewer(rgb))
        if number % 4 == 2:
            yield _pair(f"{pair.name} dark", dark(rgb))
    yield from (pair for pair in large if "screen/" in pair.name and Path(pair.name).name not in SCREENS_APART)
    yield from (_pair(f"page {number}", page) for number, page in enumerate(pages(12, first=300)))
    yield from (_pair(f"drawing {number}", drawing(number)) for number in range(100, 108))


def _pair(name: str, pixels: NDArray[Any]) -> Pair:
    luma = rgb_to_luma(pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2))
    return pair_from(name, np.rint(luma).astype(np.uint8))


def decided_worths() -> dict[str, Any]:
    """From which strength, and which gain that is told, on networks are worth taking, by what is known of a source.

    Of `small-call` it is one strength for all, by calls that show people and screens: there are few clips, and of those
    whose QP or rate is known none is clean.
    """
    photo = gains((each for pair in _photographs() for turn in range(TURNS) for each in states(pair, turn)), "photo")
    tables_told = {model: told_gains(rows) for model, rows in photo.items()}
    bars = {model: bar(rows, tables_told[model][1]) for model, rows in photo.items()}
    calls = gains(itertools.chain(clips(CLIPS), scrolling_files()), "small-call")
    of_calls = bar([row for rows in calls.values() for row in rows if row.whole], losses=LOSSES_OF_CALLS)
    return {
        "gain": {model: table for model, (table, _) in tables_told.items()},
        "gain_db": {model: each.gain_db for model, each in bars.items()},
        "worth": {
            "photo": {model: each.strength for model, each in bars.items()},
            "small-call": dict.fromkeys(calls, of_calls.strength),
        },
        "decided by": {"photo": {model: each.said for model, each in bars.items()}, "small-call": of_calls.said},
    }
