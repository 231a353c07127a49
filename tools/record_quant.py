"""What each spec costs in quality: `python tools/record_quant.py ../shared/data runs/quant`.

`tiny`, `small` and a wider network (the first stage of `medium`) in every spec: by naive min-max ranges, by what
`pocketsr quantize` does without training, and trained on as recipes/curve-bits.yaml says. Writes PSNR on the four sets
to benchmarks/quant.json and quant.md. Every network is kept in the folder: an interrupted recording goes on. About an
hour on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from contest import second_rate
from tqdm import tqdm

from pocketsr.atomic_io import replacing
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.quality import Sample, find_sets, mean_psnr_db, read_sample
from pocketsr.data import PatchPool
from pocketsr.engine import load
from pocketsr.models import resolve
from pocketsr.nets import to_onnx
from pocketsr.quant import SPECS, Spec, quantize, write_onnx
from pocketsr.quant.observers import Ranges
from pocketsr.reparam import collapse
from pocketsr.train import parse_recipe, train
from pocketsr.train.checkpoint import load_network
from pocketsr.train.sources import Loaded, load_pairs

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "quant.json"
RECIPE = ROOT / "recipes" / "curve-bits.yaml"
WIDE = ROOT / "checkpoints" / "medium-first.pt"
WAYS = ("minmax", "ptq", "qat")
_PATCHES, _PATCH = 48, 96
Row = dict[str, Any]


def _quantized(model: Path, spec: str, way: str, data: Path, folder: Path, pairs: Loaded) -> Path:
    """The quantized network, made if it isn't there yet."""
    name = f"{model.stem}-{spec}-{way}"
    if way == "qat":
        said = [f"name={name}", f"data.folder={data}", f"quant.model={model}", f"quant.spec={spec}", *second_rate(spec)]
        recipe, out = parse_recipe(RECIPE, said), folder / name
        path = out / f"{name}.onnx"
        if not path.exists() and not train(recipe, out, resume=(out / "last.pt").exists(), pairs=pairs).finished:
            raise SystemExit(130)
        return path
    path = folder / f"{name}.onnx"
    if not path.exists():
        images, _ = PatchPool(pairs[0], _PATCH).batch(np.random.default_rng(0), _PATCHES)
        naive = way == "minmax"
        ranges: Ranges = "minmax" if naive else "mse"
        made = quantize(model, Spec.parse(spec), images, ranges, bias_correction=not naive, equalise=not naive)
        with replacing(path) as part:
            write_onnx(made, part)
    return path


def _psnr(path: Path, sets: dict[str, list[Sample]], folder: Path) -> dict[str, float]:
    """Of each set; kept by the file's content."""
    kept = folder / f"{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.json"
    if not kept.exists():
        net = load(path)
        found = {name: round(mean_psnr_db(net, samples), 3) for name, samples in sets.items()}
        with replacing(kept) as part:
            part.write_text(json.dumps(found))
    figures: dict[str, float] = json.loads(kept.read_text())
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures every spec on three networks.")
    parser.add_argument("data", type=Path, help="folder with train and test")
    parser.add_argument("runs", type=Path, help="folder for what is made")
    args = parser.parse_args()
    args.runs.mkdir(parents=True, exist_ok=True)
    train_folder = args.data / "train"
    pairs = load_pairs(parse_recipe(RECIPE, [f"data.folder={train_folder}"]))
    files = find_sets(args.data / "test")
    sets = {name: [read_sample(name, path) for path in paths] for name, paths in files.items()}
    wide = args.runs / f"{WIDE.stem}.onnx"
    to_onnx(collapse(load_network(WIDE)), wide)
    models = [resolve("tiny"), resolve("small"), wide]
    rows: list[Row] = []
    jobs = [(model, spec, way) for model in models for spec in SPECS for way in WAYS]
    for model in models:
        rows.append({"model": model.stem, "spec": "fp32", "way": "trained"} | _psnr(model, sets, args.runs))
    for model, spec, way in tqdm(jobs, desc="networks"):
        path = _quantized(model, spec, way, train_folder, args.runs, pairs)
        rows.append({"model": model.stem, "spec": spec, "way": way} | _psnr(path, sets, args.runs))
    head = {"machine": describe_machine(), "command": "python tools/record_quant.py ../shared/data runs/quant"}
    RESULTS.write_text(json.dumps(head | {"training": "recipes/curve-bits.yaml", "rows": rows}, indent=1) + "\n")
    RESULTS.with_suffix(".md").write_text(as_markdown(rows, list(sets)))


def as_markdown(rows: list[Row], sets: list[str]) -> str:
    """PSNR; when quantized, the difference to fp32."""
    lines = [
        "# What each spec costs",
        "",
        "PSNR in dB of full precision, and what quantization takes or adds: by naive min-max ranges (`minmax`),",
        "without training (`ptq`: `pocketsr quantize`), and trained on (`qat`: `recipes/curve-bits.yaml`).",
        "By `tools/record_quant.py`.",
        "",
    ]
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        full = own[0]
        lines += [f"## {model}", "", f"| spec | way | {' | '.join(sets)} |", "|---|---|" + "--:|" * len(sets)]
        lines.append("| fp32 | | " + " | ".join(f"{full[name]:.3f}" for name in sets) + " |")
        for row in own[1:]:
            cells = " | ".join(f"{row[name] - full[name]:+.3f}" for name in sets)
            lines.append(f"| {row['spec']} | {row['way']} | {cells} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
