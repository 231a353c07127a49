"""Partial runs: which part of each step's result the wanted blocks of the output depend on, to the last bit.

Blocks of BLOCK_ROWS x BLOCK_COLUMNS input pixels are wanted or not. A step computes, of a row, the columns that wanted
blocks depend on (`spans` in the C). Without Winograd a result depends on the rows within the radius that is left. With
it a group of rows is made of a group of rows, and the last bits of each depend on all of them, also where their exact
value doesn't: there, band k of a step is needed for the bands up to k + prologue of the result. Likewise columns count
in elements of a phase, of which a tile is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from pocketsr.engine.codegen.method import BAND, Storage
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Classes, Combine, Conv, Op, Shuffle, window

__all__ = [
    "BLOCK_COLUMNS",
    "BLOCK_ROWS",
    "SPANS_KEPT",
    "Growth",
    "growth",
    "needs",
    "partial_functions",
    "seen_from",
    "spans_of",
    "turns_of",
    "written_spans",
]

SPANS_KEPT = 3  # of the memory for spans: what the ones behind them were asked for
BLOCK_ROWS = BAND
BLOCK_COLUMNS = 8
"""Of webcams at 300 kbit/s, `medium` and `quality` computed 64 and 83 % with blocks of 4x8, 1 point less with 2x8 and 7
and 2 points more with 4x16. A result of 8 columns starts on a whole element, whatever the phases."""


class Need(NamedTuple):
    """What is needed of a step's result around the wanted blocks.

    rows: above and below, in its own pixels; None: whole bands, by the prologue. columns: elements of a phase on both
    sides. spare: elements more that another step reads, whatever is in them.
    """

    rows: int | None
    columns: int
    spare: int = 0


class Growth(NamedTuple):
    """Blocks of the result that depend on a block of the input: so many above, below, and on either side of it."""

    above: int
    below: int
    beside: int


def _reads(op: Op) -> dict[int, tuple[int, int]]:
    """(rows, columns) around its own that `op` reads of each value."""
    rows, columns = (size // 2 for size in window(op))
    read = dict.fromkeys((ref.value for ref in op.inputs), (rows, columns))
    if isinstance(op, Conv) and op.chosen:
        read.setdefault(op.chosen.classes.value, (0, 0))
    if not isinstance(op, Shuffle):
        for stage in op.stages:
            if isinstance(stage, Combine):
                for ref in stage.other:
                    read.setdefault(ref.value, (0, 0))
    return read


def turns_of(step: Step, plan: Plan) -> list[int]:
    """How many vectors a turn of a convolution makes: as long as there are as many left of a span, its register
    block's; then two and one. One alone would be right, but has too few sums under way to be as quick.

    In WebAssembly all are alike: its modules run whole frames alone, and are downloaded.
    """
    method, op = step.method, step.op
    alike = plan.target.is_wasm or method.reads is Storage.BYTES or method.together
    if alike or not isinstance(op, Conv) or op.chosen:
        return [method.block.vectors]
    # Direct kernels have code of their own for each size, in which a compiler joins other multiplications and additions
    # of floats (seen with Zig 0.17): the last bits must not depend on where in a span a column lies.
    if method.rows is None and op.integers is None:
        return [method.block.vectors]
    return sorted({method.block.vectors, min(2, method.block.vectors), 1}, reverse=True)


def _turn(step: Step, plan: Plan) -> int:
    """Elements that one turn of the step's inner loop makes right, given what they depend on."""
    lanes, method = plan.target.lanes, step.method
    if isinstance(step.op, Shuffle):
        return 1  # copied sample by sample, no further than the span
    if not isinstance(step.op, Conv):
        return lanes
    if method.rows is None:
        return lanes * min(turns_of(step, plan))
    if method.columns:
        return method.tile // method.block.vectors * min(turns_of(step, plan))
    return lanes  # along the rows no more vectors are transformed than are needed


@lru_cache(maxsize=8)
def needs(plan: Plan) -> Mapping[int, Need]:
    """What is needed of each value that a step makes; 0 is the input."""
    found = {ref.value: Need(0, 0) for ref in plan.output}
    for step in reversed(plan.steps):
        op = step.op
        if op is None:
            break
        own = found[op.value]
        if isinstance(op, Conv) and step.method.rows:
            own = found[op.value] = own._replace(rows=None)
        if isinstance(op, Classes):  # a class beyond the ones that are needed is read: any, but a class
            widest = plan.span
            own = found[op.value] = own._replace(spare=widest)
        factor = op.factor if isinstance(op, Shuffle) else 1
        for value, (rows, columns) in _reads(op).items():
            more = ceil(own.columns / factor) + ceil(columns / plan.phases)
            up = None if own.rows is None else ceil(own.rows / factor) + rows
            seen = found.get(value, Need(0, 0))
            found[value] = Need(
                None if up is None or seen.rows is None else max(seen.rows, up), max(seen.columns, more)
            )  # fmt: skip
    return found


def _output(plan: Plan) -> tuple[int, int]:
    """Scale and delay of the planes that are written."""
    rings = [plan.rings[ref.value] for ref in plan.output]
    return rings[0].scale, max(ring.delay for ring in rings)


def growth(plan: Plan) -> Growth:
    """How far a changed block of the input reaches."""
    need = needs(plan)[0]
    beside = ceil(need.columns * plan.phases / BLOCK_COLUMNS)
    if need.rows is not None:
        around = ceil(need.rows / BLOCK_ROWS)
        return Growth(around, around, beside)
    scale, delay = _output(plan)
    # Rows [4j, 4j + 4) of the picture lie in bands j + first to j + last of the result.
    first, last = delay // (BAND * scale), (delay + BAND * scale - 1) // (BAND * scale)
    return Growth(last, plan.steps[0].prologue - first, beside)


def _rows_for(step: Step, plan: Plan, row: str, count: int) -> str:
    """C: the first and the last row of the picture for whose blocks rows [row, row + count) of the step are needed."""
    value = step.op.value if step.op else 0
    ring, need, whole = plan.rings[value], needs(plan)[value], needs(plan)[0].rows is None
    if need.rows is not None and not whole:
        return f"below({row} - {need.rows}, {ring.scale}), below({row} + {need.rows + count - 1}, {ring.scale})"
    scale, delay = _output(plan)
    unit = BAND * scale
    last = unit * (step.prologue + 1) - delay - 1
    return f"below({unit} * k - {delay}, {scale}), below({unit} * k + {last}, {scale})"


def seen_from(plan: Plan) -> tuple[int, int, int]:
    """How far from what is needed for a row of the result the input may have changed: rows of the picture above it
    and below, elements of a phase on either side."""
    need = needs(plan)[0]
    if need.rows is not None:
        return need.rows, need.rows, need.columns
    scale, delay = _output(plan)
    return BAND * plan.steps[0].prologue - delay // scale, ceil(delay / scale), need.columns


def spans_of(step: Step, plan: Plan, row: str, count: int) -> str:
    """A C expression: the spans of columns that are needed of rows [row, row + count) of a step."""
    value = step.op.value if step.op else 0
    need = needs(plan)[value]
    scale = plan.rings[value].scale
    more = need.columns + need.spare
    return f"spans(f, {_rows_for(step, plan, row, count)}, {scale}, {more}, {_turn(step, plan)})"


def written_spans(plan: Plan, row: str) -> str:
    """Of a row of the planes that are written: the wanted blocks and nothing else, or all that has been computed."""
    scale = _output(plan)[0]
    last = next(step for step in reversed(plan.steps) if (step.op.value if step.op else 0) == plan.output[0].value)
    computed, exact = _rows_for(last, plan, row, 1), f"{row} / {scale}"
    first, end = computed.split("), ")
    return (
        f"spans(f, f->grows ? {first}) : {exact}, f->grows ? {end} : {exact}, {scale}, 0, 1)"
    )  # fmt: skip


def partial_functions(plan: Plan) -> str:
    """The spans of a row, from the mask of wanted blocks; what is called from outside to make a mask."""
    name, phases = plan.graph.name, plan.phases
    above, below, beside = growth(plan)
    side, height = BLOCK_COLUMNS, BLOCK_ROWS
    return f"""/* Columns [from, to) of a row in elements of a phase; the last of several is empty. */
#define EACH(x, turn) \\
    for (const span *own = needed; own->from < own->to; own++) \\
        for (int x = own->from, until = own->to; x < until; x += (turn))

/* a / b, rounded down */
INLINE int below(int a, int b) {{ return a >= 0 ? a / b : -((b - 1 - a) / b); }}

/* The spans at a scale that the blocks of rows [first, last] of the picture need, with `more` elements on both sides,
   or that changed blocks as far away have an effect on as well; whole rows without a mask. A span is computed in turns
   of `turn` elements: the next one begins behind. Rows of one band often need the same: what was asked last is kept. */
static const span *spans(const frame *f, int first, int last, int scale, int more, int turn)
{{
    const int n = columns(f, scale), blocks = (f->w + {side - 1}) / {side};
    span *const kept = f->spans, *to = kept + {SPANS_KEPT};
    if (!f->wanted) {{
        to[0] = (span){{0, n}};
        to[1] = (span){{0, 0}};
        return to;
    }}
    first -= f->above;
    last += f->under;
    more += scale * f->beside;
    if (first < f->first_row) first = f->first_row;
    if (last > f->last_row) last = f->last_row;
    int end = 0;
    const int top = first <= last ? first / {height} : 1, bottom = first <= last ? last / {height} : 0;
    const span asked[{SPANS_KEPT}] = {{{{top, bottom}}, {{more, turn}}, {{0, scale}}}};
    int new = 0;
    for (int i = 0; i < {SPANS_KEPT}; i++) new |= (kept[i].from != asked[i].from) | (kept[i].to != asked[i].to);
    if (!new) return to;
    for (int i = 0; i < {SPANS_KEPT}; i++) kept[i] = asked[i];
    if (top <= bottom) {{
        const uint8_t *any = f->wanted + top * f->wanted_stride;
        if (top < bottom) {{
            uint8_t *restrict const all = f->any; /* bytes may be anything's: else it is read again for each */
            for (ptrdiff_t i = 0; i < blocks; i++) all[i] = any[i]; /* no memcpy on Windows without a library */
            for (int y = top + 1; y <= bottom; y++) {{
                const uint8_t *restrict const row = f->wanted + y * f->wanted_stride;
                for (int i = 0; i < blocks; i++) all[i] |= row[i];
            }}
            any = all;
        }}
        for (int i = 0; i < blocks; i++) {{
            uint64_t eight = 1;
            if (i + 8 <= blocks) __builtin_memcpy(&eight, any + i, 8);
            if (!eight) i += 7;
            if (!eight || !any[i]) continue;
            int from = {side} * scale * i / {phases} - more;
            while (i < blocks && any[i]) i++;
            const int until = least(n, {side} * scale * i / {phases} + more);
            if (from < end) from = end;
            if (from >= until) continue;
            *to++ = (span){{from, until}};
            end = from + (until - from + turn - 1) / turn * turn;
        }}
    }}
    *to = (span){{0, 0}};
    return kept + {SPANS_KEPT};
}}

void {name}_changes(const void *a, ptrdiff_t a_stride, const void *b, ptrdiff_t b_stride, int w, int h, int bytes,
    uint8_t *changed, ptrdiff_t changed_stride)
{{
    const ptrdiff_t width = (ptrdiff_t)w * bytes, block = {side} * bytes;
    for (int y = 0; y < h; y++) {{
        const uint8_t *p = (const uint8_t *)a + y * a_stride, *q = (const uint8_t *)b + y * b_stride;
        uint8_t *to = changed + y / {height} * changed_stride;
        ptrdiff_t x = 0;
        for (; x + block <= width; x += block, to++) {{
            uint64_t found = 0;
            for (ptrdiff_t i = 0; i < block; i += 8) {{
                uint64_t one, other;
                __builtin_memcpy(&one, p + x + i, 8);
                __builtin_memcpy(&other, q + x + i, 8);
                found |= one ^ other;
            }}
            *to |= found != 0;
        }}
        for (; x < width; x++) *to |= p[x] != q[x];
    }}
}}

void {name}_wanted(int w, int h, const uint8_t *changed, ptrdiff_t changed_stride, uint8_t *wanted,
    ptrdiff_t wanted_stride)
{{
    const int columns = (w + {side - 1}) / {side}, rows = (h + {height - 1}) / {height};
    for (int y = 0; y < rows; y++) {{
        uint8_t *to = wanted + y * wanted_stride;
        for (int x = 0; x < columns; x++) to[x] = 0;
        for (int from = y - {below} < 0 ? 0 : y - {below}; from <= y + {above} && from < rows; from++)
            for (int x = 0; x < columns; x++) to[x] |= changed[from * changed_stride + x] != 0;
        for (int x = 0, left = 0; x < columns; x++) {{ /* to the right: 2 where it was, 1 where it reaches */
            left = to[x] ? {beside} + 1 : left - (left > 0);
            to[x] = (uint8_t)(2 * (to[x] != 0) + (left > 0));
        }}
        for (int x = columns - 1, left = 0; x >= 0; x--) {{
            left = to[x] & 2 ? {beside} + 1 : left - (left > 0);
            to[x] = (uint8_t)((to[x] & 1) | (left > 0));
        }}
    }}
}}
"""
