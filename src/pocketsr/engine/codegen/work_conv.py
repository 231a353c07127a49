"""Work of convolutions of floats: what `emit_conv`, `emit_depthwise`, `emit_dot` and `emit_winograd` write."""

from __future__ import annotations

from math import ceil

from pocketsr.engine.codegen.method import BAND, Method
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.codegen.work_kinds import FLOAT_BYTES, Add, Shape

__all__ = ["add_floats", "add_products", "beyond", "blocks_of", "weight_bytes_of_floats"]

_LATENCY = 4  # cycles of a multiply-add, and so of the inner loop at least


def weight_bytes_of_floats(shape: Shape) -> int:
    """Of weights as inner loops read them: transformed where Winograd is."""
    method = shape.method
    pairs = shape.inputs // shape.groups * shape.outputs
    if method.rows is None:
        return FLOAT_BYTES * pairs * shape.kernel[0] * shape.kernel[1]
    return FLOAT_BYTES * pairs * method.products * (1 if method.columns else shape.kernel[1])


def beyond(cache_bytes: int, size: float) -> float:
    """The share of `size` bytes, gone through again and again, that a cache doesn't hold."""
    return max(0.0, 1 - cache_bytes / size) if size else 0.0


def blocks_of(shape: Shape, groups: int) -> list[int]:
    """The channels of each register block, none of which is of two `groups`."""
    outputs, most = shape.outputs // groups, shape.method.block.channels
    return [min(most, outputs - first) for first in range(0, outputs, most)] * groups


def add_products(add: Add, method: Method, planes: int, channels: int, times: float) -> None:
    """`times` inner loops over `planes`, of a register block of `channels`."""
    vectors = method.block.vectors
    loads = (2 * vectors + channels) / 2  # two a cycle; those across a cache line count double
    add("products", times * planes * max(channels * vectors / 2, loads, _LATENCY))
    add("calls", times)
    add("sums_called" if method.rows else "sums_inline", times * channels * vectors)


def add_floats(add: Add, shape: Shape, phases: int, target: Target, columns: int) -> float:
    """The sums of a row of `columns` of each of `phases`. Returns the vectors of results."""
    method = shape.method
    taps, across = shape.kernel
    per_group = shape.inputs // shape.groups
    block, lanes, sizes = method.block, target.lanes, blocks_of(shape, shape.groups)
    if method.together:
        turns = phases * ceil(columns / (block.vectors * lanes)) / method.together  # of one row
        sums = method.together * block.vectors
        loads = (2 * (taps + method.together - 1) * block.vectors + taps) / 2  # as in `add_products`
        add("products", turns * shape.outputs * across * max(taps * sums / 2, loads))
        add("sums_inline", turns * shape.outputs * sums)
        stored = turns * shape.outputs * sums
        add("far", weight_bytes_of_floats(shape) / method.together)
        add("table", (shape.inputs * (taps + BAND - 1) + BAND * shape.outputs) / method.together)
        add("table", phases * across * shape.outputs / method.together)
    elif method.rows is None:
        turns = phases * ceil(columns / (block.vectors * lanes))
        for size in sizes:
            add_products(add, method, per_group * taps * across, size, turns)
        stored = turns * block.vectors * shape.outputs
        add("point", stored if shape.top else 0)  # times the step
        add("far", weight_bytes_of_floats(shape))
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
        weights = weight_bytes_of_floats(shape)
        add("tiles", group * tiles * tile * beyond(target.l1_bytes, tile + weights / len(sizes)))
        add("far", group * weights)
        for size in sizes:
            add_products(add, method, shape.inputs * across, size, group * turns * method.rows.products)
        add("from_rows", group * turns * block.vectors * shape.outputs * method.rows.products)
        stored = turns * block.vectors * shape.outputs
        add("table", group * (shape.inputs * (taps + BAND - 1) + BAND * shape.outputs))
        add("table", group * tiles * phases * shape.inputs * across)
    else:
        group = 1 / method.rows.outputs
        # the last tile may be narrow (`partial.turns_of`)
        made = ceil(columns / method.tile) if target.is_wasm else ceil(columns / lanes) / block.vectors
        add("into_both", group * made * method.tile / lanes * shape.inputs)
        tile = method.products * method.tile * shape.inputs * FLOAT_BYTES
        weights = weight_bytes_of_floats(shape)
        add("tiles", group * made * tile * beyond(target.l1_bytes, tile + weights / len(sizes)))
        add("far", group * weights)
        for size in sizes:
            add_products(add, method, shape.inputs, size, group * made * method.products)
        add("from_both", group * made * block.vectors * shape.outputs)
        stored = made * block.vectors * shape.outputs * phases
        add("table", group * (shape.inputs * (taps + BAND - 1) + BAND * shape.outputs))
    return stored
