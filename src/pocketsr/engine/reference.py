"""The plain NumPy meaning of a `Graph`: what every emitted kernel is tested against. Slow and obvious."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir import (
    Affine,
    Binary,
    Clip,
    Combine,
    Conv,
    Function,
    Graph,
    Map,
    Pad,
    Point,
    Prelu,
    Ref,
    Shuffle,
    Unary,
)

__all__ = ["evaluate", "guess_white"]

Plane = NDArray[np.float64]
_BINARY = {
    Binary.ADD: np.add,
    Binary.SUB: np.subtract,
    Binary.MUL: np.multiply,
    Binary.MAX: np.maximum,
    Binary.MIN: np.minimum,
}
_UNARY: dict[Unary, Callable[[Plane], Plane]] = {
    Unary.SIGMOID: lambda x: 1 / (1 + np.exp(-x)),
    Unary.TANH: np.tanh,
    Unary.ERF: np.vectorize(math.erf, otypes=[np.float64]),
    Unary.ABS: np.abs,
}


def _conv(op: Conv, planes: Plane) -> Plane:
    height, width = op.weight.shape[2:]
    border = ((0, 0), (height // 2, height // 2), (width // 2, width // 2))
    padded = np.pad(planes, border, mode="edge" if op.pad is Pad.EDGE else "constant")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))  # C H W KH KW
    parts = [
        np.einsum("chwij,ocij->ohw", window, weight, optimize=True)
        for window, weight in zip(
            np.split(windows, op.groups), np.split(op.weight.astype(np.float64), op.groups), strict=True
        )
    ]
    return np.concatenate(parts) + op.bias[:, None, None]


def _point(point: Point, x: Plane, other: Plane | None) -> Plane:
    match point:
        case Affine(scale, offset):
            return x * scale[:, None, None] + offset[:, None, None]
        case Prelu(slope):
            return np.where(x > 0, x, x * slope[:, None, None])
        case Clip(low, high):
            return np.clip(x, low, high)
        case Function(kind):
            return np.asarray(_UNARY[kind](x), np.float64)
        case Combine(kind, _):
            assert other is not None
            return np.asarray(_BINARY[kind](x, other), np.float64)


def evaluate(graph: Graph, image: NDArray[np.floating]) -> Plane:
    """The output (C, scale*H, scale*W) of `graph` for `image` (C, H, W), in double precision."""
    values: dict[int, Plane] = {0: image.astype(np.float64)}

    def gather(refs: tuple[Ref, ...]) -> Plane:
        return np.stack([values[ref.value][ref.channel] for ref in refs])

    for op in graph.ops:
        planes = gather(op.inputs)
        if isinstance(op, Conv | Map):
            result = _conv(op, planes) if isinstance(op, Conv) else planes
            for point in op.points:
                result = _point(point, result, gather(point.other) if isinstance(point, Combine) else None)
        else:
            f, (_, height, width) = op.factor, planes.shape
            result = planes.reshape(-1, f, f, height, width).transpose(0, 3, 1, 4, 2)
            result = result.reshape(-1, height * f, width * f)
        values[op.value] = result
    return gather(graph.output)


def guess_white(graph: Graph) -> float:
    """Whether `graph` works on values 0..1 or 0..255.

    An upper bound that it clips to says so; else the range in which it enlarges a small picture more faithfully.
    """
    bounds = {p.high for op in graph.ops if not isinstance(op, Shuffle) for p in op.points if isinstance(p, Clip)}
    if (1.0 in bounds) != (255.0 in bounds):
        return 255.0 if 255.0 in bounds else 1.0
    y, x = np.mgrid[0:24, 0:24]
    picture = np.broadcast_to(0.5 + 0.3 * np.sin(x / 4) * np.cos(y / 5) + 0.1 * (x > 12), (graph.channels, 24, 24))
    plain = picture.repeat(graph.scale, 1).repeat(graph.scale, 2)
    errors = {}
    for white in (1.0, 255.0):
        error = np.abs(evaluate(graph, picture * white) / white - plain)[:, 12:-12, 12:-12].mean()
        errors[white] = float(error) if np.isfinite(error) else math.inf
    # Networks without biases or bounds work alike in both; then 0..1, the field's habit, is as good.
    return 255.0 if errors[255.0] < 0.8 * errors[1.0] else 1.0
