"""How one convolution runs: directly, by Winograd along the rows, or along rows and columns, in floats or in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import cache, lru_cache
from math import ceil
from typing import NamedTuple

import numpy as np

from pocketsr.engine.codegen.target import Target
from pocketsr.engine.codegen.winograd import Filter, minimal_filter
from pocketsr.engine.ir.graph import Conv, Integers

__all__ = [
    "ACROSS_PIXELS",
    "BAND",
    "CHANNELS_A_WORD",
    "DIRECT",
    "Block",
    "Method",
    "Storage",
    "choose_block",
    "choose_method",
    "choose_phases",
    "dots",
]

BAND = 4  # input rows a band: F(4, 3) makes four
CHANNELS_A_WORD = 4  # integers of a byte are stored four channels to a word, as dot products take them
ACROSS_PIXELS = (
    8  # pixels under way where a vector is one's output channels: each has a sum, and 8 keep both units busy
)
_BYTE = 255
_NARROW = 15  # sums of numbers up to this are started in bytes
_HALF = 65536  # what sums of 16 bits stay below
_UNROLLED = 128  # inputs of an inner loop that is written out
_WHOLE = 24  # times a kernel of three rows: its F(4, 3) at whole points is whole numbers
_CODE = 20_000  # sums that are written out, at most
_PHASES = 4  # F(4, 3) along the columns makes four neighbours, one of each phase
_REFERENCE_WIDTH = 640
_SPELLED_OUT = 4  # instructions for a dot product where none makes it alone
_LOOKED_UP = 16  # sums of a block whose weights are looked up: their classes, pixels and a table need registers too
_LOOKUP_LANES = 16  # of vectors whose numbers one instruction looks up, each in a table as long (AVX-512)


class Storage(Enum):
    """How the planes of a value are stored in memory."""

    FLOATS = "floats"
    WORDS = "words"  # integers below 256, four channels to a 32-bit word, the first in the lowest byte
    BYTES = "bytes"  # integers below 256, a plane a channel

    __hash__ = (
        object.__hash__
    )  # of each there is one: Enum's own hash, of its name, is Python's and a hundred ns slower


class Block(NamedTuple):
    """Registers of the inner loop: `channels` output channels by `vectors` vectors of pixels."""

    channels: int
    vectors: int


class Method(NamedTuple):
    """`rows` and `columns`: Winograd along that axis; None is direct. `tile`: columns of a phase at once.

    reads: how its inputs are stored. WORDS: four channels are multiplied and summed at once. BYTES: weights are
    instructions, sums and differences of whole vectors. lookup: where kernels are chosen, the numbers of a table that
    a vector of weights is looked up in; 0: each class is computed for itself. across: where kernels are chosen, the
    lanes of a vector that holds a pixel's output channels; 0: vectors hold pixels. apart: Winograd's parts are
    functions of their own, and biases are added to results in place of products. together: rows of a depthwise
    convolution that are summed at once; 0: it is none, or goes row by row.
    """

    block: Block
    rows: Filter | None = None
    columns: Filter | None = None
    tile: int = 0
    reads: Storage = Storage.FLOATS
    lookup: int = 0
    apart: bool = False
    across: int = 0
    together: int = 0

    @property
    def group_rows(self) -> int:
        """Rows of the result that are made at once."""
        return self.rows.outputs if self.rows else self.together or 1

    @property
    def products(self) -> int:
        """Products for each pair of channels and group of outputs."""
        return (self.rows.products if self.rows else 1) * (self.columns.products if self.columns else 1)


DIRECT = Method(Block(1, 1))
"""Of whatever is no convolution."""


@cache
def choose_block(channels: int, vectors_wanted: int, target: Target, multiple: int = 1) -> Block:
    """The register block with the fewest loads for each multiply-add that fits in the registers.

    Its channels are a multiple of `multiple`, or all that there are.

    Accumulators, one row of pixels and one weight have to fit: 12 x 2 on AVX-512 and NEON (32 registers), 4 x 3 or
    6 x 2 on AVX2 (16). Overhang at the reference width counts as lost work.
    """
    best, best_cost = Block(1, 1), float("inf")
    for rows in (*range(multiple, channels, multiple), channels):
        for vectors in range(1, 9):
            used = rows * vectors + vectors + 1
            if used > target.registers or vectors > max(2, vectors_wanted):
                continue
            blocks = ceil(channels / rows)
            overhang = ceil(vectors_wanted / vectors) * vectors / vectors_wanted
            # Two loads can start with two multiply-adds; unaligned pixel loads count double.
            loads = (2 * vectors + rows) / (rows * vectors)
            latency = max(1.0, 8 / (rows * vectors))  # 8 sums must be under way to keep both units busy
            cost = (blocks * rows / channels) * overhang * max(latency, 0.8 + 0.4 * loads)
            if cost < best_cost - 1e-9:
                best, best_cost = Block(rows, vectors), cost
    return best


@cache
def _best(shape: tuple[int, ...], groups: int, phases: int) -> str:
    """The method of the fewest cycles for a band and four vectors of columns, by the shape of the weights.

    Multiply-adds start two a cycle. Measured on Zen 5: an input channel's transform along the rows costs about 10
    cycles a vector and an output channel's about 12; along both axes 80 each for sixteen results.
    """
    outputs, inputs, taps, columns = shape
    pairs = inputs * outputs
    costs = {"direct": pairs * taps * columns * BAND * 4 / 2}
    if groups == 1 and taps in (3, 5):
        along = minimal_filter(BAND, taps).products
        costs["rows"] = pairs * columns * along * 4 / 2 + 40 * inputs + 48 * outputs
        if phases == _PHASES and taps == columns == 3:
            costs["both"] = pairs * along**2 / 2 + 80 * inputs + 80 * outputs
    return min(costs, key=lambda method: costs[method])


def choose_phases(convs: Sequence[Conv]) -> int:
    """4 where some convolution gains from Winograd along both axes, else 1.

    With its columns kept in four phases, four neighbouring results are four vectors, and transforms along the
    columns are sums of whole vectors as they are along the rows.
    """
    floats = [op for op in convs if op.integers is None and op.chosen is None]
    return _PHASES if any(_best(op.weight.shape, op.groups, _PHASES) == "both" for op in floats) else 1


def choose_method(op: Conv, scale: int, phases: int, target: Target) -> Method:
    """The method of the fewest estimated cycles, its register block, and a tile that fits the caches."""
    vectors = ceil(_REFERENCE_WIDTH * scale / phases / target.lanes)
    if op.chosen:
        return _choose_chosen(op, vectors, target)
    if op.integers is not None:
        return _choose_integers(op, op.integers, vectors, phases, target)
    return _choose_floats(op.weight.shape, op.groups, vectors, phases, target)


@cache
def _choose_floats(shape: tuple[int, ...], groups: int, vectors: int, phases: int, target: Target) -> Method:
    """shape: of the weights, CO CI/groups KH KW."""
    outputs, inputs, taps, columns = shape
    if inputs == 1 and groups > 1 and taps > 1:
        # sums, a row's pixels and a weight have to fit: 4 x 4 on AVX-512 and NEON, 4 x 3 on AVX2
        fit = (target.registers - 1) // (BAND + 1)
        return Method(Block(1, min(fit, 4, max(2, vectors))), together=BAND)
    block = choose_block(outputs // groups, vectors, target)
    best = _best(shape, groups, phases)
    step = block.vectors * target.lanes
    if best == "direct" or columns // 2 > target.lanes:
        return Method(block)
    rows = _filter(BAND, taps, target)
    if best == "rows":
        fit = int(0.7 * target.l1_bytes) // (rows.products * phases * inputs * groups * 4) - 2 * target.lanes
        return Method(block, rows, None, max(1, fit // step) * step)
    # All products of a tile stay in the caches: 2 vectors of 12 channels are 55 KB transformed, and the products of 6
    # output channels 27 KB. Measured on `small`: 6 x 2 5.4 ms, 4 x 2 5.6, 12 x 1 5.9, 12 x 2 6.0, 6 x 3 7.2.
    # In WebAssembly 4 x 2 is as fast as 6 x 2 with relaxed SIMD, and takes 0.9 times as long without, where V8 spills;
    # tiles of 4 and 6 vectors make no difference.
    apart = target.is_wasm and inputs <= _UNROLLED
    block = Block(ceil(outputs / ceil(outputs / (4 if target.is_wasm else 6))), 2)
    return Method(block, rows, _filter(phases, columns, target), 2 * target.lanes, apart=apart)


def _filter(outputs: int, taps: int, target: Target) -> Filter:
    found = minimal_filter(outputs, taps)
    return found.monic if target.is_wasm else found


def _choose_chosen(op: Conv, vectors: int, target: Target) -> Method:
    """By lookup with AVX-512, in tables as long as a vector or two, else across the channels of each pixel.

    For words a lookup needs dot products in one instruction.

    Measured on Zen 3 (AVX2), processor time of `steep-tiny` over `tiny`: 2.4 class after class, 1.4 across. AVX2's
    vpermps looks up too, among 8, but takes two cycles there: up to 14 % slower than class after class.

    Measured on Zen 4 (AVX-512), where a lookup and its multiply-add take 1.4 cycles among 16 classes, and 1.8 among 32,
    which takes another instruction: a table that is loaded once serves all vectors of a block. Of `steep-tiny`, as a
    share of what it took with tables read for each vector: 4 channels by 4 vectors 0.89, 8 by 2 0.96, 4 by 6 1.05 (sums
    no longer fit in registers).
    """
    assert op.chosen is not None
    in_words = op.integers is not None and op.integers.top <= _BYTE
    outputs = op.channels if in_words else op.channels // op.groups  # words may hold channels of several groups
    multiple = CHANNELS_A_WORD if op.integers else 1
    reads = Storage.WORDS if in_words else Storage.FLOATS
    if target.lanes == _LOOKUP_LANES and (not in_words or target.dot_cost < _SPELLED_OUT):
        size = target.lanes * (1 if len(op.chosen.weight) <= target.lanes else 2)
        block = Block(outputs, 4) if outputs <= _LOOKED_UP // 4 else Block(min(outputs, _LOOKED_UP // 2), 2)
        return Method(block, reads=reads, lookup=size)
    if target.lanes <= ACROSS_PIXELS and not (in_words and op.offsets is not None):
        turned = not in_words and op.groups > 1 and outputs <= target.lanes // 4
        return Method(
            Block(outputs, 4 * ACROSS_PIXELS // target.lanes if turned else ACROSS_PIXELS // target.lanes),
            reads=reads,
            across=target.lanes,
        )
    block = choose_block(outputs, vectors, target, multiple)
    return Method(Block(block.channels, min(block.vectors, 2)), reads=reads)


def dots(op: Conv, vectors: int, target: Target) -> Method:
    """By dot products of four channels."""
    return Method(choose_block(op.channels, vectors, target, CHANNELS_A_WORD), reads=Storage.WORDS)


@lru_cache(maxsize=1024)
def _magnitudes(weights: bytes, outputs: int) -> tuple[int, int, int]:
    """The sum of all magnitudes, that of the output channel with the largest sum, and the largest magnitude."""
    each = np.abs(np.frombuffer(weights, np.int8).astype(np.int64)).reshape(outputs, -1)
    return int(each.sum()), int(each.sum(axis=1).max()), int(each.max())


def _choose_integers(op: Conv, integers: Integers, vectors: int, phases: int, target: Target) -> Method:
    """Sums of whole vectors where few weights are other than zero and none is large, else dot products."""
    if integers.top > _BYTE:
        return Method(choose_block(op.channels // op.groups, vectors, target, CHANNELS_A_WORD))
    steps, most_steps, largest = _magnitudes(integers.weight.tobytes(), op.channels)
    wide = integers.top > _NARROW
    fits = most_steps * integers.top < _HALF and largest <= 2 and steps <= _CODE
    # Instructions for four vectors of pixels: a dot product takes `dot_cost` each, a sum has four times the lanes in
    # bytes, twice in halves. Every input is loaded and, for halves, widened.
    taps = op.weight.shape[2] * op.weight.shape[3]
    inputs = len(op.inputs) * taps
    sums = (2 if wide else 1) * (steps + inputs)
    words = ceil(len(op.inputs) / CHANNELS_A_WORD) * taps
    # what sums begin with is written into their instructions: not with offsets
    if phases == 1 and fits and op.offsets is None and sums < 4 * words * (op.channels * target.dot_cost + 1):
        most = target.registers // CHANNELS_A_WORD * CHANNELS_A_WORD - CHANNELS_A_WORD  # whole words, if several
        return Method(Block(min(op.channels, most), 2 if wide else 4), reads=Storage.BYTES)
    exact = _WHOLE * most_steps * integers.top < 2**31 and len(set(op.inputs)) == len(op.inputs)
    if target.is_wasm and op.groups == 1 and op.weight.shape[2] == 3 and phases == 1 and exact and words >= 2 * taps:
        return Method(Block(CHANNELS_A_WORD, 2), minimal_filter(BAND, 3), None, 32, Storage.WORDS, apart=True)
    return dots(op, vectors, target)
