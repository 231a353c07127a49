"""Plan to C: outline and schedule; `emit_entries` has what is called, `emit_memory` memory, the others kernels."""

from __future__ import annotations

import re
from importlib.resources import files

from pocketsr.engine.codegen.emit_across import across_functions
from pocketsr.engine.codegen.emit_across_words import across_words_functions
from pocketsr.engine.codegen.emit_chosen import classes_function, looked_up_functions
from pocketsr.engine.codegen.emit_conv import conv_function, dot_shapes, lookup_shapes
from pocketsr.engine.codegen.emit_dot import dot_function, winograd_functions
from pocketsr.engine.codegen.emit_entries import emit_header, entries
from pocketsr.engine.codegen.emit_filled import fill_all, fill_functions, is_filled
from pocketsr.engine.codegen.emit_memory import frame_record, ring_functions
from pocketsr.engine.codegen.emit_planes import (
    PIXELS,
    load_function,
    pointwise_function,
    shuffle_function,
    store_function,
)
from pocketsr.engine.codegen.emit_pointwise import rounds
from pocketsr.engine.codegen.emit_told import is_told, tell_all, told_functions
from pocketsr.engine.codegen.emit_winograd_apart import apart_functions
from pocketsr.engine.codegen.emit_words_apart import apart_words_functions
from pocketsr.engine.codegen.method import BAND, Storage
from pocketsr.engine.codegen.partial import partial_functions
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.codegen.target import compiler_flags
from pocketsr.engine.ir.graph import Classes, Conv, Pad, Pointwise, Shuffle
from pocketsr.engine.ir.pointwise import curve_code
from pocketsr.names import API, API_TOLD, comment

__all__ = ["describe", "emit"]


def step_name(index: int, step: Step) -> str:
    """The C function of a step: its place in the schedule and its name in the ONNX file.

    In a file called step1.onnx, a node called u8 would take the name of what is called from outside.
    """
    label = "read" if step.op is None else re.sub(r"[^A-Za-z0-9]", "_", step.op.name[:60]).strip("_")
    return f"step{index}_{label}{'_' * label.endswith(API + API_TOLD)}"


def _describe(step: Step, plan: Plan) -> str:
    op = step.op
    if op is None:
        return "the input as floats"
    note = f"'{comment(op.name)}': " + (f"{len(op.inputs)} -> {op.channels} channels")
    if isinstance(op, Conv):
        method = step.method
        how = f"Winograd F({method.rows.outputs}, {method.rows.taps}) along the rows" if method.rows else "direct"
        how = f"depthwise, {method.together} rows at once" if method.together else how
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
    shapes = sorted({shape for step in plan.steps if isinstance(step.op, Conv) for shape in dot_shapes(step, plan)})
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
    parts += [_schedule(plan), entries(plan)]
    return "\n".join(parts)
