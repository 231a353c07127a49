"""What the engine does for one row of a frame, step by step, counted from its own choice of method.

The counts follow the C that the engine emits: inner products in register blocks, transforms between Winograd's domain
and pixels, pointwise steps, tables of pointers, reading and writing. A profile (`cost`) says how long each takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir import Combine, Conv, Function, Map, Point, Prelu, Ref, Shuffle
from pocketsr.engine.method import BAND, Method, choose_method, choose_phases
from pocketsr.engine.plan import Plan
from pocketsr.engine.target import Target

__all__ = ["WORK", "Counts", "Shape", "beyond", "conv_method", "conv_phases", "shape_of", "weight_bytes", "work_of_row"]

WORK: tuple[str, ...] = (
    "products",  # cycles of inner loops, by what limits them: multiply-adds, loads or latency
    "sums_inline",  # sums begun in registers, direct convolutions
    "sums_called",  # the same, in Winograd's domain
    "calls",  # inner products called
    "into_rows",  # vectors transformed along the rows
    "into_both",  # vectors transformed along both axes
    "from_rows",  # vectors transformed back
    "from_both",
    "result",  # vectors stored as a layer's result
    "point",  # pointwise instructions on a vector
    "other",  # vectors read for a sum with another layer
    "function",  # sigmoid, tanh and the like, a vector
    "table",  # pointers looked up
    "border",  # rows given their border
    "samples",  # vectors of samples read or written, once for each level of parting and weaving
    "scattered",  # samples written one by one
    "tiles",  # bytes of transformed rows that the first cache doesn't hold
    "far",  # bytes of rows and weights that the second cache doesn't hold
    "interleaved",  # samples of R'G'B' taken apart or put together, by one thread for all
    "frame",  # frames begun
)
"""Kinds of work, in the order of all vectors of counts."""

Counts = NDArray[np.float64]
_AT = {name: index for index, name in enumerate(WORK)}
_LATENCY = 4  # cycles of a multiply-add, and so of the inner loop at least
_FLOAT_BYTES = 4
_INSTRUCTIONS = {"prelu": 2, "relu": 1, "affine": 2, "clip": 2}


@dataclass(frozen=True)
class Shape:
    """What decides how much work a step is: `kind` is read, write, conv, map or shuffle."""

    kind: str
    inputs: int
    outputs: int
    kernel: tuple[int, int] = (1, 1)
    groups: int = 1
    points: tuple[str, ...] = ()
    scale: int = 1
    factor: int = 1  # of the shuffle
    border: bool = False  # somebody reads beyond the border of the result


@cache
def _bare(inputs: int, outputs: int, kernel: tuple[int, int], groups: int) -> Conv:
    weight = np.broadcast_to(np.float32(0), (outputs, inputs // groups, *kernel))
    return Conv("", 1, tuple(Ref(0, c) for c in range(inputs)), weight, np.zeros(outputs, np.float32), groups)


@cache
def conv_phases(inputs: int, outputs: int, kernel: tuple[int, int], groups: int) -> int:
    """The phases that this convolution asks for; the network gets the most that any asks for."""
    return choose_phases([_bare(inputs, outputs, kernel, groups)])


@cache
def conv_method(shape: Shape, phases: int, target: Target) -> Method:
    """How the engine runs the convolution."""
    return choose_method(_bare(shape.inputs, shape.outputs, shape.kernel, shape.groups), shape.scale, phases, target)


def weight_bytes(shape: Shape, phases: int, target: Target) -> int:
    """Of the step's weights as its inner loops read them: transformed where Winograd is."""
    if shape.kind != "conv":
        return 0
    method = conv_method(shape, phases, target)
    pairs = shape.inputs // shape.groups * shape.outputs
    if method.rows is None:
        return _FLOAT_BYTES * pairs * shape.kernel[0] * shape.kernel[1]
    return _FLOAT_BYTES * pairs * method.products * (1 if method.columns else shape.kernel[1])


def beyond(cache_bytes: int, size: float) -> float:
    """The share of `size` bytes, gone through again and again, that a cache doesn't hold."""
    return max(0.0, 1 - cache_bytes / size) if size else 0.0


def point_name(point: Point) -> str:
    match point:
        case Prelu(slope):
            return "prelu" if slope.any() else "relu"
        case Combine():
            return "combine"
        case Function():
            return "function"
    return type(point).__name__.lower()


def shape_of(index: int, plan: Plan) -> Shape:
    """The shape of step `index` of `plan`; of the writing at the end for one more."""
    if index == len(plan.steps):
        scale = plan.graph.scales()[plan.output[0].value]
        return Shape("write", len(plan.output), len(plan.output) // plan.factor**2, scale=scale, factor=plan.factor)
    op = plan.steps[index].op
    if op is None:
        ring = plan.rings[0]
        return Shape("read", ring.channels, ring.channels, border=ring.halo > 0)
    ring = plan.rings[op.value]
    inputs, scale, border = len(op.inputs), ring.scale, ring.halo > 0
    if isinstance(op, Shuffle):
        return Shape("shuffle", inputs, op.channels, scale=scale, factor=op.factor, border=border)
    points = tuple(point_name(point) for point in op.points)
    if isinstance(op, Map):
        return Shape("map", inputs, op.channels, points=points, scale=scale, border=border)
    height, width = op.weight.shape[2:]
    return Shape("conv", inputs, op.channels, (height, width), op.groups, points, scale, border=border)


@cache
def work_of_row(shape: Shape, phases: int, target: Target, width: int) -> Counts:
    """The work of one row of the step's result in a frame `width` pixels wide. Not to be changed: it is kept."""
    counts = np.zeros(len(WORK))
    columns = ceil(shape.scale * width / phases)

    def add(name: str, times: float) -> None:
        counts[_AT[name]] += times

    vectors = ceil(columns / target.lanes) * phases
    match shape.kind:
        case "read":
            add("samples", shape.inputs * vectors * (1 + log2(phases)))
        case "write":
            count = phases * shape.factor
            if count & (count - 1):
                add("scattered", shape.inputs * vectors * target.lanes)
                add("samples", shape.inputs * vectors)
            else:
                add("samples", shape.inputs * vectors * (1 + log2(count)))
            add("table", shape.inputs)
        case "map":
            add("result", shape.outputs * vectors)
            _add_points(add, shape.points, shape.outputs * vectors)
            add("table", 2 * shape.outputs)
        case "shuffle":
            add("scattered", shape.outputs * shape.scale * width)
        case "conv":
            _add_conv(add, shape, phases, target, columns)
    if shape.border:
        add("border", shape.outputs)
    if shape.kind != "write":
        add("far", _FLOAT_BYTES * shape.scale * width * (shape.inputs + shape.outputs))
    counts.flags.writeable = False
    return counts


def _add_points(add: Callable[[str, float], None], points: Sequence[str], vectors: float) -> None:
    for point in points:
        match point:
            case "combine":
                add("other", vectors)
            case "function":
                add("function", vectors)
            case _:
                add("point", _INSTRUCTIONS.get(point, 1) * vectors)


def _add_conv(add: Callable[[str, float], None], shape: Shape, phases: int, target: Target, columns: int) -> None:
    method = conv_method(shape, phases, target)
    taps, across = shape.kernel
    per_group = shape.inputs // shape.groups
    outputs = shape.outputs // shape.groups
    block, lanes = method.block, target.lanes
    sizes = [min(block.channels, outputs - first) for first in range(0, outputs, block.channels)] * shape.groups

    def products(planes: int, channels: int, times: float) -> None:
        loads = (2 * block.vectors + channels) / 2  # two a cycle; those across a cache line count double
        add("products", times * planes * max(channels * block.vectors / 2, loads, _LATENCY))
        add("calls", times)
        add("sums_called" if method.rows else "sums_inline", times * channels * block.vectors)

    if method.rows is None:
        turns = phases * ceil(columns / (block.vectors * lanes))
        for size in sizes:
            products(per_group * taps * across, size, turns)
        stored = turns * block.vectors * shape.outputs
        add("far", weight_bytes(shape, phases, target))
        add("table", shape.inputs * taps * (1 + phases * across) + shape.outputs)
    elif method.columns is None:
        group = 1 / method.rows.outputs  # of the rows made at once
        tiles = ceil(columns / method.tile)
        turns = phases * sum(
            ceil(min(method.tile, columns - x) / (block.vectors * lanes)) for x in range(0, columns, method.tile)
        )
        beside = 2 * tiles * min(phases, across // 2 * 2 if phases > 1 else 2)  # vectors to the left and right
        transformed = group * shape.inputs * (phases * ceil(columns / lanes) + beside / 2)
        add("into_rows", transformed * method.rows.products)
        tile = method.rows.products * phases * (method.tile + 2 * lanes) * shape.inputs * _FLOAT_BYTES
        weights = weight_bytes(shape, phases, target)
        add("tiles", group * tiles * tile * beyond(target.l1_bytes, tile + weights / len(sizes)))
        add("far", group * weights)
        for size in sizes:
            products(shape.inputs * across, size, group * turns * method.rows.products)
        add("from_rows", group * turns * block.vectors * shape.outputs * method.rows.products)
        stored = turns * block.vectors * shape.outputs
        add("table", group * (shape.inputs * (taps + BAND - 1) + BAND * shape.outputs))
        add("table", group * tiles * phases * shape.inputs * across)
    else:
        group = 1 / method.rows.outputs
        tiles = ceil(columns / method.tile)
        add("into_both", group * tiles * method.tile / lanes * shape.inputs)
        tile = method.products * method.tile * shape.inputs * _FLOAT_BYTES
        weights = weight_bytes(shape, phases, target)
        add("tiles", group * tiles * tile * beyond(target.l1_bytes, tile + weights / len(sizes)))
        add("far", group * weights)
        for size in sizes:
            products(shape.inputs, size, group * tiles * method.products)
        add("from_both", group * tiles * block.vectors * shape.outputs)
        stored = tiles * block.vectors * shape.outputs * phases
        add("table", group * (shape.inputs * (taps + BAND - 1) + BAND * shape.outputs))
    add("result", stored)
    _add_points(add, shape.points, stored)
