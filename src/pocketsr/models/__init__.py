"""The networks that ship with pocketsr, and how a name becomes a file."""

from __future__ import annotations

import math
import stat
from pathlib import Path
from typing import Final, TypeVar

from pocketsr.errors import ArgumentError, UserError
from pocketsr.sizing import Shape, Size

__all__ = [
    "ALIASES", "DEFAULT_SCALE", "NAMES", "SHIPPED", "SHIPPED_X2", "at_size", "resolve", "scale_at",
    "scale_of", "shape_decides",
]  # fmt: skip

_Model = TypeVar("_Model")
_HERE = Path(__file__).parent
SHIPPED: tuple[str, ...] = (
    "bicubic", "tiny", "steep-tiny", "small", "steep-small", "small-w8a8", "steep-small-w8a8", "medium", "quality",
    "large", "photo", "photo-quality", "screen", "tiny-call", "small-call", "small-call-w8a8", "medium-call",
    "medium-call-w8a8", "small-x3", "small-x4", "quality-x3", "quality-x4", "phone",
)  # fmt: skip
ALIASES: dict[str, str] = {"fast": "small-w8a8"}
"""Other names of networks that ship. `fast` is the best of benchmarks/curve.json below 5 ms a frame."""
NAMES: tuple[str, ...] = (*SHIPPED, *ALIASES)
DEFAULT_SCALE: Final = 2
"""What networks upscale by whose name says no other, and all else where no scale is given."""
_SCALES = ((2, 2.0), (3, 3.0), (4, math.inf))
"""Scales of networks, and up to how many times the size they are taken: the next larger network and shrinking is worth
0.1 to 0.16 dB over x2 and bicubic interpolation between 2 and 4 times; at 3 and below, x4 adds 0.03 dB or less to x3,
for 16/9 of the pixels; above 4, x4 and interpolation are within 0.02 dB of several passes of x2, for a third of their
work and less (benchmarks/any_size.json)."""
_NEAR = 0.99  # a side that was rounded to an even number makes a whole factor a little more


def scale_of(name: str) -> int:
    """What the network of this name that ships upscales by: `small-x3` by 3, `small` by DEFAULT_SCALE."""
    family, _, digits = name.rpartition("-x")
    return int(digits) if family and digits.isdecimal() else DEFAULT_SCALE


SHIPPED_X2: tuple[str, ...] = tuple(name for name in SHIPPED if scale_of(name) == 2)


def scale_at(growth: float) -> int:
    """The scale whose networks make the best of pictures that become `growth` times as large: see _SCALES."""
    return next((scale for scale, most in _SCALES if growth * _NEAR <= most), DEFAULT_SCALE)


def at_size(model: _Model, size: Size | None, shape: Shape | None = None) -> _Model | str:
    """What ships of the family `model` for `size`: `small-x3` for `small` and 3 times; else `model` itself.

    shape: of what is enlarged. Without it only a factor says how much. Raises ArgumentError as `Size.of` does.
    """
    growth = size.growth(shape) if size is not None and _has_scales(model) else None
    if growth is None:
        return model
    made = f"{ALIASES.get(str(model), model)}-x{scale_at(growth)}"
    return made if made in SHIPPED else model


def shape_decides(model: object, size: Size | None) -> bool:
    """Whether `at_size` has to know the shape of what is enlarged."""
    return size is not None and size.factor is None and _has_scales(model)


def _has_scales(model: object) -> bool:
    """Whether there is more than one network of the family `model`, for other scales."""
    return isinstance(model, str) and any(name.startswith(f"{ALIASES.get(model, model)}-x") for name in SHIPPED)


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
