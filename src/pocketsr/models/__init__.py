"""The networks that ship with pocketsr, and how a name becomes a file."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final, TypeVar

from pocketsr.errors import ArgumentError, UserError
from pocketsr.sizing import Size

__all__ = ["ALIASES", "DEFAULT_SCALE", "NAMES", "SHIPPED", "SHIPPED_X2", "at_size", "resolve", "scale_of"]

_Model = TypeVar("_Model")
_HERE = Path(__file__).parent
SHIPPED: tuple[str, ...] = (
    "bicubic", "tiny", "steep-tiny", "small", "steep-small", "small-w8a8", "steep-small-w8a8", "medium", "quality",
    "photo", "screen", "tiny-call", "small-call", "small-call-w8a8", "medium-call", "small-x3", "small-x4",
    "quality-x3", "quality-x4", "phone",
)  # fmt: skip
ALIASES: dict[str, str] = {"fast": "small-w8a8"}
"""Other names of networks that ship. `fast` is the best of benchmarks/curve.json below 5 ms a frame."""
NAMES: tuple[str, ...] = (*SHIPPED, *ALIASES)
DEFAULT_SCALE: Final = 2
"""What networks upscale by whose name says no other, and all else where no scale is given."""


def scale_of(name: str) -> int:
    """What the network of this name that ships upscales by: `small-x3` by 3, `small` by DEFAULT_SCALE."""
    family, _, digits = name.rpartition("-x")
    return int(digits) if family and digits.isdecimal() else DEFAULT_SCALE


SHIPPED_X2: tuple[str, ...] = tuple(name for name in SHIPPED if scale_of(name) == 2)


def at_size(model: _Model, size: Size | None) -> _Model | str:
    """What ships of the family `model` for the factor of `size`: `small-x3` for `small` and 3; else `model` itself."""
    if isinstance(model, str) and size is not None and size.factor in (3, 4):
        made = f"{ALIASES.get(model, model)}-x{size.factor}"
        return made if made in SHIPPED else model
    return model


def resolve(model: str | Path) -> Path:
    """The ONNX file that `model` names: one of NAMES, or the path of a file.

    Raises UserError for an unknown name or a missing file.
    """
    if str(model) in NAMES:
        return _HERE / f"{ALIASES.get(str(model), model)}.onnx"
    path = Path(model)
    if path.suffix.lower() != ".onnx":
        raise ArgumentError(f"unknown model '{model}': choose one of {', '.join(NAMES)}, or give an .onnx file")
    try:
        there = stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise UserError(f"no such model file: {path} ({getattr(error, 'strerror', None) or error})") from error
    if not there:
        raise UserError(f"{path}: an ONNX file is expected; this is no plain file")
    return path
