"""What a program calls of an emitted file: the entries, and the header that declares them."""

from __future__ import annotations

from pocketsr.engine.codegen.emit_memory import rows_beyond
from pocketsr.engine.codegen.emit_planes import PIXELS
from pocketsr.engine.codegen.emit_pointwise import literal
from pocketsr.engine.codegen.method import BAND
from pocketsr.engine.codegen.partial import BLOCK_COLUMNS, BLOCK_ROWS, seen_from
from pocketsr.engine.codegen.plan import Plan
from pocketsr.names import API, API_TOLD

__all__ = ["emit_header", "entries", "exports"]

_PART, _AT = "_part", "_at"


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


def entries(plan: Plan) -> str:
    """The functions of `exports`: they cut a call into bands, and place its memory."""
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
    f.spans[0].from = -1; /* none were asked for yet */
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
