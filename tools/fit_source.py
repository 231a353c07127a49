"""Fit what looks at sources: `python tools/fit_source.py` writes src/pocketsr/source/fitted.json.

Pictures and clips of ../shared/data that networks are trained with, never those that are kept for measuring, go through
JPEG, WebP, blur, noise and the encoders of calls; the truth is `strength_between` the clean LR and the degraded. Errors
are of pictures and clips that a fit didn't see, in five folds. `--gains` prints instead what networks gain on `small`,
by the estimated strength; `--thresholds` decides where the rules of `source.choice` begin, by pictures and clips that
networks keep apart (`--worths`) and by screens and what looks like them (`--screens`). Minutes of a core.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from polynomial import logistic, ridge
from screen_thresholds import decided_screens
from source_samples import Sample, clips, graphics, pages, pictures
from source_thresholds import decided_worths

from pocketsr.data.noise import add_jpeg
from pocketsr.source import Hints, look
from pocketsr.source.features import grid_of
from pocketsr.source.screens import SCREEN_FEATURES, screen_features
from pocketsr.source.strength import MODELS, evaluate, model_numbers, model_of, tables
from pocketsr.source.tiles import luma_tiles

RESULT = Path(__file__).resolve().parents[1] / "src" / "pocketsr" / "source" / "fitted.json"
FOLDS = 5
# What left the least error in five folds: there are few clips, and a rate says less than a quantizer.
RIDGE = {
    "picture": 3e-3,
    "video": 0.3,
    "jpeg": 3e-3,
    "was jpeg": 3e-3,
    "webp": 0.3,
    "webp qp": 0.03,
    "avif qp": 0.03,
    "qp": 0.03,
    "av1 qp": 0.1,
    "rate": 0.1,
    "screen": 3e-3,
}
OF_CLIPS = ("video", "qp", "av1 qp", "rate")
SURELY = 2.5  # times the plainest grid of a clean picture is one: windows have plainer ones
Array = NDArray[np.float64]


def _fold(group: str) -> int:
    return zlib.crc32(group.encode()) % FOLDS


def _views(sample: Sample) -> list[Hints]:
    """The sample's hints, and those that would be left if less were known: one for each model that it can teach."""
    hints = sample.hints
    if hints.moving:
        less = [replace(hints, qp=None), Hints("", moving=True)]
        return [hints, *less] if hints.qp is not None else less if hints.codec else [hints]
    known = (
        [Hints("", lossless=False), replace(hints, qp=None), hints]
        if sample.of != "clean"
        else [Hints("", lossless=False)]
    )
    if hints.codec == "jpeg":
        known.append(Hints("png", lossless=True))
    return list({model_of(each): each for each in known}.values())


def _fit_strengths(
    samples: list[Sample], models: Sequence[str] = MODELS
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    rows: dict[str, list[tuple[Array, float, str, str]]] = defaultdict(list)
    for sample in samples:
        tiles = luma_tiles(sample.luma)
        for hints in (each for each in _views(sample) if model_of(each) in models):
            model, numbers = model_numbers(tiles, hints)
            rows[model].append((numbers, sample.strength, sample.group, sample.of))
    fitted, errors = {}, {}
    for model in models:
        numbers = np.stack([row[0] for row in rows[model]])
        truth = np.array([row[1] for row in rows[model]])
        folds = np.array([_fold(row[2]) for row in rows[model]])
        # A third of what is judged by the picture alone is clean: it is what may not be taken for worse.
        clean = truth == 0
        weight = np.where(clean, 0.5 * (~clean).sum() / max(1, clean.sum()), 1.0) if model in MODELS[:2] else truth + 1
        guessed = np.zeros_like(truth)
        for fold in range(FOLDS):
            there = folds != fold
            table = ridge(numbers[there], truth[there], weight[there], RIDGE[model])
            guessed[~there] = [np.clip(evaluate(table, each), 0, 1) for each in numbers[~there]]
        fitted[model] = ridge(numbers, truth, weight, RIDGE[model])
        wrong = np.abs(guessed - truth)
        by: dict[str, list[float]] = defaultdict(list)
        for row, each in zip(rows[model], wrong, strict=True):
            by[row[3]].append(float(each))
        errors[model] = {"all": round(float(wrong.mean()), 4), "samples": len(wrong)}
        errors[model] |= {of: round(float(np.mean(each)), 4) for of, each in sorted(by.items())}
    return fitted, errors


def _fit_screens(samples: list[Sample]) -> tuple[dict[str, Any], dict[str, Any]]:
    found: list[tuple[Array, bool, str]] = []
    for sample in samples:
        screen = sample.group.startswith("screen")
        found.append((screen_features(luma_tiles(sample.luma)), screen, sample.group))
        if sample.of in ("clean", "clean clip"):
            found.append((screen_features(luma_tiles(sample.hr)), screen, sample.group))
    for number, page in enumerate(pages(120)):
        for luma in (page, add_jpeg(page, 40 + number % 56)):
            found.append((screen_features(luma_tiles(luma)), True, f"page {number}"))
    for number, drawn in enumerate(graphics()):
        found.append((screen_features(luma_tiles(drawn)), False, f"graphics {number}"))
    numbers = np.stack([each[0] for each in found])
    truth = np.array([each[1] for each in found], np.float64)
    folds = np.array([_fold(each[2]) for each in found])
    weight = np.where(truth > 0, 1.0, 2.0 * truth.sum() / (1 - truth).sum())  # a photograph may not be taken for text
    guessed = np.zeros(len(truth), bool)
    for fold in range(FOLDS):
        there = folds != fold
        table = logistic(numbers[there], truth[there], weight[there], RIDGE["screen"])
        guessed[~there] = [evaluate(table, each) > 0 for each in numbers[~there]]
    errors = {
        "screens missed": round(float(np.mean(~guessed[truth > 0])), 4),
        "others taken for screens": round(float(np.mean(guessed[truth == 0])), 4),
        "samples": len(truth),
    }
    return logistic(numbers, truth, weight, RIDGE["screen"]), errors


def _blocks(samples: list[Sample]) -> tuple[float, dict[str, float]]:
    """The grid that no clean picture has, nor a page, and which share of those that were JPEGs has it."""
    of: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        if sample.of in ("clean", "was a jpeg"):
            of[sample.of].append(grid_of(luma_tiles(sample.luma)))
    of["clean"] += [grid_of(luma_tiles(page)) for page in pages(120)]
    limit = round(SURELY * max(of["clean"]), 4)
    return limit, {
        "most of clean pictures": round(max(of["clean"]), 4),
        "found of those that were JPEGs": round(float(np.mean(np.array(of["was a jpeg"]) > limit)), 4),
    }


def fit(most: int) -> None:
    """Fit all, write the numbers, and print the errors."""
    samples = [*pictures(most), *clips()]
    strengths, errors = _fit_strengths(samples)
    screen, screen_errors = _fit_screens(samples)
    blocks, block_errors = _blocks(samples)
    made = {
        "about": "by tools/fit_source.py; errors: mean absolute, of pictures and clips that the fit didn't see",
        "screen features": SCREEN_FEATURES,
        "blocks": blocks,
        "strength": strengths,
        "screen": screen,
        "errors": {"strength": errors, "screen": screen_errors, "blocks": block_errors},
        "gain": tables()["gain"],
        "crisp": tables()["crisp"],
        "thresholds": tables()["thresholds"],  # `--thresholds` decides both again
    }
    _write(made)
    print(json.dumps(made["errors"], indent=1))


def fit_blocks(most: int) -> None:
    """Decide what a JPEG's grid is; all else stays."""
    made = json.loads(RESULT.read_text(encoding="utf-8"))
    made["blocks"], errors = _blocks(list(pictures(most)))
    made["errors"]["blocks"] = errors
    _write(made)
    print(made["blocks"], json.dumps(errors, indent=1))


def fit_again(most: int, models: Sequence[str]) -> None:
    """Fit just these models of strength, to pictures or clips; all else stays."""
    samples = [
        *(pictures(most) if set(models) - set(OF_CLIPS) else ()),
        *(clips() if set(models) & set(OF_CLIPS) else ()),
    ]
    strengths, errors = _fit_strengths(samples, models)
    made = json.loads(RESULT.read_text(encoding="utf-8"))
    made["strength"] |= strengths
    made["errors"]["strength"] |= errors
    _write(made)
    print(json.dumps(errors, indent=1))


def decide_worths() -> None:
    """Decide from which strengths on networks are worth taking, and leave what tells screens."""
    found = decided_worths()
    made = json.loads(RESULT.read_text(encoding="utf-8"))
    made["gain"] = found["gain"]
    made["thresholds"] |= {"worth": found["worth"], "gain_db": found["gain_db"]}
    made["thresholds"]["decided by"] |= found["decided by"]
    _write(made)
    print(json.dumps({key: each for key, each in found.items() if key != "gain"}, indent=1))


def decide_screens() -> None:
    """Decide what goes through `screen`, and leave from which strengths on other networks are worth taking."""
    crisp, found = decided_screens()
    made = json.loads(RESULT.read_text(encoding="utf-8")) | {"crisp": crisp}
    made["thresholds"] |= found | {"decided by": made["thresholds"]["decided by"] | found["decided by"]}
    _write(made)
    print(json.dumps(found, indent=1))


def _write(made: dict[str, Any]) -> None:
    text = json.dumps(made, indent=1, default=lambda array: array.tolist())
    RESULT.write_text(_compact(text) + "\n", encoding="utf-8")
    tables.cache_clear()


def _compact(text: str) -> str:
    """JSON whose lists of numbers take a line each."""
    import re

    return re.sub(r"\[\s+([^\[\]]*?)\s+\]", lambda found: "[" + re.sub(r",\s+", ", ", found[1]) + "]", text)


def gains(most: int, networks: list[str]) -> None:
    """Print dB over `small`, on the HR pictures, by kind of source and estimated strength."""
    from pocketsr import load
    from pocketsr.engine import takes_strength, upscaled
    from pocketsr.pixels import psnr

    sr = {name: load(name, threads=1) for name in ("small", *networks)}
    by: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    for sample in [*pictures(most), *clips()]:
        seen = look(sample.luma, sample.hints)
        kind = "video" if sample.hints.moving else "picture"
        hr = sample.hr[: 2 * sample.luma.shape[0], : 2 * sample.luma.shape[1]]
        quality = {}
        for name, network in sr.items():
            told = seen.strength if takes_strength(network) else None
            made = upscaled(network, np.ascontiguousarray(sample.luma), strength=told)
            quality[name] = psnr(made[2:-2, 2:-2], hr[2:-2, 2:-2])
        for name in networks:
            by[name, kind, int(seen.strength * 20)].append(quality[name] - quality["small"])
    for (name, kind, step), found in sorted(by.items()):
        worst = np.quantile(found, 0.1)
        print(f"{name:12} {kind:8} {step / 20:.2f}: {np.mean(found):+.3f} dB, tenth {worst:+.3f}, {len(found)} samples")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=400, help="how many of the training pictures (default: 400)")
    parser.add_argument("--gains", nargs="+", metavar="NETWORK", help="print what these gain on small, by strength")
    parser.add_argument("--thresholds", action="store_true", help="decide where rules begin: both that follow")
    parser.add_argument("--only", nargs="+", choices=MODELS, metavar="MODEL", help="fit just these")
    parser.add_argument("--blocks", action="store_true", help="decide just what a JPEG's grid is in a lossless picture")
    parser.add_argument("--worths", action="store_true", help="decide where rules begin, but not those of screens")
    parser.add_argument("--screens", action="store_true", help="decide just what goes through `screen`")
    asked = parser.parse_args()
    if asked.worths or asked.thresholds:
        decide_worths()
    if asked.screens or asked.thresholds:
        decide_screens()
    if asked.blocks:
        fit_blocks(asked.pictures)
    if asked.only:
        fit_again(asked.pictures, asked.only)
    if asked.gains:
        gains(asked.pictures, asked.gains)
    if not (asked.worths or asked.thresholds or asked.screens or asked.blocks or asked.only or asked.gains):
        fit(asked.pictures)
