"""What the engine does for one row of a frame, step by step, counted from its own choice of method.

The counts follow the C that the engine emits: inner products in register blocks, transforms between Winograd's domain
and pixels, pointwise stages, tables of pointers, reading and writing; `work_integers` has those of integer
convolutions. A profile (`cost`) says how long each takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import ceil, log2

import numpy as np

from pocketsr.design.kinds import FLOAT_BYTES, WORK, Counts, IntegerSpec, Shape, stored_bytes
from pocketsr.design.work_integers import add_integers, add_stored, compares, integer_method, integer_weight_bytes
from pocketsr.engine.codegen.emit_integers import words_of
from pocketsr.engine.codegen.method import BAND, Method, Storage, choose_method, choose_phases
from pocketsr.engine.codegen.plan import Formats, Plan
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.ir.graph import Combine, Conv, Function, PointwiseStage, Prelu, Ref, Shuffle

__all__ = ["beyond", "conv_method", "conv_phases", "shape_of", "sum_names", "weight_bytes", "work_of_row"]

_AT = {name: index for index, name in enumerate(WORK)}
_LATENCY = 4  # cycles of a multiply-add, and so of the inner loop at least
_INSTRUCTIONS = {"prelu": 2, "relu": 1, "affine": 2, "clip": 2, "quantize": 6}


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
    """How the engine runs the convolution; an integer one with typical weights."""
    if shape.integers is not None:
        return integer_method(shape, target)
    return choose_method(_bare(shape.inputs, shape.outputs, shape.kernel, shape.groups), shape.scale, phases, target)


@cache
def weight_bytes(shape: Shape, phases: int, target: Target) -> int:
    """Of the step's weights as its inner loops read them: transformed where Winograd is."""
    if shape.kind != "conv":
        return 0
    method = conv_method(shape, phases, target)
    if shape.integers is not None:
        return integer_weight_bytes(shape, method, target)
    pairs = shape.inputs // shape.groups * shape.outputs
    if method.rows is None:
        return FLOAT_BYTES * pairs * shape.kernel[0] * shape.kernel[1]
    return FLOAT_BYTES * pairs * method.products * (1 if method.columns else shape.kernel[1])


def beyond(cache_bytes: int, size: float) -> float:
    """The share of `size` bytes, gone through again and again, that a cache doesn't hold."""
    return max(0.0, 1 - cache_bytes / size) if size else 0.0


def sum_names(numbers: bool, storage: Storage) -> tuple[str, ...]:
    """A sum with planes that are stored in `storage`, that hold integers (`numbers`) or floats."""
    if storage is not Storage.FLOATS:
        return ("numbers",)
    return ("combine", "dequantize") if numbers else ("combine",)


def _stage_names(stage: PointwiseStage, formats: Formats) -> tuple[str, ...]:
    match stage:
        case Prelu(slope):
            return ("prelu",) if slope.any() else ("relu",)
        case Combine():
            return sum_names(stage.numbers is not None, formats.storage[stage.other[0].value])
        case Function():
            return ("function",)
    return (type(stage).__name__.lower(),)


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
    stages = tuple(name for stage in op.stages for name in _stage_names(stage, plan.formats))
    if not isinstance(op, Conv):
        return Shape("pointwise", inputs, op.channels, stages=stages, scale=scale, border=border, storage=ring.storage)
    height, width = op.weight.shape[2:]
    shape = Shape(
        "conv", inputs, op.channels, (height, width), op.groups, stages, scale, border=border, storage=ring.storage
    )
    if op.integers is None:
        return shape
    reads = plan.steps[index].method.reads
    words = len(words_of(op.inputs)) if reads is Storage.WORDS else 0
    most = int(np.abs(op.integers.weight).max())
    bits = next(bits for bits in (2, 4, 8) if most <= 2 ** (bits - 1))
    return replace(shape, integers=IntegerSpec(bits, op.integers.top), reads=reads, words=words)


@cache
def work_of_row(shape: Shape, phases: int, target: Target, width: int) -> Counts:
    """The work of one row of the step's result in a frame `width` pixels wide. Read-only, since it is cached."""
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
        case "pointwise":
            add_stored(add, shape, shape.outputs * vectors)
            _add_stages(add, shape, shape.outputs * vectors)
            add("table", 2 * shape.outputs)
        case "shuffle":
            add("scattered", shape.outputs * shape.scale * width)
        case "conv":
            _add_conv(add, shape, phases, target, columns)
    if shape.border:
        add("border", shape.outputs)
    if shape.kind != "write":
        read, made = (
            stored_bytes(shape.inputs, shape.reads, shape.words), stored_bytes(shape.outputs, shape.storage)
        )  # fmt: skip
        add("far", shape.scale * width * (read + made))
    counts.flags.writeable = False
    return counts


def _add_stages(add: Callable[[str, float], None], shape: Shape, vectors: float) -> None:
    for stage in shape.stages:
        match stage:
            case "combine":
                add("other", vectors)
            case "function" | "numbers":
                add(stage, vectors)
            case "quantize" if shape.storage is not Storage.FLOATS:
                pass  # done while results are packed
            case _:
                add("point", _INSTRUCTIONS.get(stage, 1) * vectors)


def _add_conv(add: Callable[[str, float], None], shape: Shape, phases: int, target: Target, columns: int) -> None:
    method = conv_method(shape, phases, target)
    if method.reads is not Storage.FLOATS:
        stored = add_integers(add, shape, method, target, columns)
        add("far", weight_bytes(shape, phases, target))
        _add_results(add, shape, stored)
        return
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
        add("point", stored if shape.integers else 0)  # times the step
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
        tile = method.rows.products * phases * (method.tile + 2 * lanes) * shape.inputs * FLOAT_BYTES
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
        tile = method.products * method.tile * shape.inputs * FLOAT_BYTES
        weights = weight_bytes(shape, phases, target)
        add("tiles", group * tiles * tile * beyond(target.l1_bytes, tile + weights / len(sizes)))
        add("far", group * weights)
        for size in sizes:
            products(shape.inputs, size, group * tiles * method.products)
        add("from_both", group * tiles * block.vectors * shape.outputs)
        stored = tiles * block.vectors * shape.outputs * phases
        add("table", group * (shape.inputs * (taps + BAND - 1) + BAND * shape.outputs))
    _add_results(add, shape, stored)


def _add_results(add: Callable[[str, float], None], shape: Shape, stored: float) -> None:
    """What happens to `stored` vectors of sums."""
    add_stored(add, shape, stored)
    if not compares(shape):
        _add_stages(add, shape, stored)
