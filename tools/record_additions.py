"""What each addition to training is worth: `python tools/record_additions.py ../shared/data runs/additions`.

The networks of recipes/tiny.yaml and recipes/small.yaml, short and from nothing, first with none of the additions that
later recipes have: Adam, data/train alone, each picture at its own size, HR alone, no borders. Then each addition
alone over that, all together, all but one, and twice the steps, three seeds each. All runs are validated on the
same pictures, which none trains on. Writes benchmarks/additions.json and additions.md, and docs/field/additions.png.

Finished runs are kept, and what is interrupted goes on with the next one. What leaves an addition out of all comes
last; `--so-far` writes what has been measured. Seconds are processor time, with the reading of a teacher's pictures.
`--cache` is where those lie, which other runs may have made; else they are made first, half an hour on one core.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tqdm import tqdm

from pocketsr.bench.labels import FONT
from pocketsr.bench.machine import describe_machine
from pocketsr.data import Pair
from pocketsr.train import Recipe, parse_recipe, train
from pocketsr.train.checkpoint import load_network
from pocketsr.train.sources import load_pairs
from pocketsr.train.validate import valid_psnr_db

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PICTURE = ROOT / "benchmarks" / "additions.json", ROOT / "docs" / "field" / "additions.png"
SEEDS = (0, 1, 2)
ADDITIONS = ("data", "teacher", "soap", "borders", "sizes")
KINDS = {"crisp": ("general100/", "t91/"), "photographs": ("div2k_crops/", "bsds400/")}
"""Of the validation pictures: what recipes choose weights by, and what B100 and Urban100 are nearer to."""

_PATTERNS = [f"{folder}*" for folders in KINDS.values() for folder in folders]
COMMON = (
    "init=null", "teacher=null", "patch=48", "batch=16", "borders_every=0", "losses={psnr: 1.0}", "ema={decay: 0.99}",
    "data.exclude=[]", "data.sizes={}", "data.valid_share=0.125", f"data.valid_patterns={json.dumps(_PATTERNS)}",
    'data.sampling_weights={"general100/*": 2, "t91/*": 1}', "checkpoint_every_s=3600",
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A network, how long it is trained, and its optimiser: the same rate for both kinds."""

    recipe: str
    steps: int
    overrides: tuple[str, ...]


SUBJECTS = {
    "tiny": Subject("tiny.yaml", 600, ("optimiser={lr: 5e-3, warmup: 50, clip_norm: 1.0}",)),
    "small": Subject("small.yaml", 400, ("optimiser={lr: 3e-3, warmup: 50, clip_norm: 1.0}", "net.config.block=plain")),
}


@dataclass(frozen=True)
class Variant:
    """What is added to the base, and how many times its steps are made."""

    name: str
    added: tuple[str, ...] = ()
    longer: int = 1


BASE, ALL, MORE = "base", "all", "twice the steps"
FIRST = (
    Variant(BASE),
    *(Variant(name, (name,)) for name in ADDITIONS),
    Variant(ALL, ADDITIONS),
    Variant(MORE, longer=2),
)
LEFT_OUT = tuple(Variant(f"all but {name}", tuple(each for each in ADDITIONS if each != name)) for name in ADDITIONS)
VARIANTS = FIRST + LEFT_OUT


@dataclass(frozen=True)
class Places:
    """data: the folder of train, train_more and weights. cache: of the teacher's pictures."""

    data: Path
    runs: Path
    cache: Path


def _counts_file(places: Places) -> Path:
    return places.runs / "validation.json"


def recipe_of(subject: str, variant: Variant, seed: int, places: Places, changed: Sequence[str] = ()) -> Recipe:
    """The recipe of one run; `changed` after all else."""
    of = SUBJECTS[subject]
    steps = of.steps * variant.longer
    more, sizes = "data" in variant.added, {"general100/*": [1, 0.8, 0.64], "t91/*": [1, 0.8]}
    if more:
        sizes["clic_half/*"] = [1, 0.7]
    folders = [str(places.data / "train"), *([str(places.data / "train_more")] if more else [])]
    weights = places.data / "weights" / "smfanet_div2k_x2.safetensors"
    taught = {"model": "smfanet", "weights": str(weights), "share": 0.5, "cache": str(places.cache)}
    added = {
        "data": ('data.exclude=["screen/*"]',),
        "teacher": (f"teacher={json.dumps(taught)}",),
        "soap": ("optimiser.kind=soap",),
        "borders": ("borders_every=3",),
        "sizes": (f"data.sizes={json.dumps(sizes)}",),
    }
    overrides = [each for name in variant.added for each in added[name]]
    return parse_recipe(
        ROOT / "recipes" / of.recipe,
        [*COMMON, *of.overrides, f"data.folder={json.dumps(folders)}", f"steps={steps}", f"validate_every={steps}",
         f"seed={seed}", *overrides, *changed],
    )  # fmt: skip


class Pictures:
    """What runs train on, read once for each choice of folders and sizes, and the one set that validates all."""

    def __init__(self, places: Places, changed: Sequence[str] = ()) -> None:
        everything = next(variant for variant in VARIANTS if variant.name == ALL)
        recipe = recipe_of("tiny", everything, 0, places, changed)
        train, self.valid, _ = load_pairs(recipe.data)
        self._read = {_key(recipe): train}

    def of(self, recipe: Recipe) -> list[Pair]:
        """To train with."""
        if _key(recipe) not in self._read:
            self._read[_key(recipe)] = load_pairs(recipe.data)[0]
        return self._read[_key(recipe)]

    def counts(self) -> dict[str, int]:
        """Of the validation pictures, by kind."""
        return {kind: len(self.of_kind(kind)) for kind in KINDS}

    def of_kind(self, kind: str) -> list[Pair]:
        """Those of the validation pictures that are of `kind`."""
        return [pair for pair in self.valid if pair.name.startswith(KINDS[kind])]


def _key(recipe: Recipe) -> str:
    return repr((recipe.data.folder, recipe.data.sizes, recipe.data.exclude))


def _kept(subject: str, variant: Variant, seed: int, places: Places) -> Path:
    """What was measured of a run, in its folder."""
    name = "".join(c if c.isalnum() else "_" for c in f"{subject} {variant.name} {seed}")
    return places.runs / name / "measured.json"


def measured(
    subject: str, variant: Variant, seed: int, places: Places, pictures: Pictures, changed: Sequence[str] = ()
) -> dict[str, float]:  # fmt: skip
    """PSNR in dB over all validation pictures and over each kind, and processor seconds: of a run that is made now, or
    was made already."""
    recipe = recipe_of(subject, variant, seed, places, changed)
    kept = _kept(subject, variant, seed, places)
    out = kept.parent
    if not kept.exists():
        if out.exists():  # interrupted: it takes less than a minute, and its seconds must be whole
            shutil.rmtree(out)
        pairs = pictures.of(recipe)
        started = time.process_time()
        train(recipe, out, pairs=(pairs, pictures.valid, []))
        seconds = time.process_time() - started
        net = load_network(out / "best.pt")
        found = {kind: round(valid_psnr_db(net, pictures.of_kind(kind)), 4) for kind in KINDS}
        counts = pictures.counts()
        found["all"] = round(float(np.average([found[kind] for kind in KINDS], weights=[*counts.values()])), 4)
        found["seconds"] = round(seconds, 1)
        kept.write_text(json.dumps(found))
    result: dict[str, float] = json.loads(kept.read_text())
    return result


Figures = dict[tuple[str, str], list[dict[str, float]]]
"""By subject and variant, in the order of the seeds."""


def rows_of(figures: Figures) -> list[dict[str, Any]]:
    """A row a network and variant; gains are over the base with the same seeds, and losses from all with the same."""
    rows: list[dict[str, Any]] = []
    for (subject, name), runs in figures.items():
        row: dict[str, Any] = {"network": subject, "variant": name, "psnr_db": [run["all"] for run in runs]}
        row["mean_db"] = round(statistics.mean(row["psnr_db"]), 4)
        row["by_kind_db"] = {kind: round(statistics.mean(run[kind] for run in runs), 4) for kind in KINDS}
        row["seconds"] = round(statistics.mean(run["seconds"] for run in runs), 1)
        for key, other in (("over_base_db", BASE), ("over_all_db", ALL)):
            against = figures.get((subject, other), [])
            gains = [run["all"] - its["all"] for run, its in zip(runs, against, strict=False)]
            if gains:
                row[key] = round(statistics.mean(gains), 4)
                row[key.replace("_db", "_error_db")] = _error(gains)
        rows.append(row)
    return rows


def _error(gains: Sequence[float]) -> float | None:
    """The standard error of their mean; None for one alone."""
    return round(statistics.stdev(gains) / len(gains) ** 0.5, 4) if len(gains) > 1 else None


def table(rows: Sequence[dict[str, Any]], steps: dict[str, int], valid: dict[str, int]) -> str:
    """additions.md."""
    lines = [
        "# What each addition is worth",
        "",
        "Short runs from nothing (`tools/record_additions.py`): PSNR in dB, mean over the seeds, on "
        f"{sum(valid.values())} pictures that no run",
        f"trains on ({', '.join(f'{count} {kind}' for kind, count in valid.items())}). Gains are over the base with "
        "the same seed, with their standard error;",
        "one below twice its error is none, and one without an error is of a single seed. *Left out of all*: what the",
        "five together lose without it. Seconds are processor time of a run.",
        "docs/notes/additions.md says what the additions are, and what such short runs can't tell.",
        "",
    ]  # fmt: skip
    for subject, count in steps.items():
        mine = {row["variant"]: row for row in rows if row["network"] == subject}
        if BASE not in mine:
            continue
        runs = {len(row["psnr_db"]) for row in mine.values()}
        seeds = f"{min(runs)} to {max(runs)}" if len(runs) > 1 else str(min(runs))
        lines += [f"## {subject}, {count:,} steps, seeds: {seeds}", ""]
        lines += ["| | alone over the base | left out of all | seconds alone |", "|---|--:|--:|--:|"]
        for name in ADDITIONS:
            if alone := mine.get(name):
                less = mine.get(f"all but {name}")
                cells = (_gain(alone, "over_base"), _gain(less, "over_all") if less else "", f"{alone['seconds']:.0f}")
                lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines += ["", "| | mean dB | " + " | ".join(KINDS) + " | over the base | seconds |"]
        lines.append("|---|--:|" + "--:|" * len(KINDS) + "--:|--:|")
        for name in (BASE, MORE, ALL):
            if row := mine.get(name):
                kinds = " | ".join(f"{row['by_kind_db'][kind]:.3f}" for kind in KINDS)
                gain = _gain(row, "over_base") if name != BASE else ""
                lines.append(f"| {name} | {row['mean_db']:.3f} | {kinds} | {gain} | {row['seconds']:.0f} |")
        lines.append("")
    return "\n".join(lines)


def _gain(row: dict[str, Any], key: str) -> str:
    error = row.get(f"{key}_error_db")
    return f"{row[f'{key}_db']:+.3f}" + ("" if error is None else f" ± {error:.3f}")


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Bars of what each addition gains alone, and of what all lose without it."""
    subjects = list(dict.fromkeys(row["network"] for row in rows))
    figure = Figure(figsize=(4.2 * len(subjects), 2.8), layout="constrained")
    FigureCanvasAgg(figure)
    for panel, subject in zip(figure.subplots(1, len(subjects), squeeze=False)[0], subjects, strict=True):
        mine = {row["variant"]: row for row in rows if row["network"] == subject}
        for side, (colour, label) in enumerate(
            (("#2b6f8f", "alone, over the base"), ("#d1a24b", "last, over all but it"))
        ):
            for place, name in enumerate(ADDITIONS):
                row, key, sign = (mine.get(name), "over_base", 1) if side == 0 else (
                    mine.get(f"all but {name}"), "over_all", -1)  # fmt: skip
                if row and f"{key}_db" in row:
                    panel.barh(
                        place + 0.38 * side - 0.19, sign * row[f"{key}_db"], 0.36, color=colour,
                        xerr=row[f"{key}_error_db"] or 0, label=label if place == 0 else None,
                    )  # fmt: skip
        panel.set_yticks(range(len(ADDITIONS)), ADDITIONS, fontsize=FONT)
        panel.invert_yaxis()
        panel.axvline(0, color="#444444", linewidth=0.8)
        panel.set_title(subject, fontsize=FONT + 1)
        panel.set_xlabel("dB in validation", fontsize=FONT)
        panel.tick_params(labelsize=FONT)
        if subject == subjects[0]:
            panel.legend(fontsize=FONT, frameon=False)
    figure.savefig(path, dpi=110)


def write(figures: Figures, valid: dict[str, int], command: str) -> None:
    """The results so far. valid: how many pictures of each kind validated."""
    rows, steps = rows_of(figures), {name: of.steps for name, of in SUBJECTS.items()}
    head = {
        "machine": describe_machine(), "command": command, "seeds": SEEDS, "steps": steps, "validation_pictures": valid,
        "common": COMMON, "subjects": {name: [of.recipe, *of.overrides] for name, of in SUBJECTS.items()},
    }  # fmt: skip
    RESULTS.write_text(json.dumps(head | {"rows": rows}, indent=1) + "\n")
    RESULTS.with_suffix(".md").write_text(table(rows, steps, valid))
    draw(rows, PICTURE)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures what each addition to training is worth.")
    parser.add_argument("data", type=Path, help="the folder that holds train, train_more and weights")
    parser.add_argument("runs", type=Path, help="folder for the runs")
    parser.add_argument("--cache", type=Path, default=Path("runs/smfanet"), help="of the teacher's pictures")
    parser.add_argument("--so-far", action="store_true", help="train nothing: write what has been measured")
    args = parser.parse_args()
    places = Places(args.data, args.runs, args.cache)
    command = f"python tools/record_additions.py {args.data} {args.runs}"
    jobs = [
        (seed, subject, variant)
        for part in (FIRST, LEFT_OUT)
        for seed in SEEDS
        for subject in SUBJECTS
        for variant in part
    ]
    figures: Figures = {}
    pictures = None if args.so_far else Pictures(places)
    if pictures:
        args.runs.mkdir(parents=True, exist_ok=True)
        _counts_file(places).write_text(json.dumps(pictures.counts()))
    for seed, subject, variant in tqdm(jobs, desc="runs"):
        if pictures:
            found = measured(subject, variant, seed, places, pictures)
        elif (kept := _kept(subject, variant, seed, places)).exists():
            found = json.loads(kept.read_text())
        else:
            continue
        figures.setdefault((subject, variant.name), []).append(found)
    write(figures, json.loads(_counts_file(places).read_text()), command)


if __name__ == "__main__":
    main()
