"""Plain and steep networks trained alike: `python tools/steep_contest.py ../shared/data/train runs/steep-contest`.

Each network of NETWORKS is trained from nothing as recipes/curve.yaml says, but for STEPS; one whose kernels are chosen
does as many steps as the plain one. Each is then quantized to 8 bits without training. Every run has a folder
of its own and is kept: an interrupted contest goes on where it stopped. About an hour on one core.
`record_steep.py` measures them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pocketsr.data import Pair, PatchPool
from pocketsr.quant import Spec, quantize, read_source, write_onnx
from pocketsr.train import parse_recipe, train
from pocketsr.train.recipe import Recipe
from pocketsr.train.sources import load_pairs

__all__ = ["NETWORKS", "PRECISIONS", "STEPS", "Network", "held_out", "quantized"]

ROOT = Path(__file__).resolve().parents[1]
STEPS = 6000
PRECISIONS = ("fp32", "w8a8")
_PATCH, _PATCHES = 64, 256
_CHOICE = {"classes": 16, "by": "structure"}


@dataclass(frozen=True)
class Network:
    """A chain of 3x3 layers: `groups` of each but the last, which has 4 channels. chosen: the layers that choose."""

    width: int
    groups: tuple[int, ...]
    chosen: tuple[int, ...] = ()

    @property
    def depth(self) -> int:
        """Layers."""
        return len(self.groups) + 1

    @property
    def name(self) -> str:
        """As `d5w8g4-steep-0-4`: depth, width, most groups, the layers that choose."""
        most = max(self.groups)
        shape = f"d{self.depth}w{self.width}" + (f"g{most}" if most > 1 else "")
        return "-".join([shape, *(["steep", *map(str, self.chosen)] if self.chosen else [])])

    def layers(self) -> list[dict[str, Any]]:
        """As `pocket` takes them: with a skip from the first to the last, but for the shallowest."""
        found: list[dict[str, Any]] = [{"channels": self.width, "groups": groups} for groups in self.groups]
        found.append({"channels": 4, "add": [0] if self.depth > 2 else []})
        for index in self.chosen:
            found[index]["chosen"] = _CHOICE
        return found

    def file(self, runs: Path, precision: str = "fp32") -> Path:
        """Its ONNX file in the folder of all runs."""
        suffix = "" if precision == "fp32" else f"-{precision}"
        return runs / self.name / f"{self.name}{suffix}.onnx"


def _dense(depth: int, width: int, *chosen: int) -> Network:
    return Network(width, (1,) * (depth - 1), chosen)


NETWORKS: tuple[Network, ...] = (
    _dense(3, 8), _dense(3, 8, 0, 2),
    Network(8, (1, 2, 4, 4)), Network(8, (1, 2, 4, 4), (0, 4)), Network(8, (1, 2, 4, 4), (0, 3, 4)),
    _dense(4, 8), _dense(4, 8, 0, 3),
    _dense(6, 8),
)  # fmt: skip
"""The plain ones, and beside each the same whose first and last layers, or more or less, are chosen."""


def _recipe(data: Path, network: Network) -> Recipe:
    said = {
        "name": network.name, "net.config": {"layers": network.layers()}, "data.folder": str(data),
        "steps": STEPS, "validate_every": STEPS // 3,
    }  # fmt: skip
    return parse_recipe(ROOT / "recipes" / "curve.yaml", [f"{key}={json.dumps(value)}" for key, value in said.items()])


def held_out(data: Path) -> list[Pair]:
    """The pictures that no network is trained with."""
    return load_pairs(_recipe(data, NETWORKS[0]).data)[1]


def quantized(network: Network, runs: Path, pairs: list[Pair]) -> None:
    """Writes its files in 8 bits, with ranges from `pairs`, where they aren't there."""
    patches = PatchPool(pairs, _PATCH).batch(np.random.default_rng(0), _PATCHES)[0]
    for precision in PRECISIONS[1:]:
        if not (path := network.file(runs, precision)).exists():
            write_onnx(quantize(read_source(str(network.file(runs))), Spec.parse(precision), patches, "mse"), path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the networks that are compared with each other.")
    parser.add_argument("data", type=Path, help="folder of the training images")
    parser.add_argument("runs", type=Path, help="folder for the runs")
    args = parser.parse_args()
    loaded = load_pairs(_recipe(args.data, NETWORKS[0]).data)
    for network in tqdm(NETWORKS, desc="networks"):
        recipe, out = _recipe(args.data, network), args.runs / network.name
        if not network.file(args.runs).exists():
            outcome = train(recipe, out, resume=(out / "last.pt").exists(), pairs=loaded)
            if not outcome.finished:
                return
        quantized(network, args.runs, loaded[0])


if __name__ == "__main__":
    main()
