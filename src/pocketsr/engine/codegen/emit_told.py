"""C for biases that depend on the strength that the network is told (`ir.strength`).

They are calculated once a run, into scratch memory of that run, in the layout in which the inner loops read biases that
are constants: there a pointer to them has the name of the constant table, and costs nothing more. Threads that run at
once, with other strengths or the same, each have their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.codegen.emit_pointwise import Part, array
from pocketsr.engine.codegen.method import Storage
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Conv

__all__ = [
    "is_told",
    "spread_of",
    "tell_all",
    "told_biases",
    "told_floats",
    "told_functions",
    "told_pointer",
    "told_starts",
]

_ALIGNED = 16  # floats: each table begins a line of the cache

_FUNCTIONS = """#define UNUSED static __attribute__((unused))

/* What lies on the line between two of {count} rows of numbers, evenly spaced from strength 0 to 1. Double precision
   holds each product here: the bits are the same whether it is contracted with a sum or not. */
UNUSED double told(const float *knots, int channels, float strength)
{{
    const double at = (double)strength * {last};
    int k = (int)at;
    k = k < 0 ? 0 : k > {last} - 1 ? {last} - 1 : k;
    knots += (ptrdiff_t)k * channels;
    return (double)knots[0] + (at - k) * (double)(knots[channels] - knots[0]);
}}

/* The nearest integer, halves to even */
UNUSED int32_t told_integer(const float *knots, int channels, float strength)
{{
    const double number = told(knots, channels, strength);
    const int32_t whole = (int32_t)number;
    const double rest = number - whole;
    if (rest > 0.5 || (rest == 0.5 && (whole & 1))) return whole + 1;
    if (rest < -0.5 || (rest == -0.5 && (whole & 1))) return whole - 1;
    return whole;
}}

/* to[t][j] = spread[t] times the bias of channel j */
UNUSED void told_biases(float *to, const double *spread, int n, int count, const float *knots, int channels,
    float strength)
{{
    for (int j = 0; j < count; j++) {{
        const double number = told(knots + j, channels, strength);
        for (int t = 0; t < n; t++) to[t * count + j] = (float)(spread[t] * number);
    }}
}}

/* Integers in floats, from what they are without a strength */
UNUSED void told_sums(float *to, const float *from, const float *knots, int channels, float strength)
{{
    for (int c = 0; c < channels; c++) to[c] = from[c] + (float)told_integer(knots + c, channels, strength);
}}

/* Integers, `size` classes of a channel side by side */
UNUSED void told_starts(int32_t *to, const int32_t *from, int tables, int size, const float *knots, int channels,
    float strength)
{{
    for (int c = 0; c < channels; c++) {{
        const int32_t more = told_integer(knots + c, channels, strength);
        for (int t = 0; t < tables; t++)
            for (int e = 0; e < size; e++) {{
                const ptrdiff_t at = ((ptrdiff_t)t * channels + c) * size + e;
                to[at] = from[at] + more;
            }}
    }}
}}
"""


def is_told(step: Step) -> bool:
    """Whether a step's biases depend on the strength."""
    return isinstance(step.op, Conv) and step.op.offsets is not None


def _size(step: Step) -> int:
    """Numbers in a step's table."""
    op, method = step.op, step.method
    assert isinstance(op, Conv)
    if op.chosen and method.reads is Storage.WORDS:
        size = method.lookup or 1
        return -(-len(op.chosen.weight) // size) * size * op.channels
    return (1 if method.apart else method.products) * op.channels


def _places(plan: Plan) -> dict[int, int]:
    """Where the table of each convolution begins, by its value; the last entry, of -1, is where all end."""
    places, used = {}, 0
    for step in plan.steps:
        if is_told(step):
            assert step.op is not None
            places[step.op.value] = used
            used += -(-_size(step) // _ALIGNED) * _ALIGNED
    return places | {-1: used}


def told_floats(plan: Plan) -> int:
    """Floats of scratch memory for all tables."""
    return _places(plan)[-1]


def spread_of(step: Step) -> NDArray[np.float64]:
    """By what a bias is multiplied for each of a convolution's products: 1 where it is added to results."""
    spread = np.ones(1)
    if step.method.apart:
        return spread
    for each in (step.method.rows, step.method.columns):
        if each:
            spread = np.outer(spread, each.ones).ravel()
    return spread


def told_functions(plan: Plan) -> list[str]:
    """What fills the tables; nothing for other networks."""
    if not plan.graph.strengths:
        return []
    return [_FUNCTIONS.format(count=plan.graph.strengths, last=plan.graph.strengths - 1)]


def told_pointer(name: str, step: Step, plan: Plan) -> list[str]:
    """The statement, at the head of a step, that stands for its constant table."""
    if not is_told(step):
        return []
    assert step.op is not None
    place = f"f->told + {_places(plan)[step.op.value]}"
    if step.method.reads is Storage.WORDS:
        return [f"    const int32_t *const {name}_start = (const int32_t *)(const void *)({place});"]
    return [f"    const float *const {name}_bias = {place};"]


def told_biases(name: str, op: Conv, step: Step, plan: Plan, blocks: list[Part], starts: NDArray[Any]) -> str:
    """What fills the table of a convolution that reads floats. starts: of integers, without a strength."""
    assert op.offsets is not None
    place = _places(plan)[op.value]
    if op.integers is not None:
        assert op.integers.offsets is not None
        tables = array(f"{name}_from", starts) + array(f"{name}_knots", op.integers.offsets)
        calls = [f"told_sums(f->told + {place}, {name}_from, {name}_knots, {op.channels}, f->strength);"]
        return tables + _teller(name, calls)
    spread = spread_of(step)
    numbers = ", ".join(repr(float(each)) for each in spread)
    tables = f"static const double {name}_spread[{len(spread)}] = {{{numbers}}};\n"
    tables += array(f"{name}_knots", op.bias + op.offsets)
    calls = [
        f"told_biases(f->told + {place + len(spread) * first}, {name}_spread, {len(spread)}, {count}, "
        f"{name}_knots + {first}, {op.channels}, f->strength);"
        for _, first, count, _ in blocks
    ]
    return tables + _teller(name, calls)


def told_starts(name: str, op: Conv, step: Step, plan: Plan) -> str:
    """What fills the table of a convolution that reads words, from its constant one, NAME_from."""
    assert op.integers is not None
    assert op.integers.offsets is not None
    size = step.method.lookup or 1 if op.chosen else 1
    to = f"(int32_t *)(void *)(f->told + {_places(plan)[op.value]})"
    tables = _size(step) // op.channels // size
    call = f"told_starts({to}, {name}_from, {tables}, {size}, {name}_knots, {op.channels}, f->strength);"
    return array(f"{name}_knots", op.integers.offsets) + _teller(name, [call])


def _teller(name: str, calls: list[str]) -> str:
    body = "\n".join(f"    {call}" for call in calls)
    return f"static void {name}_tell(const frame *f)\n{{\n{body}\n}}\n"


def tell_all(names: Iterator[str]) -> str:
    """The statements that fill all tables, before a run; one a step of those names."""
    return "".join(f"    {name}_tell(f);\n" for name in names)
