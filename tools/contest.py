"""Networks trained alike, so that they can be compared: `python tools/contest.py ../shared/data/train runs/contest`.

Each network of NETWORKS is trained as recipes/curve.yaml says, 8,000 steps; those of PRECISIONS then go on for 4,000
as recipes/curve-bits.yaml says, in full precision and in few bits. Every run has a folder of its own and is kept: an
interrupted contest goes on where it stopped. About two hours on one core. `record_curve.py` and `record_proxies.py`
measure the results.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tqdm import tqdm

from pocketsr.design.candidate import Candidate
from pocketsr.train import parse_recipe, train
from pocketsr.train.checkpoint import load_checkpoint
from pocketsr.train.recipe import Recipe
from pocketsr.train.sources import Loaded, load_pairs

__all__ = ["NETWORKS", "PRECISIONS", "run_of", "valid_psnr"]

RECIPES = Path(__file__).resolve().parents[1] / "recipes"


def _pocket(family: str, depth: int, width: int, groups: int = 1) -> Candidate:
    return Candidate(family, "pocket", depth, width, groups=groups, skip="long")


NETWORKS: tuple[Candidate, ...] = (
    _pocket("dense", 6, 16), _pocket("dense", 7, 24), _pocket("dense", 6, 12), _pocket("dense", 9, 16),
    _pocket("dense", 6, 32), _pocket("dense", 7, 20), _pocket("dense", 4, 12), _pocket("dense", 6, 8),
    _pocket("dense", 4, 16), _pocket("dense", 8, 12), _pocket("dense", 4, 8),
    _pocket("grouped", 8, 16, 4), _pocket("grouped", 6, 16, 2), _pocket("grouped", 5, 8, 4),
    _pocket("grouped", 8, 8, 2), _pocket("grouped", 6, 24, 2), _pocket("grouped", 5, 16, 4),
    _pocket("grouped", 10, 16, 2), _pocket("grouped", 8, 24, 4),
)  # fmt: skip

_DENSE = tuple(each for each in NETWORKS if each.family == "dense")
# A precision, and whom it is trained for: what takes 20 ms and more is left out, and of few bits what is narrow, which
# they cost most.
PRECISIONS: dict[str, tuple[str, ...]] = {
    "fp32": tuple(each.name for each in _DENSE if each.width <= 20),
    "w8a8": tuple(each.name for each in _DENSE if 12 <= each.width <= 24),
    "w2a8": tuple(each.name for each in _DENSE if 16 <= each.width <= 24 and each.depth > 4),
    "w2a4": tuple(each.name for each in _DENSE if each.width in (20, 24)),
    "w2a2": tuple(each.name for each in _DENSE if each.width in (24, 32)),
}
SECOND_LR = {"fp32": 1e-3, "w8a8": 5e-4}  # others take that of recipes/curve-bits.yaml


def run_of(runs: Path, network: Candidate, precision: str | None = None) -> Path:
    """The run's folder: the first stage's, or the one in which it went on in `precision`."""
    return runs / (network.name if precision is None else f"{network.name}-{precision}")


def valid_psnr(run: Path) -> float:
    """Mean PSNR in dB of a finished run on the pictures that were kept apart."""
    return float(load_checkpoint(run / "best.pt")["psnr_db"])


def _recipe(data: Path, runs: Path, network: Candidate, precision: str | None) -> Recipe:
    folder = [f"data.folder={data}"]
    _, config = network.net()
    first = [f"name={network.name}", f"net.config={json.dumps(config)}", *folder]
    if precision is None:
        return parse_recipe(RECIPES / "curve.yaml", first)
    begin, name = run_of(runs, network) / "best.pt", f"name={network.name}-{precision}"
    lr = [f"optimiser.lr={SECOND_LR[precision]}"] if precision in SECOND_LR else []
    if precision == "fp32":
        net = f"net={json.dumps({'name': 'pocket', 'config': config})}"
        return parse_recipe(RECIPES / "curve-bits.yaml", [name, "quant=null", net, f"init={begin}", *folder, *lr])
    said = [f"quant.spec={precision}", f"quant.model={begin}", "quant.weights_2bit=ternary"]
    return parse_recipe(RECIPES / "curve-bits.yaml", [name, *said, *folder, *lr])


def _jobs(only: str) -> list[tuple[Candidate, str | None]]:
    """Both stages of one family, then the next one's."""
    found: list[tuple[Candidate, str | None]] = []
    for family in dict.fromkeys(each.family for each in NETWORKS):
        own = [each for each in NETWORKS if each.family == family and only in each.name]
        found += [(each, None) for each in own]
        found += [(each, precision) for precision, names in PRECISIONS.items() for each in own if each.name in names]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the networks that are compared with each other.")
    parser.add_argument("data", type=Path, help="folder of the training images")
    parser.add_argument("runs", type=Path, help="folder for the runs")
    parser.add_argument("--only", default="", metavar="PART", help="networks whose name has this in it")
    args = parser.parse_args()
    pairs: Loaded = load_pairs(parse_recipe(RECIPES / "curve.yaml", [f"data.folder={args.data}"]))
    for network, precision in tqdm(_jobs(args.only), desc="networks"):
        recipe, out = _recipe(args.data, args.runs, network, precision), run_of(args.runs, network, precision)
        if (
            not (out / f"{recipe.name}.onnx").exists()
            and not train(recipe, out, resume=(out / "last.pt").exists(), pairs=pairs).finished
        ):
            return


if __name__ == "__main__":
    main()
