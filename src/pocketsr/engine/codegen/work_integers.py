"""Work of integer convolutions: dot products of bytes, additions where weights are of 2 bits, results packed.

The counts follow `emit_integers`, `emit_sums` and `integers.h`, instruction by instruction.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil

import numpy as np

from pocketsr.engine.codegen.emit_integers import dense_weights
from pocketsr.engine.codegen.emit_sums import pairs
from pocketsr.engine.codegen.method import CHANNELS_A_WORD, Method, Storage
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.codegen.work_conv import blocks_of
from pocketsr.engine.codegen.work_kinds import FLOAT_BYTES, Add, Additions, Shape
from pocketsr.engine.ir.graph import Conv

__all__ = ["add_dots", "add_integers", "add_stored", "additions_of", "compares", "parts_of", "weight_bytes_of_integers"]

_BYTE_SPAN = 255
_LATENCY = 4  # cycles of a dot product, and so of the inner loop at least
_STAIRS = 3  # steps of a result of 2 bits
_SUM_BYTES = 5  # of code, an addition: x86-64's instructions have 4 to 7


def additions_of(op: Conv, method: Method) -> Additions | None:
    """What `emit_sums` makes of the weights; None where dot products or floats are summed."""
    if op.integers is None or method.reads is not Storage.BYTES:
        return None
    top = 1 if method.block.vectors == 2 else op.integers.top  # in halves it doesn't matter
    weight = op.integers.weight
    return _additions(weight.tobytes(), weight.shape, op.groups, top, method.block.channels)


@lru_cache(maxsize=4096)
def _additions(weights: bytes, shape: tuple[int, ...], groups: int, top: int, channels: int) -> Additions:
    """Of all blocks of `channels` together. weights: int8 in `shape`, CO CI/groups KH KW."""
    dense = dense_weights(np.frombuffer(weights, np.int8).reshape(shape), groups).reshape(shape[0], -1)
    added = taken = 0
    for first in range(0, shape[0], channels):
        own = dense[first : first + channels]
        for group in pairs(own):
            taken += len(group)
            if len(group) == 1:
                added += int(np.count_nonzero(own[:, group[0]]))
                continue
            products = own[:, group[0]] * own[:, group[1]]
            added += int((products > 0).any()) + int((products < 0).any())  # the sum and the difference themselves
            added += int(np.count_nonzero(own[:, group].any(axis=1)))
    each = np.abs(dense).sum(axis=1)
    fit = _BYTE_SPAN // top  # weights whose sum stays within a byte
    moved = int(np.where(each > fit, np.ceil(each / fit), 0).sum())
    return Additions(added, taken, moved)


def weight_bytes_of_integers(shape: Shape, target: Target) -> int:
    """Of weights as inner loops read them, or of the instructions that they are."""
    if shape.additions is not None:
        return _SUM_BYTES * (shape.additions.added + shape.additions.taken)
    return FLOAT_BYTES * parts_of(target) * shape.words * shape.outputs * shape.kernel[0] * shape.kernel[1]


def parts_of(target: Target) -> int:
    """Words of weights for each four: two where bytes are multiplied as halves, four one by one (`integers.h`)."""
    return max(1, target.dot_cost // 2)


def add_dots(add: Add, shape: Shape, target: Target, channels: int, times: float) -> None:
    """`times` inner loops over the words that are read, of a register block of `channels`."""
    vectors = shape.method.block.vectors
    spread = 3 * vectors if parts_of(target) > 1 else 0  # instructions that make halves of bytes
    ready = (channels * vectors * target.dot_cost + spread) / 2
    loads = (2 * vectors + parts_of(target) * channels) / 2
    planes = shape.words * shape.kernel[0] * shape.kernel[1]
    add("dots", times * planes * max(ready, loads, _LATENCY))
    add("calls", times)
    add("sums_inline", times * channels * vectors)


def add_integers(add: Add, shape: Shape, target: Target, columns: int) -> float:
    """The sums of a row of `columns`, in dot products or additions. Returns the vectors of results."""
    taps, across = shape.kernel
    block, lanes = shape.method.block, target.lanes
    sizes = blocks_of(shape, 1)
    turns: float = ceil(columns / (block.vectors * lanes))
    if shape.additions is None and not target.is_wasm:
        turns = ceil(columns / lanes) / block.vectors  # narrow ones at the end of a row (`partial.turns_of`)
    stored = turns * block.vectors * shape.outputs
    add("far", weight_bytes_of_integers(shape, target))
    if shape.additions is None:
        for size in sizes:
            add_dots(add, shape, target, size, turns)
        add("table", shape.words * taps * (1 + across) + shape.outputs)
        add("point", 2 * stored)  # made floats, times the step
    else:
        sums, wide = shape.additions, block.vectors == 2
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
    few = shape.top == _STAIRS and shape.method.reads is Storage.BYTES
    return few and shape.storage is not Storage.FLOATS and set(shape.stages) <= {"prelu", "relu", "quantize"}


def add_stored(add: Add, shape: Shape, stored: float) -> None:
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
