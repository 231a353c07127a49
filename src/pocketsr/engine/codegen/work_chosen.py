"""Work of convolutions whose kernels are chosen: what `emit_chosen` and `emit_across` write, and `.._words` of both.

How often a vector is computed is a question of the picture: once for each class, or table of classes, among the pixels
of a turn. Counted is what was met on average in 150 of the training pictures at half their size. In a plan of several
phases the pixels of a turn lie as many columns apart, and are less alike.
"""

from __future__ import annotations

from functools import cache
from math import ceil, log2

import numpy as np

from pocketsr.engine.codegen.emit_across import Lanes, lanes_of
from pocketsr.engine.codegen.method import ACROSS_PIXELS, Storage
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.codegen.work_conv import add_products, blocks_of, weight_bytes_of_floats
from pocketsr.engine.codegen.work_integers import add_dots, parts_of, weight_bytes_of_integers
from pocketsr.engine.codegen.work_kinds import FLOAT_BYTES, Add, Shape

__all__ = ["CLASS_BYTES", "add_chosen", "classes_met", "weight_bytes_of_chosen"]

CLASS_BYTES = FLOAT_BYTES
"""Of a pixel's class, as it is stored."""

_PIXELS = (0, 2, 3, 4, 5)  # logarithms: 1, 4, 8, 16 and 32 pixels
_CLASSES = (8, 16, 32, 64)
# Classes among so many pixels, by how many there are: neighbours, and every fourth pixel (the four phases of a row)
_NEIGHBOURS = (
    (1, 1.98, 2.96, 4.29, 5.77),
    (1, 2.09, 3.24, 4.95, 7.22),
    (1, 2.28, 3.69, 5.94, 9.30),
    (1, 2.40, 3.97, 6.58, 10.68),
)
_APART = (
    (1, 2.69, 4.10, 5.72, 7.04),
    (1, 2.89, 4.69, 7.16, 9.98),
    (1, 3.13, 5.35, 8.80, 13.56),
    (1, 3.26, 5.75, 9.83, 16.01),
)
_TABLES = (1, 1.63, 2.10, 2.24), (1, 1.85, 2.58, 2.87)  # of 16 classes each among 32 pixels, of one to four tables


@cache
def classes_met(pixels: int, classes: int, phases: int) -> float:
    """How many of `classes` there are among `pixels` of a row, on average, `phases` columns apart."""
    table = _NEIGHBOURS if phases == 1 else _APART
    found = [np.interp(log2(pixels), _PIXELS, row) for row in table]
    return float(np.interp(classes, _CLASSES, found))


def _tables_met(tables: int, phases: int) -> float:
    return float(np.interp(tables, (1, 2, 3, 4), _TABLES[phases > 1]))


def weight_bytes_of_chosen(shape: Shape, target: Target) -> int:
    """Of all classes' weights; a table for a lookup is as long as a vector or two, whatever it holds."""
    if shape.method.across:
        lanes = sum(shape.method.across // vector.pixels for vector in _vectors_of(shape, phases=1))
        words = shape.words * parts_of(target)
        read = words if shape.method.reads is Storage.WORDS else shape.inputs // shape.groups
        return FLOAT_BYTES * shape.classes * lanes * read * shape.kernel[0] * shape.kernel[1]
    size = shape.method.lookup or 1
    kernels = ceil(shape.classes / size) * size
    floats = shape.method.reads is Storage.FLOATS
    return kernels * (weight_bytes_of_floats(shape) if floats else weight_bytes_of_integers(shape, target))


def add_chosen(add: Add, shape: Shape, phases: int, target: Target, columns: int) -> float:
    """The sums of a row of `columns` of each of `phases`. Returns the vectors of results."""
    if shape.method.across:
        return _add_across(add, shape, phases, target, columns)
    method, (taps, across) = shape.method, shape.kernel
    vectors, lookup, in_words = method.block.vectors, method.lookup, method.reads is Storage.WORDS
    turns = phases * ceil(columns / (vectors * target.lanes))
    tables = ceil(shape.classes / lookup) if lookup else shape.classes
    computed = _tables_met(tables, phases) if lookup else classes_met(vectors * target.lanes, shape.classes, phases)
    planes = (shape.words if in_words else shape.inputs // shape.groups) * taps * across
    sizes = blocks_of(shape, 1 if in_words else shape.groups)  # a word may hold channels of several groups
    for size in sizes:
        if in_words:
            add_dots(add, shape, target, size, turns * computed)
        else:
            add_products(add, method, planes, size, turns * computed)
        looked_up = planes + in_words if lookup else 0  # in words what sums start from, too
        picked = 1 if tables > 1 else 0
        add("chosen", turns * computed * size * vectors * (looked_up + picked))
    if tables > 1:  # which classes there are; in words anew for each block
        add("calls", turns * (len(sizes) if in_words else 1))
    add("far", weight_bytes_of_chosen(shape, target))
    stored = turns * vectors * shape.outputs
    if in_words:
        add("point", 2 * stored)  # made floats, times the step
        add("table", shape.words * taps * (1 + phases * across) + shape.outputs)
    else:
        add("point", stored if shape.top else 0)  # times the step
        add("table", shape.inputs * taps * (1 + phases * across) + shape.outputs)
    return stored


def _add_across(add: Add, shape: Shape, phases: int, target: Target, columns: int) -> float:
    """As `add_chosen`, where a vector is a pixel's output channels: the same work whatever the classes are."""
    method, (taps, across) = shape.method, shape.kernel
    in_words = method.reads is Storage.WORDS
    turns = phases * ceil(columns / (method.block.vectors * target.lanes))
    pixels = turns * method.block.vectors * target.lanes
    lines = (shape.words if in_words else shape.inputs // shape.groups) * taps
    for vector in _vectors_of(shape, phases):
        # Vectors of weights and of pixels, which neighbours share where they lie beside each other; two loads a cycle
        # are what limits floats.
        products = ACROSS_PIXELS * across // vector.pixels
        weights = ACROSS_PIXELS * across
        seen = across if vector.pixels == 2 else ACROSS_PIXELS + across - 1 if phases == 1 else products
        loads = (weights * (parts_of(target) if in_words else 1) + seen) / 2
        times = pixels / ACROSS_PIXELS
        if in_words:
            halves = (2 * products * parts_of(target)) if vector.pixels == 2 else 0  # put together, spread in both
            made = products * target.dot_cost + (3 * seen if parts_of(target) > 1 else 0) + halves
            add("dots", times * lines * max(loads, made / 2))
        else:
            add("products", times * lines * loads)
        add("calls", times)
        moved = pixels / target.lanes * method.across / vector.pixels  # vectors turned
        if vector.groups > 1:
            moved += turns * (method.block.vectors + 1) * target.lanes * lines
        add("chosen", moved)
    add("far", weight_bytes_of_chosen(shape, target))
    stored = turns * method.block.vectors * shape.outputs
    add("point", 2 * stored if in_words else stored if shape.top else 0)  # made floats, times the step
    planes = shape.words if in_words else shape.inputs
    add("table", planes * taps * (1 + phases * across) + shape.outputs)
    return stored


def _vectors_of(shape: Shape, phases: int) -> list[Lanes]:
    groups = 1 if shape.method.reads is Storage.WORDS else shape.groups  # a word may hold channels of several groups
    return lanes_of(shape.outputs, groups, shape.method.across, phases, shape.kernel[1])
