"""Is a wide low-bit network worth more than a narrow one in full precision? `python tools/record_curve.py
../shared/data/test runs/contest` measures what `contest.py` trained.

All networks with the same budget of training run in turns on 640x360 pixels with 2 threads. Writes PSNR (validation
and Set5) against milliseconds to benchmarks/curve.json, and draws it, with the front of each kind, in docs/field/.
About three minutes; leave the machine alone.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from contest import NETWORKS, PRECISIONS, run_of, valid_psnr_db
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pocketsr.bench.labels import FONT, MARKER, Label, write_labels
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.plot import write_plot
from pocketsr.bench.quality import find_sets, mean_psnr_db, read_sample
from pocketsr.design.candidate import Candidate
from pocketsr.design.running import fastest_ms
from pocketsr.engine import load
from pocketsr.engine.analysis.count import count

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "curve.json"
PICTURE = ROOT / "docs" / "field" / "low_bit"
SIZE, THREADS, SECONDS_EACH = (640, 360), 2, 2.5
BUDGET_MS = 10.0
COLOURS = {"fp32": "#2e6f9e", "w8a8": "#3a7d44", "w2a8": "#d1495b", "w2a2": "#7b4aa0"}
Row = dict[str, Any]


def _files(runs: Path) -> list[tuple[Candidate, str, Path]]:
    """Network, precision and ONNX file of every network that took part. Exits where one isn't trained yet."""
    found = []
    for precision, names in PRECISIONS.items():
        for network in NETWORKS:
            run = run_of(runs, network, precision)
            if network.name in names:
                found.append((network, precision, run / f"{run.name}.onnx"))
    if missing := [path.stem for _, _, path in found if not path.exists()]:
        raise SystemExit(f"not trained yet: {', '.join(missing)}; `python tools/contest.py` does it")
    return found


def measured(test: Path, runs: Path) -> list[Row]:
    files = _files(runs)
    networks = [load(path, threads=THREADS) for _, _, path in files]
    milliseconds = fastest_ms(networks, SIZE, SECONDS_EACH * len(networks))
    samples = [read_sample("Set5", path) for path in find_sets(test, ["Set5"])["Set5"]]
    return [
        {
            "model": network.name,
            "precision": precision,
            "params": count(path).params,
            "bytes": path.stat().st_size,
            "ms": round(ms, 3),
            "valid_psnr_db": round(valid_psnr_db(network, precision), 3),
            "Set5_psnr_db": round(mean_psnr_db(made, samples), 3),
        }
        for (network, precision, path), made, ms in zip(files, networks, milliseconds, strict=True)
    ]


def front(rows: list[Row], figure: str) -> list[Row]:
    """Those of `rows` that none other beats in time and `figure`, the fastest first."""
    kept: list[Row] = []
    for row in sorted(rows, key=lambda row: (row["ms"], -row[figure])):
        if not kept or row[figure] > kept[-1][figure]:
            kept.append(row)
    return kept


def gains(rows: list[Row], figure: str) -> list[Row]:
    """Of each low-bit network on their front: what it has beyond the best in fp32 that takes no longer."""
    full = [row for row in rows if row["precision"] == "fp32"]
    found = []
    for row in front([row for row in rows if row["precision"] != "fp32"], figure):
        rivals = [rival for rival in full if rival["ms"] <= row["ms"]]
        if rivals:
            best = max(rivals, key=lambda rival: rival[figure])
            found.append(
                {"model": row["model"], "precision": row["precision"], "ms": row["ms"], "over": best["model"]}
                | {"over_ms": best["ms"], "gain_db": round(row[figure] - best[figure], 3)}
            )
    return found


def draw(rows: list[Row], machine: str) -> None:
    """PSNR on Set5 and in validation against milliseconds."""
    for figure, label in (("Set5_psnr_db", "Set5"), ("valid_psnr_db", "the validation pictures")):
        plot = Figure(figsize=(10, 6.5), dpi=150)
        FigureCanvasAgg(plot)  # measures the labels
        plot.subplots_adjust(left=0.08, right=0.97, bottom=0.08, top=0.98)
        axes = plot.add_subplot()
        axes.set(xscale="log", xlabel=f"milliseconds a frame, 1280x720 out, {machine}")
        axes.set(ylabel=f"PSNR on {label}, dB (luma, x2), all trained alike")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}")
        axes.grid(which="both", alpha=0.2, linewidth=0.6)
        least = min(row[figure] for row in rows if row["precision"] == "fp32")  # what is below would press all together
        shown, below = [row for row in rows if row[figure] >= least], [row for row in rows if row[figure] < least]
        for precision, colour in COLOURS.items():
            own = [row for row in shown if row["precision"] == precision]
            axes.scatter([row["ms"] for row in own], [row[figure] for row in own], 34, color=colour, label=precision)
        for full, style in ((True, "--"), (False, "-")):
            best = front([row for row in rows if (row["precision"] == "fp32") == full], figure)
            name = f"front of {'fp32' if full else 'low-bit'}"
            axes.plot(
                [row["ms"] for row in best], [row[figure] for row in best], style, color="#777777", lw=1, label=name
            )
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())  # fixed from here on: labels are placed in pixels
        off = [f"{_short(row['model'])} {row['precision']} {row[figure]:.2f} dB, {row['ms']:.1f} ms" for row in below]
        title = "depth x width" + "".join(f"\noff the scale: {each}" for each in off)
        axes.legend(loc="lower right", fontsize=FONT + 1, title=title, title_fontsize=FONT + 1)
        labels = [Label(_short(row["model"]), (row["ms"], row[figure]), COLOURS[row["precision"]]) for row in shown]
        marks = axes.transData.transform([label.place for label in labels])
        write_labels(axes, labels, marks, np.full(len(labels), float(MARKER)))
        write_plot(plot, PICTURE.with_name(f"{PICTURE.name}_{figure.split('_')[0].lower()}"))


def _short(model: str) -> str:
    """dense-d6w16-skip-nearest as 6x16."""
    return model.split("-")[1].removeprefix("d").replace("w", "x")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the networks that contest.py trained.")
    parser.add_argument("test", type=Path, help="folder of the test sets")
    parser.add_argument("runs", type=Path, help="folder of the runs")
    args = parser.parse_args()
    rows = measured(args.test, args.runs)
    machine = describe_machine()
    figures = ("valid_psnr_db", "Set5_psnr_db")
    gained = {figure: gains(rows, figure) for figure in figures}
    result = {
        "machine": machine,
        "command": "python tools/record_curve.py ../shared/data/test runs/contest",
        "training": ["recipes/curve.yaml", "recipes/curve-bits.yaml"],
        "size": list(SIZE),
        "threads": THREADS,
        "rows": sorted(rows, key=lambda row: row["ms"]),
        "gains": gained,
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    draw(rows, str(machine["cpu"]))
    for figure in figures:
        best = max((gain for gain in gained[figure] if gain["ms"] < BUDGET_MS), key=lambda gain: gain["gain_db"])
        print(f"{figure}: under {BUDGET_MS:g} ms, at most {best['gain_db']:+.3f} dB: {best}")


if __name__ == "__main__":
    main()
