"""`load`: a network by name or file as an `Upscaler`, whatever runtime executes it."""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path

from pocketsr.adaptive import CHEAP, GAIN, GOOD, GRADIENT, open_adaptive
from pocketsr.arguments import as_path, check_threads
from pocketsr.engine import Upscaler, takes_strength
from pocketsr.engine.onnx.model_file import read_file
from pocketsr.errors import ArgumentError, ArgumentTypeError, FallbackWarning, did_you_mean
from pocketsr.fallback import open_file
from pocketsr.models import NAMES, resolve
from pocketsr.source import AUTO

__all__ = ["ADAPTIVE", "as_network", "is_estimated", "is_registered_name", "key_of", "load", "name_of"]

ADAPTIVE = "adaptive"
"""Names two networks: each block of a picture goes to the one that it needs."""
_OF_A_NETWORK = ("scale", "channels", "edge_halo")  # what an `Upscaler` has, beside being called


def is_registered_name(model: str) -> bool:
    """Whether `model` can only be a registered network: it neither ships nor is an ONNX file."""
    return model not in (*NAMES, ADAPTIVE) and Path(model).suffix.lower() != ".onnx"


def load(
    model: str | Path = "small", *, weights: str | Path | None = None, threads: int | None = None
) -> Upscaler:  # fmt: skip
    """A network, ready to run: `sr = pocketsr.load("small"); big = sr(luma)`.

    model: a shipped network's name (see `pocketsr models`), an ONNX file, or the name of a registered network; or
        "adaptive": `quality` where it shows, and `small-w8a8` everywhere else (`pocketsr.adaptive`).
    weights: safetensors file with the weights of a registered network; the others include theirs.
    threads: default: all cores that this process may use.

    It is compiled for this machine on first use and loaded from the cache after that. What the engine doesn't support
    runs in ONNX Runtime where that is installed, else through PyTorch, with a `FallbackWarning` that says why.

    Raises UserError for an unavailable network, a broken file, or weights of another network: ArgumentError where no
    network has that name, and ArgumentTypeError for what is neither a name nor a path.
    """
    model = as_path(model, "model")
    weights = None if weights is None else as_path(weights, "weights")
    check_threads(threads)
    name = str(model)
    if name == AUTO:
        raise ArgumentError(
            "auto chooses by what is upscaled, in upscale_image, upscale_video and `pocketsr upscale`: name a network"
        )
    if is_registered_name(name):
        net, note = _registered(name, weights, threads)
    elif weights is not None:
        raise ArgumentError(
            f"weights {weights}: {name} has its own; leave them out, or name a network that doesn't ship"
        )
    elif name == ADAPTIVE:
        return open_adaptive(threads=threads)
    else:
        net, note = open_file(model, threads)
    if note is not None:
        warnings.warn(note, FallbackWarning, stacklevel=2)
    return net


def as_network(model: str | Path | Upscaler, threads: int | None = None) -> Upscaler:
    """What a caller names, loaded, or the network itself. Raises as `load` does, and for what is no network."""
    check_threads(threads)
    if isinstance(model, str | os.PathLike):
        return load(model, threads=threads)
    if isinstance(model, type) or not (callable(model) and all(hasattr(model, name) for name in _OF_A_NETWORK)):
        raise ArgumentTypeError(
            f"model is of type {type(model).__name__}: a name, the path of an ONNX file, or what pocketsr.load gave is "
            "expected"
        )
    return model


def key_of(model: str | Path, weights: Path | None = None) -> str:
    """Tells what `load` gives for these from other networks, by what their files hold. Raises UserError as it does."""
    name = str(model)
    own = hashlib.sha256(name.encode() if is_registered_name(name) else b"")
    if not is_registered_name(name):
        for part in (CHEAP, GOOD, GAIN, GRADIENT) if name == ADAPTIVE else (model,):
            own.update(read_file(resolve(part)).key())
    if weights is not None:
        own.update(weights.read_bytes())
    return own.hexdigest()


def name_of(model: str | Path | Upscaler) -> str:
    """What to call a network in a line for people."""
    if isinstance(model, str | os.PathLike):
        return Path(model).stem
    return str(getattr(model, "name", "the network"))


def _registered(name: str, weights: Path | None, threads: int | None) -> tuple[Upscaler, str | None]:
    shipped = f"choose one of {', '.join(NAMES)}, or give an .onnx file"
    try:
        from pocketsr.nets import running
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("msgspec", "safetensors", "torch"):
            raise
        raise ArgumentError(
            f"unknown model '{name}': {shipped}; published networks, with --weights, need PyTorch: "
            "pip install 'pocketsr[train]'"
        ) from error
    known = running.names()
    if name not in known:
        close = did_you_mean(name, [*NAMES, *known])
        others = ", ".join(each for each in known if each not in NAMES)
        raise ArgumentError(f"unknown model '{name}': {shipped}; or, with --weights, {others}{close and '; ' + close}")
    return running.open_network(name, weights, threads)


def is_estimated(model: str | Path | Upscaler, network: Upscaler) -> bool:
    """Whether what `network` is told is estimated where a caller says nothing: for shipped ones that are named. Others
    have their own default."""
    return isinstance(model, str) and model in NAMES and takes_strength(network)
