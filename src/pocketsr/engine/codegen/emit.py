"""Plan to C: the file's outline, the schedule and the entries; memory is in `emit_memory`, kernels in the others."""

from __future__ import annotations

import re
from importlib.resources import files

from pocketsr.engine.codegen.emit_across import across_functions
from pocketsr.engine.codegen.emit_across_words import across_words_functions
from pocketsr.engine.codegen.emit_chosen import classes_function, looked_up_functions
from pocketsr.engine.codegen.emit_conv import conv_function, dot_shapes, lookup_shapes
from pocketsr.engine.codegen.emit_dot import dot_function, winograd_functions
from pocketsr.engine.codegen.emit_filled import fill_all, fill_functions, is_filled
from pocketsr.engine.codegen.emit_memory import frame_record, ring_functions, rows_beyond
from pocketsr.engine.codegen.emit_planes import (
    PIXELS,
    load_function,
    pointwise_function,
    shuffle_function,
    store_function,
)
from pocketsr.engine.codegen.emit_pointwise import literal, rounds
from pocketsr.engine.codegen.emit_told import is_told, tell_all, told_functions
from pocketsr.engine.codegen.emit_winograd_apart import apart_functions
from pocketsr.engine.codegen.emit_words_apart import apart_words_functions
from pocketsr.engine.codegen.method import BAND, Storage
from pocketsr.engine.codegen.partial import BLOCK_COLUMNS, BLOCK_ROWS, partial_functions, seen_from
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.codegen.target import compiler_flags
from pocketsr.engine.ir.graph import Classes, Conv, Pad, Pointwise, Shuffle
from pocketsr.engine.ir.pointwise import curve_code
from pocketsr.names import API, API_TOLD, comment

__all__ = ["describe", "emit", "emit_header", "exports"]


def step_name(index: int, step: Step) -> str:
    """The C function of a step: its place in the schedule and its name in the ONNX file.

    In a file called step1.onnx, a node called u8 would take the name of what is called from outside.
    """
    label = "read" if step.op is None else re.sub(r"[^A-Za-z0-9]", "_", step.op.name[:60]).strip("_")
    return f"step{index}_{label}{'_' * label.endswith(API + API_TOLD)}"


_PART, _AT = "_part", "_at"


def _describe(step: Step, plan: Plan) -> str:
    op = step.op
    if op is None:
        return "the input as floats"
    note = f"'{comment(op.name)}': " + (f"{len(op.inputs)} -> {op.channels} channels")
    if isinstance(op, Conv):
        method = step.method
        how = f"Winograd F({method.rows.outputs}, {method.rows.taps}) along the rows" if method.rows else "direct"
        how += f", kernels of {len(op.chosen.weight)} classes" if op.chosen else ""
        how += f", integers in {method.reads.value}" if op.integers else ""
        how += ", biases by strength" if op.offsets is not None else ""
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


def _schedule(plan: Plan) -> str:
    lines = []
    longest = max(step.prologue for step in plan.steps)
    for index, step in enumerate(plan.steps):
        call = "read(f, k)" if step.op is None else f"{step_name(index, step)}(f, k)"
        guard = f"if (k >= first - {step.prologue}) " if step.prologue < longest else ""
        lines.append(f"        {guard}{call};")
    filled = [step_name(index, step) for index, step in enumerate(plan.steps) if is_filled(step, plan)]
    tables, fills = (fill_all(filled) + "\n", "    fill_tables();\n") if filled else ("", "")
    fills += tell_all(step_name(index, step) for index, step in enumerate(plan.steps) if is_told(step))
    body = "\n".join(lines)
    return f"""{tables}/* Bands [first, last) of the result; earlier bands fill the rings. */
static void run(frame *f, void (*read)(const frame *, int), void (*write)(const frame *, int), int first, int last)
{{
{fills}    for (int k = first - {longest}; k < last; k++) {{
{body}
        if (k >= first) write(f, k);
    }}
}}
"""


def exports(plan: Plan) -> list[str]:
    """The functions that are called from outside."""
    return [f"{plan.graph.name}_{part}" for part in API + (API_TOLD if plan.graph.strengths else ())]


def _signature(name: str, pixel: str, kind: str, form: str = "") -> str:
    """form: of the entry's name, after the kind of its pixels: _part, or _at."""
    max_value = "int max_value, " if kind == "u16" else ""
    mask = ",\n    const uint8_t *mask, ptrdiff_t mask_stride, int changed" if form else ""
    mask += ", float strength" if form == _AT else ""
    return (
        f"void {name}_{kind}{form}(const {pixel} *in, ptrdiff_t in_stride, ptrdiff_t in_plane, "
        f"{pixel} *out, ptrdiff_t out_stride, ptrdiff_t out_plane,\n"
        f"    int w, int h, {max_value}int first, int last, void *scratch{mask})"
    )


def _entries(plan: Plan) -> str:
    name, graph = plan.graph.name, plan.graph
    scales = graph.scales()
    output_scale = scales[plan.output[0].value]
    delay = max(plan.rings[ref.value].delay for ref in plan.output)
    unit = BAND * output_scale
    above, under, beside = seen_from(plan)
    widest = max(ring.scale for ring in plan.rings.values())
    fill = "\n".join(
        f"    for (ptrdiff_t i = 0; i < f.stride{widest}; i++) f.{row}[i - {plan.halo}] = {number};"
        for row, number in rows_beyond(plan).items()
    )
    out = [
        f"size_t {name}_scratch(int w)\n{{\n    frame f;\n    float none[1];\n"
        "    return 4 * lay_out(&f, w, 1, none) + 64;\n}\n\n"
        f"int {name}_bands(int h) {{ return ({output_scale} * h - 1 + {delay}) / {unit} + 1; }}\n"
    ]
    told = bool(graph.strengths)
    for kind, pixel in PIXELS.items():
        max_value = {"u8": "255.0f", "u16": "(float)max_value", "f32": f"{graph.max_value!r}f"}[kind]
        given = "in, in_stride, in_plane, out, out_stride, out_plane, w, h, "
        given += "max_value, " if kind == "u16" else ""
        out.append(
            f"""{_signature(name, pixel, kind, _AT if told else _PART)}
{{
    frame f;
    lay_out(&f, w, h, (float *)(void *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63));
    f.in = in; f.in_stride = in_stride; f.in_plane = in_plane;
    f.out = out; f.out_stride = out_stride; f.out_plane = out_plane;
    f.top = {max_value};
    f.in_scale = {graph.max_value!r}f / f.top;
    f.out_scale = f.top / {graph.max_value!r}f;
{_STRENGTH if told else ""}{fill}
    f.wanted = mask; f.wanted_stride = mask_stride; f.grows = changed;
    f.above = changed ? {above} : 0; f.under = changed ? {under} : 0; f.beside = changed ? {beside} : 0;
    f.first_row = below({unit} * first - {delay}, {output_scale}) - f.above;
    f.last_row = below({unit} * last - {delay + 1}, {output_scale}) + f.under;
    if (f.first_row < 0) f.first_row = 0;
    if (f.last_row >= h) f.last_row = h - 1;
    run(&f, {kind}_read, {kind}_write, first, last);
}}

{_with_default(plan, kind, pixel, given) if told else ""}{_signature(name, pixel, kind)}
{{
    {name}_{kind}_part({given}first, last, scratch, (const uint8_t *)0, 0, 0);
}}
"""
        )
    return "\n".join(out)


_STRENGTH = "    f.strength = strength > 0.0f ? (strength < 1.0f ? strength : 1.0f) : 0.0f;\n"


def _with_default(plan: Plan, kind: str, pixel: str, given: str) -> str:
    """NAME_u8_part and the like of a network that is told a strength: with its default one."""
    name, strength = plan.graph.name, literal(plan.graph.default_strength)
    return f"""{_signature(name, pixel, kind, _PART)}
{{
    {name}_{kind}{_AT}({given}first, last, scratch, mask, mask_stride, changed, {strength});
}}

"""


def emit_header(plan: Plan) -> str:
    """NAME.h: what a program that links the network calls."""
    name, graph = plan.graph.name, plan.graph
    s = graph.scale
    declarations = ";\n\n".join(
        _signature(name, pixel, kind, form)
        for form in ("", _PART, *((_AT,) if graph.strengths else ()))
        for kind, pixel in PIXELS.items()
    )
    return f"""#ifndef POCKETSR_{name.upper()}_H
#define POCKETSR_{name.upper()}_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

/* {graph.channels} plane(s) of w x h pixels in, {graph.channels} of {s}w x {s}h out. Strides count samples.

   A frame has {name}_bands(h) bands; [first, last) may be cut among threads in any way, each with scratch memory of
   its own of {name}_scratch(w) bytes. The result does not depend on the cut. u16: `max_value` is the largest sample,
   1023 for 10 bits. f32: values as the network has them, neither rounded nor clipped.

   A part of a frame: `mask` has a byte for each block of {BLOCK_ROWS} rows and {BLOCK_COLUMNS} columns of the
   input, its rows are `mask_stride` bytes apart, and the picture's edge may cut the last blocks off. With `changed` 0,
   bytes other than 0 say which blocks of the result are wanted: {name}_u8_part computes those, with the bits that a
   whole run gives them, and leaves the rest of `out` as it is. With `changed` 1 they say which blocks of the input
   differ from the one whose result `out` holds: what depends on them is computed, and `out` is what a whole run gives.
   Without a mask (0) all is computed.

   {name}_changes puts 1 into `changed` for the blocks in which two planes differ, and leaves its other bytes as they
   are; strides count bytes there, and a sample has `bytes` of them. {name}_wanted tells which blocks of the
   result changed ones have an effect on: how much work there is, and where frames are best cut.{_at_words(plan)} */

size_t {name}_scratch(int w);
int {name}_bands(int h);

{declarations};

void {name}_changes(const void *a, ptrdiff_t a_stride, const void *b, ptrdiff_t b_stride, int w, int h, int bytes,
    uint8_t *changed, ptrdiff_t changed_stride);

void {name}_wanted(int w, int h, const uint8_t *changed, ptrdiff_t changed_stride, uint8_t *wanted,
    ptrdiff_t wanted_stride);

#ifdef __cplusplus
}}
#endif

#endif
"""


def _at_words(plan: Plan) -> str:
    graph = plan.graph
    if not graph.strengths:
        return ""
    return f"""

   This network is told how far the picture is from its clean shrink: `strength`, from 0 (clean) to 1 (as H.264 at
   150 kbit/s). {graph.name}_u8_at and the like take it, and a mask, which may be 0; the others take
   {graph.default_strength:g}. All strips of a frame take the same one, and so does what `changed` goes on with; threads
   that run at once may take others. It costs no time."""


def _header(*parts: str) -> str:
    """What the C begins with, of files beside this one."""
    return "".join(files("pocketsr.engine.codegen").joinpath(part).read_text() for part in parts)


def emit(plan: Plan) -> str:
    """NAME.c: one self-contained file."""
    graph = plan.graph
    chooses = any(isinstance(op, Classes) for op in graph.ops)
    across = [step for step in plan.steps if step.method.across]
    in_words = [step for step in across if step.method.reads is Storage.WORDS]
    own = "_wasm" if plan.target.is_wasm else ""
    lanes = ("lanes.h",) if plan.target.is_arm64 else ()
    arm = ("arm.h", *(["matrices.h"] if plan.target.matrices else [])) if plan.target.is_arm64 else ()
    parts = [
        f"""/* {graph.name}: {graph.channels} channel(s), {graph.scale}x. Made by pocketsr; do not edit.

   Compile it with {compiler_flags(plan.target)}, by gcc or clang.
   Without vectors of {plan.target.lanes} floats it is right too, and slow: gcc -O3 alone took 37 times as long as with
   -march=native.

   The whole network runs in bands of {BAND} input rows. Each value keeps only the rows that are still needed, in a
   ring, so that the working set stays in the cache and no feature map is ever stored whole. A vector holds
   {plan.target.lanes} pixels of a row, {plan.phases} apart; weights are broadcast, so no lane ever moves.

"""
        + "".join(f"   {line}\n" for line in describe(plan).splitlines())
        + "*/\n"
        f"#define VL {plan.target.lanes}\n",
        _header("prelude.h", *lanes, f"extremes{own}.h", "curves.h") + curve_code(graph.ops),
        (_header(f"barrier{own}.h", "integers.h", *arm) if plan.formats.exact or rounds(graph) else "")
        + (_header("chosen.h") if chooses else "")
        + (_header("across.h") if across else "")
        + (_header("across_integers.h") if in_words else ""),
        emit_header(plan),
        *told_functions(plan),
        frame_record(plan),
        ring_functions(plan),
        partial_functions(plan),
    ]
    shapes = sorted({shape for step in plan.steps if isinstance(step.op, Conv) for shape in dot_shapes(step)})
    methods = [step.method for step in plan.steps]
    parts += [dot_function(*shape, by_lanes=plan.target.is_arm64) for shape in shapes]
    lookups = sorted({shape for step in plan.steps for shape in lookup_shapes(step)})
    parts += [looked_up_functions(*shape) for shape in lookups]
    apart = [step for step in plan.steps if step.method.apart]
    by_words = [step for step in apart if step.method.reads is Storage.WORDS]
    parts += [apart_words_functions(by_words, plan)] if by_words else []
    parts += [apart_functions(floats, plan)] if (floats := [step for step in apart if step not in by_words]) else []
    parts += across_functions([step for step in across if step not in in_words], plan)
    parts += across_words_functions(in_words, plan)
    methods = [method for method in methods if method.reads is Storage.FLOATS]
    filters = {(each.outputs, each.taps): each for m in methods for each in (m.rows, m.columns) if each}
    parts += [winograd_functions(each) for each in filters.values()]
    if any(is_filled(step, plan) for step in plan.steps if step not in by_words):
        parts.append(fill_functions(filters.values()))
    for index, step in enumerate(plan.steps):
        name = step_name(index, step)
        match step.op:
            case Conv():
                parts.append(conv_function(name, step, plan))
            case Pointwise():
                parts.append(pointwise_function(name, step, plan))
            case Classes():
                parts.append(classes_function(name, step, plan))
            case Shuffle():
                parts.append(shuffle_function(name, step, plan))
    for kind in PIXELS:
        parts += [load_function(kind, plan), store_function(kind, plan)]
    parts += [_schedule(plan), _entries(plan)]
    return "\n".join(parts)
