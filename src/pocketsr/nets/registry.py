"""The networks by name, and how each becomes an ONNX file."""

from __future__ import annotations

import difflib
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import onnx
import torch

from pocketsr.errors import UserError
from pocketsr.nets.base import SRNet
from pocketsr.nets.bicubic import BicubicConfig, BicubicNet
from pocketsr.nets.pocket import Pocket, PocketConfig
from pocketsr.reparam import collapse

__all__ = ["build", "names", "to_onnx"]

_REGISTERED: Mapping[str, tuple[type[Any], Callable[[Any], SRNet]]] = {
    "bicubic": (BicubicConfig, BicubicNet),
    "pocket": (PocketConfig, Pocket),
}


def names() -> tuple[str, ...]:
    """Every registered network."""
    return tuple(sorted(_REGISTERED))


def build(name: str, **overrides: Any) -> SRNet:
    """A network with fresh weights; `overrides` are fields of its configuration, as a recipe spells them.

    Raises UserError for an unknown name or field, or a value of the wrong type.
    """
    if name not in _REGISTERED:
        raise UserError(f"no network '{name}': known are {', '.join(names())}")
    config, make = _REGISTERED[name]
    known = [field.name for field in msgspec.structs.fields(config)]
    for key in overrides:
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UserError(f"network '{name}' has no setting '{key}': it has {', '.join(known) or 'none'}{hint}")
    try:
        return make(msgspec.convert(overrides, config))
    except (msgspec.ValidationError, ValueError) as error:
        raise UserError(f"network '{name}': {error}") from error


def to_onnx(net: SRNet, path: Path) -> None:
    """Write the collapsed `net` as ONNX of opset 17, for images of any size, values 0..1; `net` stays as it is."""
    small = collapse(net).eval()
    sides = {axis: f"{name}" for axis, name in ((2, "height"), (3, "width"))}
    large = {axis: f"{name}_x{net.scale}" for axis, name in sides.items()}
    what = "luma" if net.channels == 1 else "rgb"
    names_ = (what, f"{what}_x{net.scale}")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".onnx-") as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter announces its end; it leaves the cleaner graph
        file = Path(scratch) / path.name
        torch.onnx.export(
            small, (torch.zeros(1, net.channels, 32, 48),), file, input_names=[names_[0]], output_names=[names_[1]],
            opset_version=17, dynamo=False, dynamic_axes={names_[0]: sides, names_[1]: large},
        )  # fmt: skip
        model = onnx.load(file)
        onnx.helper.set_model_props(model, {"pocketsr.value_range": "1", "pocketsr.colour": what})
        onnx.checker.check_model(model)
        onnx.save(model, file)
        file.replace(path)
