"""Are chosen kernels worth their time? `python tools/record_steep.py ../shared/data runs/steep-contest` measures what
`steep_contest.py` trained.

All networks run in turns on 640x360 pixels with one thread; `--busy` takes processor time, for where other programs
run beside. Writes PSNR (validation and Set5) against milliseconds to
benchmarks/steep.json, and draws it, with the fronts of plain and steep networks, in docs/field/. About three minutes;
leave the machine alone.

`--retime avx512` in place of the runs measures another machine without training: networks of the same shapes with
random weights, whose time is that of trained ones, and PSNR as benchmarks/steep.json has it. Writes
benchmarks/steep_avx512.json and docs/field/steep_avx512_{valid,set5}.png.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from record_curve import front
from steep_contest import NETWORKS, PRECISIONS, STEPS, held_out, quantized

from pocketsr.bench.labels import FONT, MARKER, Label, write_labels
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.plot import write_plot
from pocketsr.bench.quality import find_sets, mean_psnr_db, read_sample
from pocketsr.design.running import fastest_ms
from pocketsr.engine import load, repeat_edges
from pocketsr.engine.analysis.count import count
from pocketsr.nets import build, to_onnx
from pocketsr.pixels import psnr
from pocketsr.reparam import collapse

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PICTURE = ROOT / "benchmarks" / "steep.json", ROOT / "docs" / "field" / "steep"
SIZE, THREADS, SECONDS_EACH = (640, 360), 1, 3
BORDER = 2  # pixels, as in training's validation
FIGURES = ("valid_psnr_db", "Set5_psnr_db")
COLOURS = {(False, "fp32"): "#7fa9c4", (True, "fp32"): "#d1495b", (False, "w8a8"): "#5c8f66", (True, "w8a8"): "#7b4aa0"}
Row = dict[str, Any]


def measured(data: Path, runs: Path, busy: bool) -> list[Row]:
    """A row a network and precision. Exits where one isn't trained yet."""
    kinds = [(network, precision) for network in NETWORKS for precision in PRECISIONS]
    files = [network.file(runs, precision) for network, precision in kinds]
    if missing := [path.stem for path in files if not path.exists()]:
        raise SystemExit(f"not trained yet: {', '.join(missing)}; `python tools/steep_contest.py` does it")
    networks = [load(path, threads=THREADS) for path in files]
    milliseconds = fastest_ms(networks, SIZE, SECONDS_EACH * len(networks), busy)
    samples = [read_sample("Set5", path) for path in find_sets(data / "test", ["Set5"])["Set5"]]
    kept_apart = held_out(data / "train")
    rows = []
    for (network, precision), path, made, ms in zip(kinds, files, networks, milliseconds, strict=True):
        counted = count(path)
        enlarge = repeat_edges(made)
        inner = slice(BORDER, -BORDER), slice(BORDER, -BORDER)
        valid = [psnr(enlarge(pair.lr)[inner], pair.hr[inner]) for pair in kept_apart]
        rows.append(
            {
                "model": network.name,
                "steep": bool(network.chosen),
                "precision": precision,
                "params": counted.params,
                "macs_per_pixel": counted.macs_per_pixel,
                "ms": round(ms, 3),
                "valid_psnr_db": round(float(np.mean(valid)), 3),
                "Set5_psnr_db": round(mean_psnr_db(made, samples), 3),
            }
        )
    return sorted(rows, key=lambda row: float(row["ms"]))


def retimed(data: Path, busy: bool) -> list[Row]:
    """The recorded rows with this machine's milliseconds, of networks with random weights."""
    known = {(row["model"], row["precision"]): row for row in json.loads(RESULTS.read_text())["rows"]}
    kinds = [(network, precision) for network in NETWORKS for precision in PRECISIONS]
    pairs = held_out(data / "train")
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        for network in NETWORKS:
            network.file(runs).parent.mkdir()
            to_onnx(collapse(build("pocket", layers=network.layers())), network.file(runs))
            quantized(network, runs, pairs)
        networks = [load(network.file(runs, precision), threads=THREADS) for network, precision in kinds]
        milliseconds = fastest_ms(networks, SIZE, SECONDS_EACH * len(networks), busy)
    rows = [
        known[network.name, precision] | {"ms": round(ms, 3)}
        for (network, precision), ms in zip(kinds, milliseconds, strict=True)
    ]
    return sorted(rows, key=lambda row: float(row["ms"]))


def gains(rows: list[Row], figure: str) -> list[Row]:
    """Of each steep network: what it has beyond the front of plain ones of its precision, joined by straight lines over
    the logarithm of milliseconds. None beyond the front's ends."""
    found = []
    for row in rows:
        if not row["steep"]:
            continue
        plain = front([each for each in rows if not each["steep"] and each["precision"] == row["precision"]], figure)
        ms = np.log([each["ms"] for each in plain])
        if ms[0] <= np.log(row["ms"]) <= ms[-1]:
            alike = float(np.interp(np.log(row["ms"]), ms, [each[figure] for each in plain]))
            gain = {"gain_db": round(row[figure] - alike, 3)}
            found.append({key: row[key] for key in ("model", "precision", "ms")} | gain)
    return found


def draw(rows: list[Row], machine: str, picture: Path) -> None:
    """PSNR on Set5 and in validation against milliseconds, each in a picture."""
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
        for (steep, precision), colour in COLOURS.items():
            own = [row for row in rows if (row["steep"], row["precision"]) == (steep, precision)]
            name = f"{'steep' if steep else 'plain'}, {precision}"
            axes.scatter([row["ms"] for row in own], [row[figure] for row in own], 34, color=colour, label=name)
            best = front(own, figure)
            axes.plot([row["ms"] for row in best], [row[figure] for row in best], "-", color=colour, lw=1)
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())  # fixed from here on: labels are placed in pixels
        title = "d: depth, w: width, g: groups; steep: layers that choose"
        axes.legend(loc="lower right", fontsize=FONT + 1, title=title, title_fontsize=FONT)
        labels = [
            Label(row["model"], (row["ms"], row[figure]), COLOURS[row["steep"], row["precision"]]) for row in rows
        ]
        marks = axes.transData.transform([label.place for label in labels])
        write_labels(axes, labels, marks, np.full(len(labels), float(MARKER)))
        write_plot(plot, picture.with_name(f"{picture.name}_{figure.split('_')[0].lower()}"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the networks that steep_contest.py trained.")
    parser.add_argument("data", type=Path, help="folder with test/ and train/")
    parser.add_argument("runs", type=Path, nargs="?", help="folder of the runs")
    parser.add_argument("--busy", action="store_true", help="processor time: other programs run beside")
    parser.add_argument("--retime", metavar="NAME", help="time alone, on this machine: benchmarks/steep_NAME.json")
    args = parser.parse_args()
    if (args.runs is None) == (args.retime is None):
        parser.error("give the folder of the runs, or --retime NAME")
    rows = retimed(args.data, args.busy) if args.retime else measured(args.data, args.runs, args.busy)
    suffix = f"_{args.retime}" if args.retime else ""
    said = f"--retime {args.retime}" if args.retime else "runs/steep-contest"
    machine = describe_machine()
    gained = {figure: gains(rows, figure) for figure in FIGURES}
    result = {
        "machine": machine,
        "command": f"python tools/record_steep.py ../shared/data {said}{' --busy' if args.busy else ''}",
        "training": f"recipes/curve.yaml, {STEPS} steps; w8a8 without training",
        "size": list(SIZE),
        "threads": THREADS,
        "rows": rows,
        "gains": gained,
    }
    RESULTS.with_stem(RESULTS.stem + suffix).write_text(json.dumps(result, indent=1) + "\n")
    draw(rows, str(machine["cpu"]), PICTURE.with_name(PICTURE.name + suffix))
    for figure in FIGURES:
        print(
            figure,
            *(f"{gain['model']} {gain['precision']}: {gain['gain_db']:+.3f}" for gain in gained[figure]),
        )


if __name__ == "__main__":
    main()
