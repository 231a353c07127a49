"""The plain NumPy meaning of a `Graph`: what every emitted kernel is tested against. Slow and obvious."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import (
    Affine,
    Binary,
    Classes,
    Clip,
    Combine,
    Conv,
    Dequantize,
    Function,
    Graph,
    Pad,
    Pointwise,
    PointwiseStage,
    Prelu,
    Quantize,
    Ref,
    Shuffle,
)
from pocketsr.engine.ir.pointwise import CURVES
from pocketsr.engine.ir.strength import at_strength
from pocketsr.pixels import imresize
from pocketsr.pixels.structure import structure_classes

__all__ = ["BINARY", "apply_stages", "better_max_value", "evaluate", "guess_max_value"]

Plane = NDArray[Any]
_MOST_LAID_OUT = 2**25  # numbers: 256 MB
BINARY = {
    Binary.ADD: np.add,
    Binary.SUB: np.subtract,
    Binary.MUL: np.multiply,
    Binary.DIV: np.divide,
    Binary.MAX: np.maximum,
    Binary.MIN: np.minimum,
}


def _windows(op: Conv, planes: Plane, beyond: float) -> Plane:
    """C H W KH KW, in double precision."""
    height, width = op.weight.shape[2:]
    border = ((0, 0), (height // 2, height // 2), (width // 2, width // 2))
    planes = planes.astype(np.float64)
    if op.pad is Pad.EDGE:
        padded = np.pad(planes, border, mode="edge")
    else:
        padded = np.pad(planes, border, constant_values=beyond)
    return np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))


def _product(windows: Plane, weight: Plane) -> Plane:
    """The sum over channels and taps; tap after tap where all windows laid out would fill the memory."""
    if windows.size <= _MOST_LAID_OUT:
        laid_out: Plane = np.einsum("chwij,ocij->ohw", windows, weight, optimize=True)
        return laid_out
    total = np.zeros((len(weight), *windows.shape[1:3]))
    for i, j in np.ndindex(*weight.shape[2:]):
        total += np.tensordot(weight[:, :, i, j], windows[..., i, j], 1)
    return total


def _conv(op: Conv, planes: Plane, classes: Plane | None = None) -> Plane:
    """In double precision; with integers an exact sum, times its step in single precision."""
    if op.chosen:
        total = np.zeros((op.channels, *planes.shape[1:]))
        for number, weight in enumerate(op.chosen.weight):
            integers = op.integers.of_class(number) if op.integers else None
            own = replace(op, weight=weight, chosen=None, integers=integers)
            total = np.where(classes == number, _conv(own, planes), total)
        return total
    integers = op.integers
    weights = (op.weight if integers is None else integers.weight).astype(np.float64)
    parts = [
        _product(window, weight)
        for window, weight in zip(
            np.split(_windows(op, planes, integers.zero if integers else 0.0), op.groups),
            np.split(weights, op.groups),
            strict=True,
        )
    ]
    total = np.concatenate(parts)
    if integers is None:
        return total + op.bias[:, None, None]
    return (total + integers.start[:, None, None]).astype(np.float32) * integers.step[:, None, None]


def _stage(stage: PointwiseStage, x: Plane, other: Plane | None) -> Plane:
    match stage:
        case Affine(scale, offset):
            return x * scale[:, None, None] + offset[:, None, None]
        case Prelu(slope):
            return np.where(x > 0, x, x * slope[:, None, None])
        case Clip(low, high):
            return np.clip(x, low, high)
        case Function(kind):
            return np.asarray(CURVES[kind].meaning(x), x.dtype)
        case Dequantize(step, zero):
            return np.asarray((x - x.dtype.type(zero)) * x.dtype.type(step), x.dtype)
        case Quantize(step, zero, top):
            scaled = x * x.dtype.type(1 / np.float64(np.float32(step)))
            return np.asarray(np.clip(np.rint(scaled) + zero, 0, top), x.dtype)
        case Combine(kind, _, numbers):
            assert other is not None
            return np.asarray(BINARY[kind](x, _stage(numbers, other, None) if numbers else other), x.dtype)


def apply_stages(stages: Iterable[PointwiseStage], x: Plane) -> Plane:
    """Pointwise stages on `x`, C H W, that combine it with nothing else."""
    for stage in stages:
        x = _stage(stage, x, None)
    return x


def evaluate(graph: Graph, image: NDArray[np.floating], strength: float | None = None) -> Plane:
    """The output (C, scale*H, scale*W) of `graph` for `image` (C, H, W), told a strength where it takes one.

    In double precision; with integer convolutions in single precision, step by step: that is what
    the compiled network must give to the last bit, as long as no other convolution takes part.
    """
    graph = at_strength(graph, strength)
    exact = any(isinstance(op, Conv) and op.integers is not None for op in graph.ops)
    real = np.float32 if exact else np.float64
    values: dict[int, Plane] = {0: image.astype(real)}

    def gather(refs: tuple[Ref, ...]) -> Plane:
        return np.stack([values[ref.value][ref.channel] for ref in refs])

    for op in graph.ops:
        planes = gather(op.inputs)
        if isinstance(op, Classes):
            result = structure_classes(planes[0].astype(np.uint8), op.limits)[None]
        elif isinstance(op, Conv | Pointwise):
            classes = gather((op.chosen.classes,)) if isinstance(op, Conv) and op.chosen else None
            result = (_conv(op, planes, classes) if isinstance(op, Conv) else planes).astype(real)
            for stage in op.stages:
                result = _stage(stage, result, gather(stage.other) if isinstance(stage, Combine) else None)
        else:
            f, (_, height, width) = op.factor, planes.shape
            result = planes.reshape(-1, f, f, height, width).transpose(0, 3, 1, 4, 2)
            result = result.reshape(-1, height * f, width * f)
        values[op.value] = result
    return gather(graph.output)


def _scene(scale: int, channels: int) -> tuple[Plane, Plane]:
    """A picture of edges, lines and waves (C H W, 0..1), small and `scale` times as large."""
    size = 32
    y, x = (np.mgrid[0 : size * scale, 0 : size * scale] + 0.5) / scale

    def soft(distance: Plane) -> Plane:
        return np.clip(distance * scale + 0.5, 0, 1)  # an edge with a pixel of antialiasing

    plane = 0.35 + 0.15 * np.sin(x / 5 + 0.3) * np.cos(y / 7)
    plane += 0.35 * soft(0.8 * x + 0.6 * y - 0.7 * size) - 0.25 * soft(0.3 * x - 0.95 * y + 0.25 * size)
    plane += 0.3 * soft(5 - np.hypot(x - 0.3 * size, y - 0.65 * size))
    plane -= 0.2 * soft(1.2 - np.abs(0.5 * x - 0.87 * y + 0.1 * size))
    large = np.clip(plane, 0, 1)
    large = np.stack([0.9 * large + 0.05, large, 0.8 * large + 0.1]) if channels == 3 else large[None]
    small = np.stack([imresize(each, 1 / scale) for each in large])
    return np.round(small * 255) / 255, large


def guess_max_value(graph: Graph) -> float:
    """Whether `graph` works on values 0..1 or 0..255.

    An upper bound of its output says so; else the range in which it restores a known picture better. Published x2
    networks do that by 2.7 dB or more (ECBSR, ETDS, ABPN, ESPCN, FSRCNN, CARN-M, LapSRN, PAN).
    """
    makers = {op.value: op for op in graph.ops}
    ends = [makers[ref.value] for ref in graph.output if ref.value in makers]
    ends += [makers[ref.value] for op in ends if isinstance(op, Shuffle) for ref in op.inputs if ref.value in makers]
    last = [op.stages[-1] for op in ends if not isinstance(op, Shuffle) and op.stages]
    bounds = {stage.high for stage in last if isinstance(stage, Clip)}
    if (1.0 in bounds) != (255.0 in bounds):
        return 255.0 if 255.0 in bounds else 1.0
    return better_max_value(lambda image: evaluate(graph, image), graph.scale, graph.channels)


def better_max_value(run: Callable[[Plane], NDArray[np.floating]], scale: int, channels: int) -> float:
    """Whether `run`, C H W to C scale*H scale*W, restores a known picture better in the range 0..1 or 0..255."""
    small, large = _scene(scale, channels)
    border = 6 * scale
    errors = {}
    for max_value in (1.0, 255.0):
        with np.errstate(all="ignore"):  # values 255 times too large overflow; roots and quotients of any kind
            error = np.clip(np.nan_to_num(run(small * max_value)) / max_value, 0, 1) - large
        errors[max_value] = float(np.square(error[:, border:-border, border:-border]).mean())
    # Networks without biases or bounds work alike in both; then 0..1, the field's habit, is as good.
    return 255.0 if errors[255.0] < 0.9 * errors[1.0] else 1.0
