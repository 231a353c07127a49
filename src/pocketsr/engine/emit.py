"""Plan to C: the frame, the rings, the schedule; kernels are in `emit_conv` and `emit_planes`."""

from __future__ import annotations

from importlib.resources import files

from pocketsr.engine.emit_conv import conv_function, dot_function, winograd_functions
from pocketsr.engine.emit_planes import load_function, map_function, shuffle_function, store_function
from pocketsr.engine.ir import Conv, Map, Pad, Shuffle
from pocketsr.engine.plan import BAND, Plan, Step

__all__ = ["emit", "emit_header", "step_name"]

_PIXELS = {"u8": "uint8_t", "u16": "uint16_t", "f32": "float"}


def step_name(index: int, step: Step) -> str:
    """The C function of a step: its place in the schedule and its name in the ONNX file."""
    name = "read" if step.op is None else "".join(c if c.isalnum() and c.isascii() else "_" for c in step.op.name)
    return f"step{index}_{name.strip('_')}"


def _describe(step: Step, plan: Plan) -> str:
    op = step.op
    if op is None:
        return "the input as floats"
    note = f"'{op.name}': " + (f"{len(op.inputs)} -> {op.channels} channels")
    if isinstance(op, Conv):
        how = f"Winograd F({step.filter.outputs}, {step.filter.taps}) along the rows" if step.filter else "direct"
        groups = f", {op.groups} groups" if op.groups > 1 else ""
        note += f", {op.weight.shape[2]}x{op.weight.shape[3]}{groups}, {how}"
        note += f", {step.block.channels} channels x {step.block.vectors} vectors in registers"
        note += f", tiles of {step.tile} columns" if step.filter else ""
        note += ", edges replicated" if op.pad is Pad.EDGE else ""
    points = "" if isinstance(op, Shuffle) else "".join(f", {type(point).__name__}" for point in op.points)
    shift = plan.rings[op.value].shift
    return f"{note}{points}; lags {shift} rows, keeps {plan.rings[op.value].rows}, starts {step.warm} bands early"


def describe(plan: Plan) -> str:
    """The plan in words, a line a step."""
    return "\n".join(f"{step_name(i, step)}: {_describe(step, plan)}" for i, step in enumerate(plan.steps))


def _rings(plan: Plan) -> str:
    """One function a value that finds its row y: in the ring, or beyond the border what a convolution sees there."""
    out = []
    for ring in plan.rings.values():
        v, height = ring.value, "f->h" if ring.scale == 1 else f"{ring.scale} * f->h"
        edge = (
            f"y = y < 0 ? 0 : y >= {height} ? {height} - 1 : y;"
            if ring.pad is Pad.EDGE
            else f"if (y < 0 || y >= {height}) return f->zero;"
        )
        out.append(
            f"INLINE float *v{v}_row(const frame *f, int y, int c)\n"
            f"{{\n    return f->v{v} + ((ptrdiff_t)(y % {ring.rows}) * {ring.channels} + c) * f->stride{ring.scale};\n}}\n"
            f"INLINE const float *v{v}_at(const frame *f, int y, int c)\n"
            f"{{\n    {edge}\n    return v{v}_row(f, y, c);\n}}\n"
            f"INLINE float *v{v}_to(const frame *f, int y, int c)\n"
            f"{{\n    return y < 0 || y >= {height} ? f->trash : v{v}_row(f, y, c);\n}}\n"
        )
        if ring.halo:
            left, right = ("row[0]", "row[w - 1]") if ring.pad is Pad.EDGE else ("0.0f", "0.0f")
            width = "f->w" if ring.scale == 1 else f"{ring.scale} * f->w"
            out.append(
                f"/* {ring.halo} columns beyond both borders */\n"
                f"INLINE void v{v}_border(const frame *f, float *row)\n"
                f"{{\n    const int w = {width};\n"
                f"    const float left = {left}, right = {right};\n"
                f"    for (int i = 0; i < {ring.halo}; i++) {{ row[-1 - i] = left; row[w + i] = right; }}\n}}\n"
            )
    return "\n".join(out)


def _frame(plan: Plan) -> str:
    scales = sorted({ring.scale for ring in plan.rings.values()})
    lanes, halo, span = plan.target.lanes, plan.halo, plan.span
    tile = max(
        (s.tile and (s.tile + 2 * lanes) * s.filter.products * _inputs(s) for s in plan.steps if s.filter),
        default=0,
    )
    fields = "".join(f"    ptrdiff_t stride{s}; /* floats between rows at scale {s} */\n" for s in scales)
    fields += "".join(f"    float *v{v};\n" for v in plan.rings)
    strides = "".join(
        f"    f->stride{s} = ((ptrdiff_t){s} * w + VL - 1) / VL * VL + {span + 2 * halo + (s + 1) * lanes};\n"
        for s in scales
    )
    strides += "".join(
        f"    if (f->stride{s} % 1024 == 0) f->stride{s} += VL; /* rows 4096 bytes apart would share cache sets */\n"
        for s in scales
    )
    widest = scales[-1]
    parts = "".join(
        f"    f->v{r.value} = base + used; used += f->stride{r.scale} * {r.rows * r.channels};\n"
        for r in plan.rings.values()
    )
    halos = "".join(f"        f->v{v} += {halo};\n" for v in plan.rings)
    return f"""typedef struct {{
    int w, h;
    ptrdiff_t in_stride, in_plane, out_stride, out_plane;
    const void *in;
    void *out;
    float in_scale, out_scale, top; /* sample to value, value to sample, largest sample */
{fields}    float *zero, *trash, *tile; /* a row of zeros, a row for what lies outside, transformed rows */
}} frame;

/* Lays the rings out in `base` (NULL: only counts). Returns the floats needed. */
static size_t lay_out(frame *f, int w, int h, float *base)
{{
    ptrdiff_t used = 0;
    f->w = w;
    f->h = h;
{strides}    if (base) {{
{_indent(parts)}        f->zero = base + used; used += f->stride{widest};
        f->trash = base + used; used += f->stride{widest};
        f->tile = base + used; used += {tile};
        /* columns start {halo} floats in: that much may be read to the left */
{halos}        f->zero += {halo};
        f->trash += {halo};
        return (size_t)used;
    }}
    used = {" + ".join(f"f->stride{r.scale} * {r.rows * r.channels}" for r in plan.rings.values())};
    return (size_t)(used + 2 * f->stride{widest} + {tile});
}}
"""


def _inputs(step: Step) -> int:
    assert isinstance(step.op, Conv)
    return len(step.op.inputs)


def _indent(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def _schedule(plan: Plan) -> str:
    lines = []
    longest = max(step.warm for step in plan.steps)
    for index, step in enumerate(plan.steps):
        call = "read(f, k)" if step.op is None else f"{step_name(index, step)}(f, k)"
        guard = f"if (k >= first - {step.warm}) " if step.warm < longest else ""
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
    white = "int white, " if kind == "u16" else ""
    return (
        f"void {name}_{kind}(const {pixel} *in, ptrdiff_t in_stride, ptrdiff_t in_plane, {pixel} *out, "
        f"ptrdiff_t out_stride, ptrdiff_t out_plane,\n    int w, int h, {white}int first, int last, void *scratch)"
    )


def _entries(plan: Plan) -> str:
    name, graph = plan.graph.name, plan.graph
    scales = graph.scales()
    output_scale = scales[plan.output[0].value]
    shift = max(plan.rings[ref.value].shift for ref in plan.output)
    unit = BAND * output_scale
    out = [
        f"size_t {name}_scratch(int w) {{ frame f; return 4 * lay_out(&f, w, 1, NULL) + 64; }}\n\n"
        f"int {name}_bands(int h) {{ return ({output_scale} * h - 1 + {shift}) / {unit} + 1; }}\n"
    ]
    for kind, pixel in _PIXELS.items():
        white = {"u8": "255.0f", "u16": "(float)white", "f32": f"{graph.white!r}f"}[kind]
        cast = {"u8": "", "u16": "", "f32": ""}[kind]
        out.append(
            f"""{_signature(name, pixel, kind)}
{{
    frame f;
    lay_out(&f, w, h, (float *)(void *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63));
    f.in = in; f.in_stride = in_stride; f.in_plane = in_plane;
    f.out = out; f.out_stride = out_stride; f.out_plane = out_plane;
    f.top = {cast}{white};
    f.in_scale = {graph.white!r}f / f.top;
    f.out_scale = f.top / {graph.white!r}f;
    for (ptrdiff_t i = -{plan.halo}; i < f.stride{max(r.scale for r in plan.rings.values())} - {plan.halo}; i++) f.zero[i] = 0.0f;
    run(&f, read_{kind}, write_{kind}, first, last);
}}
"""
        )
    return "\n".join(out)


def emit_header(plan: Plan) -> str:
    """NAME.h: what a program that links the network calls."""
    name, graph = plan.graph.name, plan.graph
    s = graph.scale
    declarations = ";\n\n".join(_signature(name, pixel, kind) for kind, pixel in _PIXELS.items())
    return f"""#ifndef POCKETSR_{name.upper()}_H
#define POCKETSR_{name.upper()}_H
#include <stddef.h>
#include <stdint.h>

/* {graph.channels} plane(s) of w x h pixels in, {graph.channels} of {s}w x {s}h out. Strides and plane distances count samples.

   A frame has {name}_bands(h) bands; [first, last) may be cut among threads in any way, each with scratch memory of
   its own of {name}_scratch(w) bytes. The result does not depend on the cut. u16: `white` is the largest sample, 1023
   for 10 bits. f32: values as the network has them, neither rounded nor clipped. */

size_t {name}_scratch(int w);
int {name}_bands(int h);

{declarations};

#endif
"""


def emit(plan: Plan) -> str:
    """NAME.c: one self-contained file."""
    graph = plan.graph
    parts = [
        f"/* {graph.name}: {graph.channels} channel(s), {graph.scale}x. Written by pocketsr from an ONNX file; do not edit.\n"
        f"\n"
        f"   The whole network runs in bands of {BAND} input rows. Each value keeps only the rows that are still needed, in\n"
        f"   a ring, so that the working set stays in the cache and no feature map is ever stored whole. A vector holds\n"
        f"   {plan.target.lanes} neighbouring pixels; weights are broadcast, so no lane ever moves.\n"
        f"\n" + "".join(f"   {line}\n" for line in describe(plan).splitlines()) + "*/\n"
        f"#define VL {plan.target.lanes}\n",
        files("pocketsr.engine").joinpath("prelude.h").read_text(),
        emit_header(plan),
        _frame(plan),
        _rings(plan),
    ]
    shapes = sorted({shape for step in plan.steps if isinstance(step.op, Conv) for shape in dot_shapes(step)})
    parts += [dot_function(*shape) for shape in shapes]
    filters = {(s.filter.outputs, s.filter.taps): s.filter for s in plan.steps if s.filter}
    parts += [winograd_functions(each) for each in filters.values()]
    for index, step in enumerate(plan.steps):
        name = step_name(index, step)
        match step.op:
            case Conv():
                parts.append(conv_function(name, step, plan))
            case Map():
                parts.append(map_function(name, step.op, plan))
            case Shuffle():
                parts.append(shuffle_function(name, step.op, plan))
    for kind, pixel in _PIXELS.items():
        parts += [load_function(kind, plan), store_function(kind, plan)]
    parts += [_schedule(plan), _entries(plan)]
    return "\n".join(parts)


def dot_shapes(step: Step) -> set[tuple[int, int, int, bool]]:
    """(columns, channels, vectors, inlined) of the inner loops that a convolution needs."""
    assert isinstance(step.op, Conv)
    outputs = step.op.channels // step.op.groups
    full, rest = divmod(outputs, step.block.channels)
    counts = ({step.block.channels} if full else set()) | ({rest} if rest else set())
    return {(step.op.weight.shape[3], count, step.block.vectors, step.filter is None) for count in counts}
