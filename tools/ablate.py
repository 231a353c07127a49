"""What helps and what does not: `python tools/ablate.py ../shared/data/train runs/ablation`.

Trains recipes/tiny-first.yaml, shortened, in many variants that change one thing each, three seeds each, and writes
benchmarks/ablation.json and ablation.md: PSNR on the validation images, mean and spread, and the difference to the
base with its standard error. Every run has a folder of its own and is kept: an interrupted ablation goes on where it
stopped. About 20 s a run on one core. `--only GROUP` measures one group, beside what stands in the table.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

from tqdm import tqdm

from pocketsr.bench.machine import describe_machine
from pocketsr.train import parse_recipe, train
from pocketsr.train.checkpoint import load_checkpoint
from pocketsr.train.sources import load_pairs

ROOT = Path(__file__).resolve().parents[1]
BASE = ROOT / "recipes" / "tiny-first.yaml"
RESULTS = ROOT / "benchmarks" / "ablation.json"
SEEDS = (0, 1, 2)
STEPS = 1500
SHORT = (f"steps={STEPS}", "patch=48", f"validate_every={STEPS}", "checkpoint_every_s=3600")

_DENSE = "[{channels: 8, bias: false}, {channels: 8, bias: false}, {channels: 4, bias: false}]"
_DENSE_BIAS = "[{channels: 8}, {channels: 8}, {channels: 4}]"


def _chain(width: int, depth: int) -> str:
    """`depth` dense hidden layers of `width`, no biases."""
    hidden = ", ".join(f"{{channels: {width}, bias: false}}" for _ in range(depth))
    return f"net.config.layers=[{hidden}, {{channels: 4, bias: false}}]"


_TEACHER = "teacher.model=TEACHER"

# group: {variant: overrides}. Groups with a base of their own name it first, and stand in OWN_BASE.
VARIANTS: dict[str, dict[str, tuple[str, ...]]] = {
    "base": {"the first stage, short": ()},
    "over-parameterisation": {
        "plain": ("net.config.block=plain",),
        "linear, expansion 16": ("net.config.expansion=16",),
        "linear, expansion 256": ("net.config.expansion=256",),
    },
    "kind of block, on 8-8-4 without groups and with biases": {
        "linear": (f"net.config.layers={_DENSE_BIAS}",),
        "plain": (f"net.config.layers={_DENSE_BIAS}", "net.config.block=plain"),
        "edge": (f"net.config.layers={_DENSE_BIAS}", "net.config.block=edge"),
        "multibranch": (f"net.config.layers={_DENSE_BIAS}", "net.config.block=multibranch"),
    },
    "depth against width, at most 972 parameters": {
        "8-8-4 (3 layers)": (f"net.config.layers={_DENSE}",),
        "6-6-6-4 (4 layers)": (_chain(6, 3),),
        "5-5-5-5-4 (5 layers)": (_chain(5, 4),),
        "8-8-8-4, groups of 4 (4 layers)": (
            "net.config.layers=[{channels: 8, bias: false}, {channels: 8, groups: 2, bias: false}, "
            "{channels: 8, groups: 2, bias: false}, {channels: 4, bias: false}]",
        ),
    },
    "skip": {
        "none": (
            "net.config.layers=[{channels: 8, bias: false}, {channels: 8, groups: 2, bias: false}, "
            "{channels: 8, groups: 4, bias: false}, {channels: 8, groups: 4, bias: false}, {channels: 4, bias: false}]",
        ),
    },
    "bias and mean": {
        "biases": (
            "net.config.layers=[{channels: 8}, {channels: 8, groups: 2}, {channels: 8, groups: 4}, "
            "{channels: 8, groups: 4}, {channels: 4, add: [0]}]",
        ),
        "biases in the last hidden layer, paid for by one slope there": (
            "net.config.layers=[{channels: 8, bias: false}, {channels: 8, groups: 2, bias: false}, "
            "{channels: 8, groups: 4, bias: false}, {channels: 8, groups: 4, slope: one}, "
            "{channels: 4, bias: false, add: [0]}]",
        ),
        "first kernels with a mean": ("net.config.zero_mean=false",),
    },
    "anchor": {
        "none": ("net.config.anchor=none", "net.config.zero_mean=false"),
        "bicubic": ("net.config.anchor=bicubic",),
        "learned (100 parameters more)": ("net.config.anchor=learned",),
    },
    "loss": {
        "l2": ("losses={l2: 1.0}",),
        "psnr": ("losses={psnr: 1.0}",),
        "psnr in the last fifth": ("finish={at: 0.8, losses: {psnr: 1.0}}",),
        "charbonnier": ("losses={charbonnier: 1.0}",),
        "l1 + 0.1 gradient": ("losses={l1: 1.0, gradient: 0.1}",),
        "l1 + 0.01 tv": ("losses={l1: 1.0, tv: 0.01}",),
        "l1 + 0.1 dct": ("losses={l1: 1.0, dct: 0.1}",),
        "l1 + 0.1 fft": ("losses={l1: 1.0, fft: 0.1}",),
        "l1, then l2 in the last fifth": ("finish={at: 0.8, losses: {l2: 1.0}}",),
    },
    "distillation from small": {
        "output": ("losses={l1: 1.0, distillation: 0.5}", _TEACHER),
        "structured feature": ("losses={l1: 1.0, structured: 0.1}", _TEACHER, "teacher.cache=false"),
    },
    "where patches come from": {
        "half from everywhere": ("data.flat_share=0.5",),
        "all from everywhere": ("data.flat_share=1.0",),
    },
    "schedule": {
        "no average of the weights": ("ema=null",),
        "constant rate": ("schedule.kind=constant",),
        "warm restart at half": (f"schedule.restarts=[{STEPS // 2}]",),
        "gradients clipped to 0.1": ("optimiser.clip_norm=0.1",),
        "patches 32, then 64": (f"patch=[[0, 32], [{STEPS // 2}, 64]]",),
        "rate 2e-3": ("optimiser.lr=2e-3",),
        "rate 1e-2": ("optimiser.lr=1e-2",),
    },
    "optimiser, measured later": {
        "adam": (),
        "soap": ("optimiser.kind=soap",),
        "soap, rate 1e-2": ("optimiser.kind=soap", "optimiser.lr=1e-2"),
        "soap, plain": ("optimiser.kind=soap", "net.config.block=plain"),
    },
}

OWN_BASE = ("kind of block, on 8-8-4 without groups and with biases", "optimiser, measured later")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures what each part of the training recipe is worth.")
    parser.add_argument("data", type=Path, help="folder of the training images")
    parser.add_argument("runs", type=Path, help="folder for the runs")
    parser.add_argument("--teacher", type=Path, required=True, help="best.pt of a run of recipes/small.yaml")
    parser.add_argument("--only", choices=VARIANTS, metavar="GROUP", help="this group alone; others keep their rows")
    args = parser.parse_args()
    folder = f"data.folder={args.data}"
    pairs = load_pairs(parse_recipe(BASE, [folder]).data)
    chosen = VARIANTS if args.only is None else {args.only: VARIANTS[args.only]}
    jobs = [(group, name, seed) for group, rows in chosen.items() for name in rows for seed in SEEDS]
    figures = {} if args.only is None else _kept(args.only)
    for group, name, seed in tqdm(jobs, desc="runs"):
        overrides = [o.replace("TEACHER", str(args.teacher)) for o in VARIANTS[group][name]]
        recipe = parse_recipe(BASE, [folder, *SHORT, f"seed={seed}", *overrides])
        place = "".join(c if c.isalnum() else "_" for c in f"{group} {name} {seed}")
        out = args.runs / place
        if not (out / f"{recipe.name}.onnx").exists():
            train(recipe, out, resume=(out / "last.pt").exists(), pairs=pairs)
        figures.setdefault((group, name), []).append(load_checkpoint(out / "best.pt")["psnr_db"])
        if seed == SEEDS[-1]:
            _write(figures)


def _kept(anew: str) -> dict[tuple[str, str], list[float]]:
    """What the table has of groups other than `anew`."""
    rows = json.loads(RESULTS.read_text())["rows"]
    return {(row["group"], row["variant"]): row["psnr_db"] for row in rows if row["group"] != anew}


def _write(figures: dict[tuple[str, str], list[float]]) -> None:
    """ablation.json and ablation.md, of what has been measured so far."""
    rows = []
    for (group, name), found in figures.items():
        base = next(runs for (g, _), runs in figures.items() if g == (group if group in OWN_BASE else "base"))
        gains = [x - y for x, y in zip(found, base, strict=True)]  # the same seed: the same batches
        rows.append(
            {
                "group": group, "variant": name, "psnr_db": [round(x, 4) for x in found],
                "mean_db": round(statistics.mean(found), 4), "spread_db": round(max(found) - min(found), 4),
                "gain_db": round(statistics.mean(gains), 4),
                "gain_error_db": round(statistics.stdev(gains) / len(gains) ** 0.5, 4),
            }
        )  # fmt: skip
    what = {"machine": describe_machine(), "base": "recipes/tiny-first.yaml", "overrides": SHORT, "seeds": SEEDS}
    RESULTS.write_text(json.dumps(what | {"rows": rows}, indent=1) + "\n")
    lines = [
        "# What helps, and what does not",
        "",
        f"`recipes/tiny-first.yaml` for {STEPS:,} steps, one thing changed at a time, three seeds (`tools/ablate.py`):",
        "mean PSNR on the validation images, spread (largest less smallest), and the gain over the base with the same",
        "seeds, with its standard error. A gain below twice its error is none. In each group all else is the base;",
        "the kinds of block, and optimisers, are compared with their own first row.",
        "",
    ]
    for group in dict.fromkeys(row["group"] for row in rows):
        lines += [f"## {group}", "", "| variant | mean dB | spread | gain dB |", "|---|--:|--:|--:|"]
        for row in (row for row in rows if row["group"] == group):
            gain = f"{row['gain_db']:+.3f} ± {row['gain_error_db']:.3f}"
            lines.append(f"| {row['variant']} | {row['mean_db']:.3f} | {row['spread_db']:.3f} | {gain} |")
        lines.append("")
    RESULTS.with_suffix(".md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
