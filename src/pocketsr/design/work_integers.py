"""Work of integer convolutions: dot products of bytes, additions where weights are of 2 bits, results packed.

The counts follow `engine.emit_integers`, `engine.emit_sums` and `integers.h`, instruction by instruction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import ceil

import numpy as np

from pocketsr.design.kinds import FLOAT_BYTES, IntegerSpec, Shape
from pocketsr.design.precision import typical_weights
from pocketsr.engine.codegen.emit_integers import dense_weights
from pocketsr.engine.codegen.emit_sums import pairs
from pocketsr.engine.codegen.method import CHANNELS_A_WORD, Method, Storage, choose_method, dots
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.ir.graph import Conv, Integers, Ref

__all__ = ["add_integers", "add_stored", "compares", "integer_method", "integer_storage", "integer_weight_bytes"]

_BYTE_SPAN = 255
_LATENCY = 4  # cycles of a dot product, and so of the inner loop at least
_STAIRS = 3  # steps of a result of 2 bits
_SUM_BYTES = 5  # of code, an addition: x86-64's instructions have 4 to 7


@cache
def _typical(inputs: int, outputs: int, kernel: tuple[int, int], groups: int, integers: IntegerSpec) -> Conv:
    weight = typical_weights((outputs, inputs // groups, *kernel), integers.bits)
    bias, step = np.zeros(outputs, np.int32), np.ones(outputs, np.float32)
    refs = tuple(Ref(0, c) for c in range(inputs))
    floats = weight.astype(np.float32), bias.astype(np.float32)
    return Conv("", 1, refs, *floats, groups, integers=Integers(weight, bias, step, 0, integers.top))


@cache
def _chosen(
    inputs: int, outputs: int, kernel: tuple[int, int], groups: int, integers: IntegerSpec, target: Target,
    scale: int = 1,
) -> Method:  # fmt: skip
    return choose_method(_typical(inputs, outputs, kernel, groups, integers), scale, 1, target)


def integer_storage(
    inputs: int, outputs: int, kernel: tuple[int, int], groups: int, integers: IntegerSpec, target: Target
) -> Storage:  # fmt: skip
    """How a convolution of this shape would have its inputs, with typical weights."""
    return _chosen(inputs, outputs, kernel, groups, integers, target).reads


@cache
def integer_method(shape: Shape, target: Target) -> Method:
    """How the engine runs the convolution, whose inputs are stored as `shape` says."""
    assert shape.integers is not None
    kind = shape.inputs, shape.outputs, shape.kernel, shape.groups, shape.integers
    method = _chosen(*kind, target, shape.scale)
    return method if method.reads is shape.reads else dots(_typical(*kind), method.block.vectors, target)


@dataclass(frozen=True)
class _Sums:
    """The instructions of a turn of sums: vectors added and loaded, channels' sums that don't fit in a byte."""

    added: int
    taken: int
    moved: int


@cache
def _sums(inputs: int, outputs: int, kernel: tuple[int, int], groups: int, top: int, channels: int) -> _Sums:
    """Of all blocks of `channels` together, with typical weights of 2 bits."""
    op = _typical(inputs, outputs, kernel, groups, IntegerSpec(2, top))
    assert op.integers is not None
    weights = dense_weights(op, op.integers).reshape(outputs, -1)
    added = taken = 0
    for first in range(0, outputs, channels):
        own = weights[first : first + channels]
        for group in pairs(own):
            taken += len(group)
            if len(group) == 1:
                added += int(np.count_nonzero(own[:, group[0]]))
                continue
            products = own[:, group[0]] * own[:, group[1]]
            added += int((products > 0).any()) + int((products < 0).any())  # the sum and the difference themselves
            added += int(np.count_nonzero(own[:, group].any(axis=1)))
    each = np.abs(weights).sum(axis=1)
    fit = _BYTE_SPAN // top  # weights whose sum stays within a byte
    moved = int(np.where(each > fit, np.ceil(each / fit), 0).sum())
    return _Sums(added, taken, moved)


def _sums_of(shape: Shape, method: Method) -> _Sums:
    assert shape.integers is not None
    top = 1 if method.block.vectors == 2 else shape.integers.top  # in halves it doesn't matter
    return _sums(shape.inputs, shape.outputs, shape.kernel, shape.groups, top, method.block.channels)


def integer_weight_bytes(shape: Shape, method: Method, target: Target) -> int:
    """Of weights as inner loops read them, or of the instructions that they are."""
    taps = shape.kernel[0] * shape.kernel[1]
    if method.reads is Storage.FLOATS:
        return FLOAT_BYTES * shape.inputs // shape.groups * shape.outputs * taps
    if method.reads is Storage.WORDS:
        return FLOAT_BYTES * _parts(target) * shape.words * shape.outputs * taps
    sums = _sums_of(shape, method)
    return _SUM_BYTES * (sums.added + sums.taken)


def _parts(target: Target) -> int:
    """Words of weights for each four: two where bytes are multiplied as halves, four one by one (`integers.h`)."""
    return max(1, target.dot_cost // 2)


def add_integers(
    add: Callable[[str, float], None], shape: Shape, method: Method, target: Target, columns: int
) -> float:  # fmt: skip
    """The sums of a row of `columns`, in dot products or additions. Returns the vectors of results."""
    taps, across = shape.kernel
    block, lanes = method.block, target.lanes
    sizes = [min(block.channels, shape.outputs - first) for first in range(0, shape.outputs, block.channels)]
    turns = ceil(columns / (block.vectors * lanes))
    stored = turns * block.vectors * shape.outputs
    if method.reads is Storage.WORDS:
        planes = shape.words * taps * across
        spread = 3 * block.vectors if _parts(target) > 1 else 0  # instructions that make halves of bytes
        for size in sizes:
            ready = (size * block.vectors * target.dot_cost + spread) / 2
            loads = (2 * block.vectors + _parts(target) * size) / 2
            add("dots", turns * planes * max(ready, loads, _LATENCY))
            add("calls", turns)
            add("sums_inline", turns * size * block.vectors)
        add("table", shape.words * taps * (1 + across) + shape.outputs)
        add("point", 2 * stored)  # made floats, times the step
    else:
        sums, wide = _sums_of(shape, method), block.vectors == 2
        add("added", turns * sums.added)
        add("taken", turns * sums.taken * (2 if wide else 1))
        add("moved", 0 if wide else turns * sums.moved)
        add("calls", turns * len(sizes))
        add("table", shape.inputs * taps + shape.outputs)
        if not compares(shape):
            add("widened", stored)
            add("point", 2 * stored)
    return stored


def compares(shape: Shape) -> bool:
    """Whether results are found by comparing sums: where there are few, and nothing else is added to them."""
    few = shape.integers is not None and shape.integers.top == _STAIRS and shape.reads is Storage.BYTES
    return few and shape.storage is not Storage.FLOATS and set(shape.stages) <= {"prelu", "relu", "quantize"}


def add_stored(add: Callable[[str, float], None], shape: Shape, stored: float) -> None:
    """Results of `stored` vectors, all channels together, into rows as they are stored."""
    if compares(shape):
        add("compared", _STAIRS * stored / 4)  # of bytes: four times the lanes
        if shape.storage is Storage.BYTES:
            add("bytes", stored / 4)
        else:
            add("widened", stored)
            add("point", 1.5 * stored)  # shifted and joined
        return
    match shape.storage:
        case Storage.FLOATS:
            add("result", stored)
        case Storage.WORDS:
            add("words", stored / shape.outputs * ceil(shape.outputs / CHANNELS_A_WORD))
        case Storage.BYTES:
            add("bytes", stored)
