"""C for the scratch memory of a strip: the record of a frame, rings of rows in it, and how a row is found."""

from __future__ import annotations

from pocketsr.engine.codegen.emit_chosen import SUM_ROWS
from pocketsr.engine.codegen.emit_pointwise import extent
from pocketsr.engine.codegen.emit_told import told_floats
from pocketsr.engine.codegen.emit_winograd import tile_floats
from pocketsr.engine.codegen.method import Storage
from pocketsr.engine.codegen.partial import BLOCK_COLUMNS, SPANS_KEPT
from pocketsr.engine.codegen.plan import Plan, Ring
from pocketsr.engine.ir.graph import Classes, Pad

__all__ = ["frame_record", "ring_functions", "rows_beyond"]


def _beyond(ring: Ring) -> str:
    """The row that stands for what lies outside a picture with a border of zeros: words of `beyond`, or floats."""
    return f"{ring.storage.value}_of_{ring.beyond}" if ring.beyond else "zero"


def rows_beyond(plan: Plan) -> dict[str, str]:
    """The name of each such row and what it is filled with."""
    rows = {"zero": "0.0f"}
    for ring in plan.rings.values():
        if ring.beyond and ring.pad is Pad.ZERO:
            number = f"word({ring.beyond * 0x01010101 - (ring.beyond > 127) * 2**32})"
            rows[_beyond(ring)] = f"{ring.beyond}.0f" if ring.storage is Storage.FLOATS else number
    return rows


def ring_functions(plan: Plan) -> str:
    """One function a value that finds its row y: in the ring, or beyond the border what a convolution sees there."""
    out = []
    for ring in plan.rings.values():
        v, height = ring.value, extent("h", ring.scale)
        edge = (
            f"y = y < 0 ? 0 : y >= {height} ? {height} - 1 : y;"
            if ring.pad is Pad.EDGE
            else f"if (y < 0 || y >= {height}) return f->{_beyond(ring)};"
        )
        stride = f"f->stride{ring.scale}"
        out.append(f"""INLINE float *v{v}_row(const frame *f, int y, int c)
{{
    return f->v{v} + ((ptrdiff_t)(y % {ring.rows}) * {ring.planes} + c) * {stride};
}}
INLINE const float *v{v}_at(const frame *f, int y, int c)
{{
    {edge}
    return v{v}_row(f, y, c);
}}
INLINE float *v{v}_to(const frame *f, int y, int c)
{{
    return y < 0 || y >= {height} ? f->trash : v{v}_row(f, y, c);
}}
""")
        if ring.halo:
            out.append(_border(ring, plan.phases))
    return "\n".join(out)


def _border(ring: Ring, phases: int) -> str:
    """Fills the columns beyond both borders of a row.

    Winograd along the columns sums all that a tile reads, also for results that don't depend on it: what the last
    tile sees beyond the picture must be of this row, not left over from earlier ones, even where it cancels out.
    """
    kind = "uint8_t" if ring.storage is Storage.BYTES else "float"
    outside = f"((const {kind} *)f->{_beyond(ring)})[0]"
    left, right = ("row[0]", "row[place(w - 1, phase)]") if ring.pad is Pad.EDGE else (outside, outside)
    tile = f"""    for (int i = {ring.halo}; i < {phases} * columns(f, {ring.scale}) + {ring.halo} - w; i++)
        row[place(w + i, phase)] = right;
"""
    return f"""/* {ring.halo} columns beyond both borders{", at the right of the last tile" if ring.tiled else ""} */
INLINE void v{ring.value}_border(const frame *f, float *at)
{{
    const int w = {extent("w", ring.scale)};
    const ptrdiff_t phase = f->phase{ring.scale};
    {kind} *const row = ({kind} *)at;
    const {kind} left = {left}, right = {right};
    for (int i = 0; i < {ring.halo}; i++) {{
        row[place(-1 - i, phase)] = left;
        row[place(w + i, phase)] = right;
    }}
{tile if ring.tiled else ""}}}
"""


def frame_record(plan: Plan) -> str:
    """The record that all steps are handed, and `lay_out`, which counts and places the memory."""
    scales = sorted({ring.scale for ring in plan.rings.values()})
    halo, span, widest = plan.halo, plan.span, scales[-1]
    tile = max(tile_floats(step, plan) for step in plan.steps)
    fields = "".join(
        f"    ptrdiff_t phase{s}, stride{s}; /* floats between phases and between rows at scale {s} */\n"
        for s in scales
    )
    fields += "".join(f"    float *v{v};\n" for v in plan.rings)
    # To the right of a row there is room for a whole turn of an inner loop, and for one vector more that it may read.
    strides = "".join(
        f"    f->phase{s} = (columns(f, {s}) + VL - 1) / VL * VL + {span + 2 * halo};\n"
        f"    f->stride{s} = {plan.phases} * f->phase{s};\n"
        f"    if (f->stride{s} / VL % 2 == 0) f->stride{s} += VL; /* rows spread over all sets of the cache */\n"
        for s in scales
    )
    places = "".join(
        f"    f->v{r.value} = base + used + {halo}; used += f->stride{r.scale} * {r.rows * r.planes};\n"
        for r in plan.rings.values()
    )
    told = told_floats(plan) if plan.graph.strengths else 0
    told_fields = "    float strength, *told; /* 0 to 1, and the biases for it */\n" if plan.graph.strengths else ""
    told_place = f"    f->told = base; used += {told};\n" if plan.graph.strengths else ""
    chooses = any(isinstance(step.op, Classes) for step in plan.steps)
    sums = f"    f->sums = base + used + {halo}; used += {SUM_ROWS} * f->stride1;\n" if chooses else ""
    outside = ", ".join(f"*{name}" for name in rows_beyond(plan))
    outside_places = "".join(
        f"    f->{name} = base + used + {halo}; used += f->stride{widest};\n" for name in rows_beyond(plan)
    )
    return f"""typedef struct {{ int from, to; }} span;

typedef struct {{
    int w, h;
    ptrdiff_t in_stride, in_plane, out_stride, out_plane;
    const void *in;
    void *out;
    float in_scale, out_scale, top; /* sample to value, value to sample, largest sample */
{fields}    float {outside}; /* rows that stand for what lies outside */
    float *trash, *tile{", *sums" if chooses else ""}; /* a row for what is outside and written, transformed rows{
        ", sums for classes" if chooses else ""
    } */
    const uint8_t *wanted; /* a mask of blocks; all are wanted where this is 0 */
    ptrdiff_t wanted_stride;
    int grows, above, under, beside; /* whether the mask is of changed blocks, and how far around they have an effect */
    int first_row, last_row; /* of the mask, that are this strip's */
    span *spans;
    uint8_t *any;
{told_fields}}} frame;

/* Where column c of a row is: element c / {plan.phases} of phase c % {plan.phases}. */
INLINE ptrdiff_t place(int c, ptrdiff_t phase)
{{
    return (c & {plan.phases - 1}) * phase + (c >> {plan.phases.bit_length() - 1});
}}

/* The columns of one phase at a scale. */
INLINE int columns(const frame *f, int scale)
{{
    return (scale * f->w + {plan.phases - 1}) / {plan.phases};
}}

/* Lays the rings out from `base`, each row with {halo} floats to spare at its left. Returns the floats needed. */
static size_t lay_out(frame *f, int w, int h, float *base)
{{
    ptrdiff_t used = 0;
    f->w = w;
    f->h = h;
{told_place}{strides}{places}{outside_places}    f->trash = base + used + {halo}; used += f->stride{widest};
    f->tile = base + used; used += {tile};
{sums}    f->spans = (span *)(void *)(base + used); used += w / {BLOCK_COLUMNS} + {8 + 2 * SPANS_KEPT};
    f->any = (uint8_t *)(void *)(base + used); used += w / 32 + 8;
    return (size_t)used;
}}
"""
