"""What `-m` and `--weights` name, as something that upscales."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.cli._patience import note_after
from pocketsr.errors import UserError

if TYPE_CHECKING:
    from pocketsr.engine import Upscaler

__all__ = ["WEIGHTS_HELP", "add_models_argument", "open_networks", "tried_models"]

_PATIENCE_S = 10.0
_TIMED = ("tiny", "small")

WEIGHTS_HELP = "weights of a network that doesn't ship, as a .safetensors file: -m imdn --weights imdn_x2.safetensors"


def add_models_argument(parser: argparse.ArgumentParser) -> None:
    """`-m`, as often as networks are to be timed; `tried_models` reads it."""
    names = " and ".join(_TIMED)
    parser.add_argument(
        "-m",
        "--model",
        action="append",
        help=f"a shipped name or an .onnx file; may be repeated (default: {names})",
    )


def tried_models(args: argparse.Namespace) -> list[str]:
    """What `-m` named, or what is timed where it named nothing."""
    return args.model or list(_TIMED)


def open_networks(models: Sequence[str], weights: Sequence[Path], threads: int | None = None) -> dict[str, Upscaler]:
    """Each of `models` by its name, ready to run; warns of what doesn't run in the engine.

    `weights` go to those networks that neither ship nor are files, in the order of both. Raises UserError for what
    can't be loaded, and for weights that no network needs.
    """
    from pocketsr.loading import is_registered_name, load

    bare = [model for model in models if is_registered_name(model)]
    if len(weights) > len(bare):
        others = ", ".join(model for model in models if model not in bare)
        reason = f"{others} has its own" if others else "each network takes one file"
        raise UserError(
            f"--weights {weights[len(bare)]} has no network to go to: {reason}; leave it out, or name a network that "
            "doesn't ship, as in -m imdn"
        )
    if twice := [model for model in bare if bare.count(model) > 1]:
        raise UserError(f"-m {twice[0]} stands there twice: its figures would have one name")
    files = iter(weights)
    found: dict[str, Upscaler] = {}
    for model in models:
        line = f"compiling {model} for this machine; large networks take minutes, the first time only"
        with note_after(_PATIENCE_S, line):  # a network of a hundred wide layers compiles for a minute or two
            found[model] = load(model, weights=next(files, None) if model in bare else None, threads=threads)
    return found
