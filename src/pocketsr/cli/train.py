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
    parser.add_argument(
        "recipe", type=Path, metavar="RECIPE.yaml", help="the network, the data, the losses, the schedule"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder of the run (default: runs/NAME of the recipe)"
    )
    parser.add_argument("--resume", action="store_true", help="continue exactly from the folder's last checkpoint")
    parser.add_argument(
        "--all-stages",
        action="store_true",
        help="train the earlier stages that the recipe starts from too, whatever checkpoints there are",
    )
    parser.add_argument(
        "--set-all",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="as --set, in every stage that has such a section: data.folder=photos, threads=2; may be repeated",
    )
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
        from pocketsr.train import Stages, applicable, current_key, earlier_stages, parse_recipe, train_stages
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise UserError(f"training needs {error.name}: pip install 'pocketsr[train]'") from error
    overrides = [*applicable(args.set_all, args.recipe), *args.set]
    recipe = parse_recipe(args.recipe, overrides)
    earlier = earlier_stages(recipe, args.recipe, args.set_all)
    out = args.out or Path("runs") / recipe.name
    recipes, files = (*(each for each, _ in earlier), recipe), (*(file for _, file in earlier), args.recipe)
    stages = Stages(recipes, files, (*(out.parent / each.name for each, _ in earlier), out))
    changed, changed_earlier = (
        [current_key(override.partition("=")[0]) for override in said] for said in (overrides, args.set_all)
    )
    outcome, number = train_stages(
        stages, anew=args.all_stages, resume=args.resume, changed=changed, changed_earlier=changed_earlier
    )
    if not outcome.leader:
        return 0
    at = f"step {outcome.best_step}, validation {outcome.best_psnr_db:.3f} dB" if outcome.best_step else "none yet"
    if outcome.finished:
        print(f"{out / f'{recipe.name}.onnx'}: the best weights, {at}")
        return 0
    stage = recipes[number]
    of = "" if stage is recipe else f" ({stage.name}, stage {number + 1} of {len(recipes)})"
    print(f"pocketsr: stopped at step {outcome.step} of {stage.steps}{of}; best: {at}", file=sys.stderr)
    changes = [word for flag in ("set", "set_all") for override in getattr(args, flag)
               for word in (f"--{flag.replace('_', '-')}", override)]  # fmt: skip
    changes += ["--all-stages"] if args.all_stages else []
    again = shlex.join(["pocketsr", "train", str(args.recipe), "--out", str(out), *changes, "--resume"])
    print(f"pocketsr: go on with: {again}", file=sys.stderr)
    return 128 + (outcome.signal or signal.SIGINT)
