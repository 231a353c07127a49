"""`load`: a network by name or file as an `Upscaler`, whatever runtime executes it."""

from __future__ import annotations

import warnings
from pathlib import Path

from pocketsr.engine import Upscaler
from pocketsr.errors import FallbackWarning, UserError, did_you_mean
from pocketsr.fallback import open_file
from pocketsr.models import NAMES

__all__ = ["is_registered_name", "load"]


def is_registered_name(model: str) -> bool:
    """Whether `model` can only be a registered network: it neither ships nor is an ONNX file."""
    return model not in NAMES and Path(model).suffix.lower() != ".onnx"


def load(
    model: str | Path = "small", *, weights: str | Path | None = None, threads: int | None = None
) -> Upscaler:  # fmt: skip
    """A network, ready to run: `sr = pocketsr.load("small"); big = sr(luma)`.

    model: a shipped network's name (see `pocketsr models`), an ONNX file, or the name of a registered network.
    weights: safetensors file with the weights of a registered network; the others include theirs.
    threads: default: all cores that this process may use.

    It is compiled for this machine on first use and loaded from the cache after that. What the engine doesn't support
    runs in ONNX Runtime where that is installed, else through PyTorch, with a `FallbackWarning` that says why.

    Raises UserError for an unknown or unavailable network, a broken file, or weights of another network.
    """
    name = str(model)
    if is_registered_name(name):
        net, note = _registered(name, None if weights is None else Path(weights), threads)
    elif weights is not None:
        raise UserError(f"weights {weights}: {name} has its own; leave them out, or name a network that doesn't ship")
    else:
        net, note = open_file(model, threads)
    if note is not None:
        warnings.warn(note, FallbackWarning, stacklevel=2)
    return net


def _registered(name: str, weights: Path | None, threads: int | None) -> tuple[Upscaler, str | None]:
    shipped = f"choose one of {', '.join(NAMES)}, or give an .onnx file"
    try:
        from pocketsr.nets import running
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("msgspec", "safetensors", "torch"):
            raise
        raise UserError(
            f"unknown model '{name}': {shipped}; published networks, with --weights, need PyTorch: "
            "pip install 'pocketsr[train]'"
        ) from error
    known = running.names()
    if name not in known:
        close = did_you_mean(name, [*NAMES, *known])
        others = ", ".join(each for each in known if each not in NAMES)
        raise UserError(f"unknown model '{name}': {shipped}; or, with --weights, {others}{close and '; ' + close}")
    return running.open_network(name, weights, threads)
