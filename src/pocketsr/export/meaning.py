"""The NumPy meaning of `layers`, in double precision: what tests hold the lowering to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Pad
from pocketsr.engine.ir.pointwise import CURVES
from pocketsr.engine.ir.reference import BINARY
from pocketsr.export.layers import (
    Affine,
    Clip,
    Concat,
    Conv,
    Curve,
    Layer,
    Merge,
    Network,
    Prelu,
    Rounded,
    Shuffle,
)

__all__ = ["evaluate", "every_value"]

Planes = NDArray[np.float64]  # C H W


def evaluate(net: Network, picture: NDArray[Any]) -> Planes:
    """C H W, in 0..net.max_value, to C scale*H scale*W."""
    return every_value(net, picture)[net.output.name]


def every_value(net: Network, picture: NDArray[Any]) -> dict[str, Planes]:
    """What each tensor holds, by its name."""
    values = {net.picture.name: picture.astype(np.float64)}
    for layer in net.layers:
        values[layer.output.name] = _made(layer, [values[tensor.name] for tensor in layer.inputs])
    return values


def _made(layer: Layer, given: list[Planes]) -> Planes:
    x = given[0]
    match layer:
        case Conv():
            rows, columns = layer.halo
            border = ((0, 0), (rows, rows), (columns, columns))
            wide = np.pad(x, border, mode="edge") if layer.pad is Pad.EDGE else np.pad(x, border)
            windows = np.lib.stride_tricks.sliding_window_view(wide, layer.weight.shape[2:], axis=(1, 2))
            weight = layer.weight.astype(np.float64)
            return np.asarray(np.einsum("chwij,ocij->ohw", windows, weight, optimize=True) + _column(layer.bias))
        case Prelu():
            return np.where(x > 0, x, x * _column(layer.slope))
        case Affine():
            return np.asarray(x * _column(layer.scale) + _column(layer.offset))
        case Clip():
            return np.clip(x, layer.low, layer.high)
        case Curve():
            return np.asarray(CURVES[layer.kind].meaning(x), np.float64)
        case Merge():
            return np.asarray(BINARY[layer.kind](x, given[1]), np.float64)
        case Concat():
            return np.concatenate(given)
        case Rounded():
            whole = np.clip(np.rint(x / layer.step) + layer.zero, 0, layer.top)
            return np.asarray((whole - layer.zero) * layer.step, np.float64)
        case Shuffle():
            f, (_, height, width) = layer.factor, x.shape
            parts = x.reshape(-1, f, f, height, width).transpose(0, 3, 1, 4, 2)
            return parts.reshape(-1, height * f, width * f)
    raise TypeError(f"no meaning for {type(layer).__name__}")


def _column(numbers: NDArray[np.float32]) -> Planes:
    return numbers.astype(np.float64)[:, None, None]
