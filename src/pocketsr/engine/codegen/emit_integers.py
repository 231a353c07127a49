"""C for integer convolutions, and for storing integers: four channels to a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.codegen.emit_pointwise import array, indent, inverse, stages_code, tap_planes
from pocketsr.engine.codegen.emit_rows import by_lanes, by_matrices, even, one_by_one, words_by_pairs
from pocketsr.engine.codegen.emit_told import is_told, told_starts
from pocketsr.engine.codegen.method import CHANNELS_A_WORD, Storage
from pocketsr.engine.codegen.partial import turns_of
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Conv, Integers, Pointwise, Quantize, Ref

__all__ = [
    "by_words",
    "count_words",
    "dense_weights",
    "finished",
    "in_turns",
    "stored",
    "until",
    "word_blocks",
    "words_body",
    "words_of",
    "words_tables",
]

_COPY = Quantize(1.0, 0, 255)  # what a pointwise operation without stages does to integers


def words_of(inputs: Sequence[Ref]) -> tuple[Ref, ...]:
    """The words that hold `inputs`: a Ref whose channel is the word's number."""
    return tuple(dict.fromkeys(Ref(ref.value, ref.channel // CHANNELS_A_WORD) for ref in inputs))


def count_words(inputs: Sequence[Ref]) -> int:
    """How many words hold `inputs`."""
    return len({(ref.value, ref.channel // CHANNELS_A_WORD) for ref in inputs})


def dense_weights(weight: NDArray[np.int8], groups: int) -> NDArray[np.int64]:
    """Weights (CO CI/groups KH KW) by output channel, input, row and column; zeros between groups."""
    per_group, outputs = weight.shape[1], weight.shape[0] // groups
    dense = np.zeros((weight.shape[0], groups * per_group, *weight.shape[2:]), np.int64)
    for group in range(groups):
        own = slice(group * outputs, (group + 1) * outputs)
        dense[own, group * per_group : (group + 1) * per_group] = weight[own]
    return dense


def by_words(op: Conv, integers: Integers) -> NDArray[np.int64]:
    """Weights by output channel, word, place in the word, row and column."""
    words = {ref: index for index, ref in enumerate(words_of(op.inputs))}
    found = np.zeros((op.channels, len(words), CHANNELS_A_WORD, *op.weight.shape[2:]), np.int64)
    for ref, weight in zip(op.inputs, dense_weights(integers.weight, op.groups).swapaxes(0, 1), strict=True):
        found[:, words[Ref(ref.value, ref.channel // CHANNELS_A_WORD)], ref.channel % CHANNELS_A_WORD] += weight
    return found


def word_blocks(op: Conv, step: Step) -> list[tuple[int, int]]:
    """(first channel, channels) of each register block."""
    size = step.method.block.channels
    return [(first, min(size, op.channels - first)) for first in range(0, op.channels, size)]


def words_tables(name: str, op: Conv, step: Step, plan: Plan) -> str:
    """Weights in the order in which the inner loops read them: block, word, row, column, output channel."""
    assert op.integers is not None
    if plan.target.matrices:
        return matrices_tables(name, op, step, plan)
    dense = by_words(op, op.integers)
    rows = [
        "    " + ", ".join(f"WORDS({', '.join(map(str, four))})" for four in line)
        for first, count in word_blocks(op, step)
        for line in dense[first : first + count].transpose(1, 3, 4, 0, 2).reshape(-1, count, CHANNELS_A_WORD)
    ]
    size = dense.size // CHANNELS_A_WORD
    told = is_told(step)
    # what is loaded for a row after the last one
    beyond = f" + {step.method.block.channels + CHANNELS_A_WORD}" if plan.target.has_sdot else ""
    starts = zip(op.integers.start, dense.sum(axis=(1, 2, 3, 4)), strict=True)
    start = ", ".join(f"START({b}, {s})" for b, s in starts)
    return (
        f"static const int32_t {name}_weight[{size} * PARTS{beyond}] __attribute__((aligned(64))) = {{\n"
        + ",\n".join(rows)
        + f"}};\nstatic const int32_t {name}_{'from' if told else 'start'}[{op.channels}] = {{{start}}};\n"
        + (told_starts(name, op, step, plan) if told else "")
        + array(f"{name}_step", op.integers.step)
    )


def matrices_tables(name: str, op: Conv, step: Step, plan: Plan) -> str:
    """The same for products of matrices (`matrices.h`), whose sums start from the bias alone."""
    assert op.integers is not None
    dense, told = by_words(op, op.integers), is_told(step)
    rows = [
        "    " + ", ".join(f"FOUR_BYTES({', '.join(map(str, four))})" for four in line)
        for first, count in word_blocks(op, step)
        for line in words_by_pairs(dense[first : first + count])
    ]
    return (
        f"static const int32_t {name}_weight[] __attribute__((aligned(64))) = {{\n"
        + ",\n".join(rows)
        + f"}};\nstatic const int32_t {name}_{'from' if told else 'start'}[{op.channels}] = "
        + f"{{{', '.join(str(int(b)) for b in op.integers.start)}}};\n"
        + (told_starts(name, op, step, plan) if told else "")
        + array(f"{name}_step", op.integers.step)
    )


def words_body(name: str, op: Conv, step: Step, plan: Plan) -> list[str]:
    """Sums over words in registers, channels x vectors of them; `in` holds the rows of the words."""
    taps, columns = op.weight.shape[2:]
    words = len(words_of(op.inputs))
    total = words * taps * columns
    lines = [
        f"    for (int p = 0; p < {plan.phases}; p++) {{",
        *tap_planes(words, taps, columns),
    ]
    matrices = plan.target.matrices
    inner = by_matrices if matrices else by_lanes if plan.target.has_sdot else one_by_one
    done = 0
    for first, count in word_blocks(op, step):

        def turn(vectors: int, first: int = first, count: int = count, done: int = done) -> list[str]:
            return [
                f"vi sum[{count}][{vectors}];",
                f"const int32_t *w = {name}_weight + {done}{'' if matrices else ' * PARTS'};",
                f"UNROLL for (int j = 0; j < {count}; j++)",
                f"    UNROLL for (int v = 0; v < {vectors}; v++)",
                f"        sum[j][v] = {name}_start[{first} + j] - (vi){{0}};",
                *[line.removeprefix("        ") for line in inner(total, count, vectors)],
                *finished(name, op, plan, first, count, vectors, "p * phase + x + v * VL"),
            ]

        lines.append(f"    /* channels {first} to {first + count - 1} */")
        lines += indent(in_turns(turn, turns_of(step, plan)), 1)
        done += even(count) * even(total) if matrices else count * total
    return [*lines, "    }"]


def in_turns(turn: Callable[[int], list[str]], sizes: Sequence[int], x: str = "x") -> list[str]:
    """The spans of a row in turns of so many vectors (`turns_of`).

    turn: statements that make columns from the one named `x` on, of so many vectors.
    """
    if len(sizes) == 1:
        return [f"EACH({x}, {sizes[0]} * VL) {{", *indent(turn(sizes[0]), 1), "}"]
    lines = ["for (const span *own = needed; own->from < own->to; own++) {", f"    int {x} = own->from;"]
    return [*lines, *indent(until(turn, sizes, x, "own->to"), 1), "}"]


def until(turn: Callable[[int], list[str]], sizes: Sequence[int], x: str, end: str) -> list[str]:
    """Columns from the one named `x` to `end`, in turns of so many vectors."""
    lines = []
    for size in sizes:
        lines += [f"for (; {end} - {x} > {size - 1} * VL; {x} += {size} * VL) {{", *indent(turn(size), 1), "}"]
    return lines


def finished(
    name: str, op: Conv, plan: Plan, first: int, count: int, vectors: int, at: str, row: str = "0"
) -> list[str]:
    """Statements that put `sum[count][vectors]` through the stages of channels from `first` on, and into row `row`."""
    return [
        f"UNROLL for (int v = 0; v < {vectors}; v++) {{",
        f"    const ptrdiff_t at = {at};",
        *(["    vf four[4] = {{0}};"] if plan.rings[op.value].storage is Storage.WORDS else []),
        f"    UNROLL for (int j = 0; j < {count}; j++) {{",
        f"        vf y = times(__builtin_convertvector(sum[j][v], vf), SPLAT({name}_step[{first} + j]));",
        *indent(stored(name, op, plan, f"{first} + j", "j", f"out[{row}]", row), 2),
        "    }",
        "}",
    ]


def stored(
    name: str, op: Conv | Pointwise, plan: Plan, channel: str, place: str, out: str = "out[0]", row: str = "0"
) -> list[str]:
    """Statements that put `y` of output `channel` through the stages and into its row.

    place: the channel's number from the start of a word on. row: of those that a combination reads. Where the ring
    holds words, `four` gathers those of one.
    """
    ring = plan.rings[op.value]
    if ring.storage is Storage.BYTES:
        last = op.stages[-1] if op.stages else _COPY
        assert isinstance(last, Quantize)
        return [
            *stages_code(name, op.stages[:-1], channel, row, "at", plan.formats),
            *_scaled(last),
            f"store_bytes({out}[{channel}], at, quantized(y, {last.zero}, {last.top}));",
        ]
    if ring.storage is Storage.FLOATS:
        return [*stages_code(name, op.stages, channel, row, "at", plan.formats), f"store({out}[{channel}] + at, y);"]
    last = op.stages[-1] if op.stages else _COPY
    assert isinstance(last, Quantize)
    place = f"{place} % {CHANNELS_A_WORD}"
    end = f"{place} == {CHANNELS_A_WORD - 1}"
    if op.channels % CHANNELS_A_WORD:
        end += f" || {channel} == {op.channels - 1}"
    to = f"{out}[({channel}) / {CHANNELS_A_WORD}] + at"
    return [
        *stages_code(name, op.stages[:-1], channel, row, "at", plan.formats),
        *_scaled(last),
        f"four[{place}] = y;",
        f"if ({end}) store_words({to}, quantized4(four, {last.zero}, {last.top}));",
    ]


def _scaled(last: Quantize) -> list[str]:
    return [] if last.step == 1 else [f"y = times(y, SPLAT({inverse(last.step)}));"]
