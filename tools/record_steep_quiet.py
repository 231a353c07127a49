"""How quiet steep networks are: `python tools/record_steep_quiet.py ../shared/data/test` (benchmarks/steep_quiet.json).

Each steep network beside the plain one of the same layers. Flicker is the mean change from frame to frame, in levels,
of a still scene with noise of sigma 1, and of what is wrong while a scene moves by half LR pixels; the bar is 1.05
times the plain network's. Flat planes must come out as they are. Draws docs/field/steep_quiet.png, to be looked at:
slopes where classes change, enlarged by both, with the contrast raised, and how the two differ.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from recording import digests

from pocketsr.bench.machine import describe_machine
from pocketsr.bench.quality import find_sets, read_sample
from pocketsr.engine import Plane, Upscaler, load, repeat_edges
from pocketsr.pixels import imresize, rgb_to_luma
from pocketsr.pixels.structure import structure_classes

__all__ = ["PLAIN", "RESULT", "flicker_of_noise", "flicker_of_pan", "wrong_on_flats"]

ROOT = Path(__file__).resolve().parents[1]
RESULT, PICTURE = ROOT / "benchmarks" / "steep_quiet.json", ROOT / "docs" / "field" / "steep_quiet.png"
PLAIN = {"steep-tiny": "tiny"}
"""Of each steep network the one with the same layers and one kernel for all pixels."""
LIMITS = (589_824,)  # of the strengths of steep-tiny, as `pixels.structure` has them
_BORDER, _FRAMES = 16, 4


def flicker_of_noise(net: Upscaler, lr: Plane, sigma: float = 1) -> float:
    """Mean change in levels between frames of the still scene `lr` with noise, rounded to uint8."""
    rng = np.random.default_rng(0)
    noisy = (np.clip(np.rint(lr + rng.normal(0, sigma, lr.shape)), 0, 255).astype(np.uint8) for _ in range(_FRAMES))
    made = [net(frame).astype(np.int16) for frame in noisy]
    return float(np.mean([np.abs(a - b).mean() for a, b in pairwise(made)]))


def flicker_of_pan(net: Upscaler, hr: Plane, axis: int) -> float:
    """Mean change in levels, from frame to frame, of what is wrong while `hr` moves by a pixel, half of one in LR."""
    frames = [np.roll(hr, -step, axis)[: hr.shape[0] // 2 * 2, : hr.shape[1] // 2 * 2] for step in range(_FRAMES + 1)]
    wrong = [np.roll(net(imresize(each, 0.5)).astype(np.int16) - each, step, axis) for step, each in enumerate(frames)]
    inner = slice(_BORDER, -_BORDER), slice(_BORDER, -_BORDER)
    return float(np.mean([np.abs(a - b)[inner].mean() for a, b in pairwise(wrong)]))


def wrong_on_flats(net: Upscaler) -> int:
    """The largest error in levels on flat planes of all 256 levels."""
    flat = (np.full((6, 9), level, np.uint8) for level in range(256))
    return max(int(np.abs(net(plane).astype(np.int16) - int(plane[0, 0])).max()) for plane in flat)


def _slopes() -> list[NDArray[np.uint8]]:
    """Pictures whose gradient turns and grows across the limits: a bowl, a cone, waves."""
    down, across = np.mgrid[-40.0:40, -60.0:60]
    round_ = np.hypot(down, across)
    planes = (round_**2 / 2.6, 11.5 * round_ % 200, 128 + 100 * np.sin(round_**1.35 / 9))
    return [np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in planes]


def _draw(steep: Upscaler, plain: Upscaler) -> None:
    figure = Figure(figsize=(14, 7.4), dpi=130)
    FigureCanvasAgg(figure)
    titles = ("the class of each pixel", "plain", "steep", "steep less plain, 16 times, about grey")
    axes = figure.subplots(3, 4)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.95, wspace=0.02, hspace=0.04)
    for number, (row, plane) in enumerate(zip(axes, _slopes(), strict=True)):
        made, other = (net(plane).astype(float) for net in (steep, plain))
        panels = (structure_classes(plane, LIMITS), other, made, 128 + 16 * (made - other))
        for cell, panel, title in zip(row, panels, titles, strict=True):
            cell.imshow(panel, cmap="twilight" if panel is panels[0] else "gray", interpolation="nearest",
                        vmin=0, vmax=23 if panel is panels[0] else 255)  # fmt: skip
            cell.set_axis_off()
            if number == 0:
                cell.set_title(title, fontsize=10)
    figure.savefig(PICTURE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of the test sets")
    args = parser.parse_args()
    samples = {path.stem: read_sample("Set5", path) for path in find_sets(args.data, ["Set5"])["Set5"]}
    rows: list[dict[str, Any]] = []
    for name, plain_name in PLAIN.items():
        steep, plain = (repeat_edges(load(each, threads=1)) for each in (name, plain_name))
        for picture, sample in samples.items():
            hr = np.rint(rgb_to_luma(sample.hr)).astype(np.uint8)
            lr = imresize(hr, 0.5)
            kinds = {"noise": [flicker_of_noise(net, lr) for net in (steep, plain)]}
            for axis, way in enumerate(("down", "across")):
                kinds[f"pan {way}"] = [flicker_of_pan(net, hr, axis) for net in (steep, plain)]
            for kind, (own, other) in kinds.items():
                rows.append({"network": name, "plain": plain_name, "picture": picture, "kind": kind,
                             "levels": round(own, 4), "plain_levels": round(other, 4),
                             "ratio": round(own / other, 4)})  # fmt: skip
        flats = {each: wrong_on_flats(net) for each, net in ((name, steep), (plain_name, plain))}
        _draw(steep, plain)
    means = {kind: round(float(np.mean([row["ratio"] for row in rows if row["kind"] == kind])), 4)
             for kind in dict.fromkeys(row["kind"] for row in rows)}  # fmt: skip
    result = {
        "machine": describe_machine(),
        "command": "python tools/record_steep_quiet.py ../shared/data/test",
        "networks": digests([*PLAIN, *PLAIN.values()]),
        "mean_ratio": means,
        "most_levels_on_flats": flats,
        "rows": rows,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({"mean_ratio": means, "most": max(row["ratio"] for row in rows), "flats": flats}))


if __name__ == "__main__":
    main()
