"""Plan to C: the frame, the rings, the schedule; kernels are in `emit_conv` and `emit_planes`."""

from __future__ import annotations

import re
from importlib.resources import files

from pocketsr.engine.codegen.emit_conv import conv_function, dot_shapes
from pocketsr.engine.codegen.emit_dot import dot_function, winograd_functions
from pocketsr.engine.codegen.emit_planes import (
    PIXELS,
    load_function,
    pointwise_function,
    shuffle_function,
    store_function,
)
from pocketsr.engine.codegen.emit_pointwise import extent, rounds
from pocketsr.engine.codegen.emit_winograd import tile_floats
from pocketsr.engine.codegen.method import BAND, Storage
from pocketsr.engine.codegen.plan import Plan, Ring, Step
from pocketsr.engine.ir.graph import Conv, Pad, Pointwise, Shuffle
from pocketsr.engine.ir.pointwise import curve_code
from pocketsr.names import API, comment

__all__ = ["describe", "emit", "emit_header"]


def step_name(index: int, step: Step) -> str:
    """The C function of a step: its place in the schedule and its name in the ONNX file.

    In a file called step1.onnx, a node called u8 would take the name of what is called from outside.
    """
    label = "read" if step.op is None else re.sub(r"[^A-Za-z0-9]", "_", step.op.name[:60]).strip("_")
    return f"step{index}_{label}{'_' * label.endswith(API)}"


def _describe(step: Step, plan: Plan) -> str:
    op = step.op
    if op is None:
        return "the input as floats"
    note = f"'{comment(op.name)}': " + (f"{len(op.inputs)} -> {op.channels} channels")
    if isinstance(op, Conv):
        method = step.method
        how = f"Winograd F({method.rows.outputs}, {method.rows.taps}) along the rows" if method.rows else "direct"
        how += f", integers in {method.reads.value}" if op.integers else ""
        how += f" and F({method.columns.outputs}, {method.columns.taps}) along the columns" if method.columns else ""
        groups = f", {op.groups} groups" if op.groups > 1 else ""
        note += f", {op.weight.shape[2]}x{op.weight.shape[3]}{groups}, {how}"
        note += f", {method.block.channels} channels x {method.block.vectors} vectors in registers"
        note += f", tiles of {method.tile} columns" if method.tile else ""
        note += ", edges replicated" if op.pad is Pad.EDGE else ""
    stages = "" if isinstance(op, Shuffle) else "".join(f", {type(stage).__name__}" for stage in op.stages)
    delay = plan.rings[op.value].delay
    return f"{note}{stages}; delay {delay} rows, ring of {plan.rings[op.value].rows}, prologue {step.prologue} bands"


def describe(plan: Plan) -> str:
    """The plan in words, a line a step."""
    return "\n".join(f"{step_name(i, step)}: {_describe(step, plan)}" for i, step in enumerate(plan.steps))


def _beyond(ring: Ring) -> str:
    """The row that stands for what lies outside a picture with a border of zeros: words of `beyond`, or floats."""
    return f"{ring.storage.value}_of_{ring.beyond}" if ring.beyond else "zero"


def _rows_beyond(plan: Plan) -> dict[str, str]:
    """The name of each such row and what it is filled with."""
    rows = {"zero": "0.0f"}
    for ring in plan.rings.values():
        if ring.beyond and ring.pad is Pad.ZERO:
            number = f"word({ring.beyond * 0x01010101 - (ring.beyond > 127) * 2**32})"
            rows[_beyond(ring)] = f"{ring.beyond}.0f" if ring.storage is Storage.FLOATS else number
    return rows


def _rings(plan: Plan) -> str:
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


def _frame(plan: Plan) -> str:
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
    outside = ", ".join(f"*{name}" for name in _rows_beyond(plan))
    outside_places = "".join(
        f"    f->{name} = base + used + {halo}; used += f->stride{widest};\n" for name in _rows_beyond(plan)
    )
    return f"""typedef struct {{
    int w, h;
    ptrdiff_t in_stride, in_plane, out_stride, out_plane;
    const void *in;
    void *out;
    float in_scale, out_scale, top; /* sample to value, value to sample, largest sample */
{fields}    float {outside}; /* rows that stand for what lies outside */
    float *trash, *tile; /* a row for what is outside and written, transformed rows */
}} frame;

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
{strides}{places}{outside_places}    f->trash = base + used + {halo}; used += f->stride{widest};
    f->tile = base + used; used += {tile};
    return (size_t)used;
}}
"""


def _schedule(plan: Plan) -> str:
    lines = []
    longest = max(step.prologue for step in plan.steps)
    for index, step in enumerate(plan.steps):
        call = "read(f, k)" if step.op is None else f"{step_name(index, step)}(f, k)"
        guard = f"if (k >= first - {step.prologue}) " if step.prologue < longest else ""
        lines.append(f"        {guard}{call};")
    body = "\n".join(lines)
    return f"""/* Bands [first, last) of the result; earlier bands fill the rings. */
static void run(frame *f, void (*read)(const frame *, int), void (*write)(const frame *, int), int first, int last)
{{
    for (int k = first - {longest}; k < last; k++) {{
{body}
        if (k >= first) write(f, k);
    }}
}}
"""


def _signature(name: str, pixel: str, kind: str) -> str:
    max_value = "int max_value, " if kind == "u16" else ""
    return (
        f"void {name}_{kind}(const {pixel} *in, ptrdiff_t in_stride, ptrdiff_t in_plane, {pixel} *out, "
        f"ptrdiff_t out_stride, ptrdiff_t out_plane,\n    int w, int h, {max_value}int first, int last, void *scratch)"
    )


def _entries(plan: Plan) -> str:
    name, graph = plan.graph.name, plan.graph
    scales = graph.scales()
    output_scale = scales[plan.output[0].value]
    delay = max(plan.rings[ref.value].delay for ref in plan.output)
    unit = BAND * output_scale
    widest = max(ring.scale for ring in plan.rings.values())
    fill = "\n".join(
        f"    for (ptrdiff_t i = 0; i < f.stride{widest}; i++) f.{row}[i - {plan.halo}] = {number};"
        for row, number in _rows_beyond(plan).items()
    )
    out = [
        f"size_t {name}_scratch(int w)\n{{\n    frame f;\n    float none[1];\n"
        "    return 4 * lay_out(&f, w, 1, none) + 64;\n}\n\n"
        f"int {name}_bands(int h) {{ return ({output_scale} * h - 1 + {delay}) / {unit} + 1; }}\n"
    ]
    for kind, pixel in PIXELS.items():
        max_value = {"u8": "255.0f", "u16": "(float)max_value", "f32": f"{graph.max_value!r}f"}[kind]
        out.append(
            f"""{_signature(name, pixel, kind)}
{{
    frame f;
    lay_out(&f, w, h, (float *)(void *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63));
    f.in = in; f.in_stride = in_stride; f.in_plane = in_plane;
    f.out = out; f.out_stride = out_stride; f.out_plane = out_plane;
    f.top = {max_value};
    f.in_scale = {graph.max_value!r}f / f.top;
    f.out_scale = f.top / {graph.max_value!r}f;
{fill}
    run(&f, {kind}_read, {kind}_write, first, last);
}}
"""
        )
    return "\n".join(out)


def emit_header(plan: Plan) -> str:
    """NAME.h: what a program that links the network calls."""
    name, graph = plan.graph.name, plan.graph
    s = graph.scale
    declarations = ";\n\n".join(_signature(name, pixel, kind) for kind, pixel in PIXELS.items())
    return f"""#ifndef POCKETSR_{name.upper()}_H
#define POCKETSR_{name.upper()}_H
#include <stddef.h>
#include <stdint.h>

/* {graph.channels} plane(s) of w x h pixels in, {graph.channels} of {s}w x {s}h out. Strides count samples.

   A frame has {name}_bands(h) bands; [first, last) may be cut among threads in any way, each with scratch memory of
   its own of {name}_scratch(w) bytes. The result does not depend on the cut. u16: `max_value` is the largest sample,
   1023 for 10 bits. f32: values as the network has them, neither rounded nor clipped. */

size_t {name}_scratch(int w);
int {name}_bands(int h);

{declarations};

#endif
"""


def _header(*parts: str) -> str:
    """What the C begins with, of files beside this one."""
    return "".join(files("pocketsr.engine.codegen").joinpath(part).read_text() for part in parts)


def emit(plan: Plan) -> str:
    """NAME.c: one self-contained file."""
    graph = plan.graph
    own = "_wasm" if plan.target.is_wasm else ""
    parts = [
        f"""/* {graph.name}: {graph.channels} channel(s), {graph.scale}x. Made by pocketsr; do not edit.

   The whole network runs in bands of {BAND} input rows. Each value keeps only the rows that are still needed, in a
   ring, so that the working set stays in the cache and no feature map is ever stored whole. A vector holds
   {plan.target.lanes} pixels of a row, {plan.phases} apart; weights are broadcast, so no lane ever moves.

"""
        + "".join(f"   {line}\n" for line in describe(plan).splitlines())
        + "*/\n"
        f"#define VL {plan.target.lanes}\n",
        _header("prelude.h", f"extremes{own}.h", "curves.h") + curve_code(graph.ops),
        _header(f"barrier{own}.h", "integers.h") if plan.formats.exact or rounds(graph) else "",
        emit_header(plan),
        _frame(plan),
        _rings(plan),
    ]
    shapes = sorted({shape for step in plan.steps if isinstance(step.op, Conv) for shape in dot_shapes(step)})
    methods = [step.method for step in plan.steps]
    parts += [dot_function(*shape) for shape in shapes]
    filters = {(each.outputs, each.taps): each for m in methods for each in (m.rows, m.columns) if each}
    parts += [winograd_functions(each) for each in filters.values()]
    for index, step in enumerate(plan.steps):
        name = step_name(index, step)
        match step.op:
            case Conv():
                parts.append(conv_function(name, step, plan))
            case Pointwise():
                parts.append(pointwise_function(name, step.op, plan))
            case Shuffle():
                parts.append(shuffle_function(name, step.op, plan))
    for kind in PIXELS:
        parts += [load_function(kind, plan), store_function(kind, plan)]
    parts += [_schedule(plan), _entries(plan)]
    return "\n".join(parts)
