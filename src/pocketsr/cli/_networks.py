"""What `-m` and `--weights` name, as something that upscales."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.errors import UserError, did_you_mean
from pocketsr.models import SHIPPED

if TYPE_CHECKING:
    from pocketsr.engine import Upscaler

__all__ = ["WEIGHTS_HELP", "open_networks"]

WEIGHTS_HELP = "weights of a network that doesn't ship, as a .safetensors file: -m imdn --weights imdn_x2.safetensors"


def open_networks(models: Sequence[str], weights: Sequence[Path], threads: int | None = None) -> dict[str, Upscaler]:
    """Each of `models` by its name, ready to run. What doesn't run in the engine is said on standard error, with why.

    `weights` go to those networks that neither ship nor are files, in the order of both. Raises UserError for what
    can't be had, and for weights too many.
    """
    from pocketsr.whole import open_file

    left = list(weights)
    found: dict[str, Upscaler] = {}
    for model in models:
        if model in SHIPPED or Path(model).suffix.lower() == ".onnx":
            net, note = open_file(model, threads)
        elif model in found:
            raise UserError(f"-m {model} stands there twice: its figures would have one name")
        else:
            net, note = _registered(model, left.pop(0) if left else None, threads)
        found[model] = net
        if note is not None:
            print(f"pocketsr: {note}", file=sys.stderr)
    if left:
        raise UserError(
            f"--weights {left[0]} has no network to go to: {', '.join(models)} brought its own; leave it out, or name "
            "a network that doesn't ship, as in -m imdn"
        )
    return found


def _registered(name: str, weights: Path | None, threads: int | None) -> tuple[Upscaler, str | None]:
    shipped = f"choose one of {', '.join(SHIPPED)}, or give an .onnx file"
    try:
        from pocketsr.nets import running
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("msgspec", "safetensors", "torch"):
            raise
        raise UserError(
            f"unknown model '{name}': {shipped}; the networks of the field, with --weights, need PyTorch: "
            "pip install 'pocketsr[train]'"
        ) from error
    known = running.names()
    if name not in known:
        close = did_you_mean(name, [*SHIPPED, *known])
        others = ", ".join(each for each in known if each not in SHIPPED)
        raise UserError(f"unknown model '{name}': {shipped}; or, with --weights, {others}{close and '; ' + close}")
    return running.open_network(name, weights, threads)
