"""Networks trained alike, so that they can be compared: `python tools/contest.py ../shared/data/train runs/contest`.

Each network of NETWORKS is trained as recipes/curve.yaml says, 8,000 steps; those of PRECISIONS then go on for 4,000
as recipes/curve-bits.yaml says, in full precision and quantized. Every run has a folder of its own and is kept: an
interrupted contest goes on where it stopped. About two hours on one core. PSNR in validation goes to
benchmarks/contest.json; `record_curve.py` and `record_proxies.py` hold it against other figures.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tqdm import tqdm

from pocketsr.atomic_io import replacing
from pocketsr.design.candidate import Candidate
from pocketsr.train import parse_recipe, train
from pocketsr.train.checkpoint import load_checkpoint
from pocketsr.train.recipe import Recipe
from pocketsr.train.sources import Loaded, load_pairs

__all__ = ["NETWORKS", "PRECISIONS", "run_of", "second_rate", "valid_psnr_db"]

ROOT = Path(__file__).resolve().parents[1]
RECIPES, RESULTS = ROOT / "recipes", ROOT / "benchmarks" / "contest.json"


def _pocket(family: str, depth: int, width: int, groups: int = 1) -> Candidate:
    return Candidate(family, "pocket", depth, width, groups=groups, skip="long")


NETWORKS: tuple[Candidate, ...] = (
    _pocket("dense", 6, 16), _pocket("dense", 7, 24), _pocket("dense", 6, 12), _pocket("dense", 9, 16),
    _pocket("dense", 6, 32), _pocket("dense", 7, 20), _pocket("dense", 4, 12), _pocket("dense", 6, 8),
    _pocket("dense", 4, 16), _pocket("dense", 8, 12), _pocket("dense", 4, 8),
    _pocket("dense", 8, 16), _pocket("dense", 7, 12), _pocket("dense", 11, 8),
    _pocket("grouped", 8, 16, 4), _pocket("grouped", 6, 16, 2), _pocket("grouped", 5, 8, 4),
    _pocket("grouped", 8, 8, 2), _pocket("grouped", 6, 24, 2), _pocket("grouped", 5, 16, 4),
    _pocket("grouped", 10, 16, 2), _pocket("grouped", 8, 24, 4),
)  # fmt: skip

_DENSE = tuple(each for each in NETWORKS if each.family == "dense")
# A precision, and whom it is trained for: nothing that takes 20 ms or more; in low precision nothing narrow or shallow.
PRECISIONS: dict[str, tuple[str, ...]] = {
    "fp32": tuple(each.name for each in _DENSE if each.width <= 20),
    "w8a8": tuple(each.name for each in _DENSE if 12 <= each.width <= 24 and each.depth > 4),
    "w2a8": tuple(each.name for each in _DENSE if 16 <= each.width <= 24 and each.depth in (6, 7, 9)),
    "w2a2": tuple(each.name for each in _DENSE if each.width == 24),
}
# Tried for w2a8 on one network; w2a2 takes what w2a8 does. Others take that of recipes/curve-bits.yaml.
_SECOND_LR = {"w8a8": 5e-4, "w2a8": 5e-3, "w2a2": 5e-3}


def run_of(runs: Path, network: Candidate, precision: str | None = None) -> Path:
    """The run's folder: the first stage's, or the one in which it went on in `precision`."""
    return runs / (network.name if precision is None else f"{network.name}-{precision}")


def second_rate(precision: str) -> list[str]:
    """What recipes/curve-bits.yaml is to be told of the rate for `precision`."""
    return [f"optimiser.lr={_SECOND_LR[precision]}"] if precision in _SECOND_LR else []


def _results() -> dict[str, float]:
    return dict(json.loads(RESULTS.read_text())["valid_psnr_db"]) if RESULTS.exists() else {}


def valid_psnr_db(network: Candidate, precision: str | None = None) -> float:
    """Mean PSNR in dB on the pictures that were kept apart. Exits where the network isn't trained yet."""
    name = run_of(Path(), network, precision).name
    try:
        return _results()[name]
    except KeyError:
        raise SystemExit(f"{name} isn't trained yet: `python tools/contest.py` does it") from None


def _keep(run: Path) -> None:
    """Note the run's PSNR in benchmarks/contest.json."""
    found = _results() | {run.name: round(float(load_checkpoint(run / "best.pt")["psnr_db"]), 4)}
    recipes = ["recipes/curve.yaml", "recipes/curve-bits.yaml"]
    command = "python tools/contest.py ../shared/data/train runs/contest"
    content = {"command": command, "training": recipes, "valid_psnr_db": dict(sorted(found.items()))}
    with replacing(RESULTS) as part:
        part.write_text(json.dumps(content, indent=1) + "\n")


def _recipe(data: Path, runs: Path, network: Candidate, precision: str | None) -> Recipe:
    folder = [f"data.folder={data}"]
    _, config = network.net()
    first = [f"name={network.name}", f"net.config={json.dumps(config)}", *folder]
    if precision is None:
        return parse_recipe(RECIPES / "curve.yaml", first)
    begin, name = run_of(runs, network) / "best.pt", f"name={network.name}-{precision}"
    lr = second_rate(precision)
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
        if not (out / f"{recipe.name}.onnx").exists():
            outcome = train(recipe, out, resume=(out / "last.pt").exists(), pairs=pairs)
            if not outcome.finished:
                return
        _keep(out)


if __name__ == "__main__":
    main()
