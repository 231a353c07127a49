"""`pocketsr train`: a network from a recipe."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from pathlib import Path

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "train a network from a recipe, in a folder from which the run can be resumed"

_EXTRA = ("lightning_fabric", "matplotlib", "msgspec", "torch", "yaml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", type=Path, metavar="RECIPE.yaml")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder of the run (default: runs/NAME of the recipe)"
    )
    parser.add_argument("--resume", action="store_true", help="continue exactly from the folder's last checkpoint")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override the recipe: a dotted key and a YAML value, such as optimiser.lr=0.004; may be repeated",
    )


def run(args: argparse.Namespace) -> int:
    from pocketsr.errors import UserError

    try:
        from pocketsr.train import current_key, parse_recipe, train
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise UserError(f"training needs {error.name}: pip install 'pocketsr[train]'") from error
    recipe = parse_recipe(args.recipe, args.set)
    out = args.out or Path("runs") / recipe.name
    changed = [current_key(override.partition("=")[0]) for override in args.set]
    outcome = train(recipe, out, resume=args.resume, changed=changed)
    if not outcome.leader:
        return 0
    at = f"step {outcome.best_step}, validation {outcome.best_psnr_db:.3f} dB" if outcome.best_step else "none yet"
    if outcome.finished:
        print(f"{out / f'{recipe.name}.onnx'}: the best weights, {at}")
        return 0
    print(f"pocketsr: stopped at step {outcome.step} of {recipe.steps}; best: {at}", file=sys.stderr)
    changes = [word for override in args.set for word in ("--set", override)]
    again = shlex.join(["pocketsr", "train", str(args.recipe), "--out", str(out), *changes, "--resume"])
    print(f"pocketsr: go on with: {again}", file=sys.stderr)
    return 128 + (outcome.signal or signal.SIGINT)
