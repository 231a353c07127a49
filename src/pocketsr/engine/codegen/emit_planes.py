"""C for everything that is no convolution: reading and writing samples, pointwise operations, depth to space."""

from __future__ import annotations

from pocketsr.engine.codegen.emit_integers import stored
from pocketsr.engine.codegen.emit_pointwise import extent, indent, number_table, row_table, stage_tables
from pocketsr.engine.codegen.method import BAND, CHANNELS_A_WORD, Storage
from pocketsr.engine.codegen.partial import spans_of, written_spans
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Combine, Pointwise, Shuffle

__all__ = ["PIXELS", "load_function", "pointwise_function", "shuffle_function", "store_function"]

PIXELS = {"u8": "uint8_t", "u16": "uint16_t", "f32": "float"}
_VECTORS = {"u8": "vb", "u16": "vh", "f32": "vf"}


def _deinterleave(names: list[str], temporaries: list[str]) -> list[str]:
    """Every len(names)-th sample, in order of the phase: statements are added to `temporaries`."""
    if len(names) == 1:
        return names
    halves: list[list[str]] = []
    for part in ("EVEN", "ODD"):
        half = []
        for low, high in zip(names[::2], names[1::2], strict=True):
            half.append(f"{part.lower()[0]}{len(temporaries)}")
            temporaries.append(f"{half[-1]} = {part}({low}, {high})")
        halves.append(_deinterleave(half, temporaries))
    return [name for pair in zip(*halves, strict=True) for name in pair]


def _interleave(names: list[str], temporaries: list[str]) -> list[str]:
    """A sample of each vector in turn: the inverse of `_deinterleave`."""
    if len(names) == 1:
        return names
    evens, odds = _interleave(names[::2], temporaries), _interleave(names[1::2], temporaries)
    out = []
    for even, odd in zip(evens, odds, strict=True):
        for part in ("LOW", "HIGH"):
            out.append(f"z{len(temporaries)}")
            temporaries.append(f"{out[-1]} = ZIP_{part}({even}, {odd})")
    return out


def load_function(kind: str, plan: Plan) -> str:
    """KIND_read: a band of the input to floats, from 0 to the network's full scale, each row split in its phases."""
    ring, pixel, vector, phases = plan.rings[0], PIXELS[kind], _VECTORS[kind], plan.phases
    border = "\n            v0_border(f, row);" if ring.halo else ""
    temporaries: list[str] = []
    deinterleaved = _deinterleave([f"v[{i}]" for i in range(phases)], temporaries)
    moves = "".join(f"\n                const {vector} {each};" for each in temporaries)

    def value(name: str) -> str:
        return name if kind == "f32" else f"__builtin_convertvector({name}, vf) * f->in_scale"

    stores = "\n".join(
        f"                store(row + {p} * f->phase1 + x, {value(name)});" for p, name in enumerate(deinterleaved)
    )
    return f"""static void {kind}_read(const frame *f, int k)
{{
    for (int y = {BAND} * k; y < {BAND} * k + {BAND}; y++) {{
        if (y < 0 || y >= f->h) continue;
        const span *const needed = {spans_of(plan.steps[0], plan, "y", 1)};
        if (needed->from == needed->to) continue;
        for (int c = 0; c < {ring.channels}; c++) {{
            const {pixel} *p = (const {pixel} *)f->in + y * f->in_stride + c * f->in_plane;
            float *row = v0_row(f, y, c);
            EACH(x, VL) {{
                const int left = f->w - {phases} * x;
                {vector} v[{phases}] = {{{{0}}}};
                if (left >= {phases} * VL) __builtin_memcpy(v, p + {phases} * x, sizeof v);
                else for (int i = 0; i < left; i++) v[i / VL][i % VL] = p[{phases} * x + i];{moves}
{stores}
            }}{border}
        }}
    }}
}}
"""


def _put(count: int, pixel: str, sample: str, size: str) -> str:
    """Statements that put the samples of `z`, `sample` one by one, into the result: as many as are left of the row."""
    return f"""
                if (left >= {count} * VL) __builtin_memcpy(to + {count} * x, z, {size});
                else {{
                    int i = 0;
                    for (; i + 16 <= left; i += 16)
                        __builtin_memcpy(to + {count} * x + i, ({pixel} *)z + i, 16 * sizeof *to);
                    for (; i < left; i++) to[{count} * x + i] = {sample};
                }}"""


_NARROWED = (1, 2, 4, 8, 16)


def _narrowed(count: int) -> str:
    """For WebAssembly: `count` vectors of integers to bytes, four vectors at once; then a sample of each in turn."""
    groups = [[f"s[{min(4 * g + i, count - 1)}]" for i in range(4)] for g in range(-(-count // 4))]
    lines = [f"const sixteen g{g} = four_as_bytes({', '.join(group)});" for g, group in enumerate(groups)]
    out = []
    for m in range(-(-count // 4)):
        samples = [divmod(16 * m + b, count) for b in range(16)]  # lane, vector
        places = [(k // 4, 4 * (k % 4) + lane % 4) for lane, k in samples]
        parts = []
        for pair in range(0, len(groups), 2):
            other = min(pair + 1, len(groups) - 1)
            picks = [byte + 16 * (group % 2) if group // 2 == pair // 2 else 0 for group, byte in places]
            parts.append(f"PICK(g{pair}, g{other}, {', '.join(map(str, picks))})")
        if len(parts) == 2:
            picks = [b + 16 * (group // 2) for b, (group, _) in enumerate(places)]
            parts = [f"PICK({parts[0]}, {parts[1]}, {', '.join(map(str, picks))})"]
        out.append(parts[0])
    lines.append(f"const sixteen z[{len(out)}] = {{{', '.join(out)}}};")
    return "".join(f"\n                {line}" for line in lines)


def store_function(kind: str, plan: Plan) -> str:
    """KIND_write: a band of the result to samples, shuffled to its place, rounded half up and clipped."""
    scale = plan.graph.scales()[plan.output[0].value]
    delay = max(plan.rings[ref.value].delay for ref in plan.output)
    factor, phases, pixel, vector = plan.factor, plan.phases, PIXELS[kind], _VECTORS[kind]
    area, rows, count = factor**2, BAND * scale, factor * phases
    narrow = plan.target.is_wasm and kind == "u8" and count in _NARROWED
    table = "\n".join("        " + line for line in row_table("from", plan.output, 1, "y"))
    scaled = "times(q, SPLAT(f->out_scale))" if plan.formats.exact else "q * f->out_scale"
    rounded = (
        "q"
        if kind == "f32"
        else f"__builtin_convertvector(__builtin_convertvector("
        f"clip({scaled} + 0.5f, 0.5f, f->top + 0.5f), vi), {vector})"
    )
    if narrow:
        rounded, vector = f"whole(clip({scaled} + half, 0.5f, f->top + 0.5f))", "vi"
    # Sample factor*(P*x + p) + j of the result is element x of vector p*factor + j.
    if narrow:
        write = _narrowed(count) + _put(count, pixel, "((const uint8_t *)z)[i]", f"{count} * VL")
    elif count & (count - 1) == 0:
        temporaries: list[str] = []
        interleaved = _interleave([f"s[{i}]" for i in range(count)], temporaries)
        moves = "".join(f"\n                const {vector} {each};" for each in temporaries)
        put = _put(count, pixel, "z[i / VL][i % VL]", "sizeof z")
        write = f"""{moves}
                const {vector} z[{count}] = {{{", ".join(interleaved)}}};{put}"""
    else:
        write = f"""
                for (int i = 0; i < left && i < {count} * VL; i++) to[{count} * x + i] = s[i % {count}][i / {count}];"""
    return f"""static void {kind}_write(const frame *f, int k)
{{
    for (int y = {rows} * k - {delay}; y < {rows} * k - {delay} + {rows}; y++) {{
        if (y < 0 || y >= {extent("h", scale)}) continue;
        const span *const needed = {written_spans(plan, "y")};
        if (needed->from == needed->to) continue;
{table}
        for (int c = 0; c < {len(plan.output) // area}; c++)
            for (int i = 0; i < {factor}; i++) {{
            {pixel} *to = ({pixel} *)f->out + ((ptrdiff_t){factor} * y + i) * f->out_stride + c * f->out_plane;
{"            KEPT(half, 0.5f);" + chr(10) if narrow else ""}            EACH(x, VL) {{
                const int left = least({factor * scale} * f->w, {count} * until) - {count} * x;
                {vector} s[{count}];
                UNROLL for (int p = 0; p < {phases}; p++)
                    UNROLL for (int j = 0; j < {factor}; j++) {{
                        const vf q = load(from[0][c * {area} + i * {factor} + j] + p * f->phase{scale} + x);
                        s[p * {factor} + j] = {rounded};
                    }}{write}
            }}
        }}
    }}
}}
"""


def pointwise_function(name: str, step: Step, plan: Plan) -> str:
    """Pointwise stages over a band; a word's four channels at a time where words are made."""
    op = step.op
    assert isinstance(op, Pointwise)
    ring = plan.rings[op.value]
    rows, together = BAND * ring.scale, CHANNELS_A_WORD if ring.storage is Storage.WORDS else 1
    tables = row_table("in", op.inputs, 1, "row", plan.formats)
    for i, stage in enumerate(op.stages):
        if isinstance(stage, Combine):
            tables += row_table(f"other{i}", stage.other, 1, "row", plan.formats)
    shifts = number_table(f"{name}_in", op.inputs, plan.formats) if plan.formats.exact else ""
    value = f"number(in[0][j], at, {name}_in_shift[j])" if shifts else "load(in[0][j] + at)"
    lines = [
        f"static void {name}(const frame *f, int k)",
        "{",
        f"    const int top = {rows} * k - {ring.delay};",
        f"    for (int row = top; row < top + {rows}; row++) {{",
        f"        if (row < 0 || row >= {extent('h', ring.scale)}) continue;",
        f"        const span *const needed = {spans_of(step, plan, 'row', 1)};",
        "        if (needed->from == needed->to) continue;",
        *(f"        {line}" for line in tables),
        f"        for (int first = 0; first < {op.channels}; first += {together}) {{",
        f"            float *out[{ring.planes}];",
        f"            out[first / {together}] = v{op.value}_row(f, row, first / {together});",
        f"            for (int p = 0; p < {plan.phases}; p++)",
        "                EACH(x, VL) {",
        f"                    const ptrdiff_t at = p * f->phase{ring.scale} + x;",
        *(["                    vf four[4] = {{0}};"] if ring.storage is Storage.WORDS else []),
        f"                    for (int j = first; j < least(first + {together}, {op.channels}); j++) {{",
        f"                        vf y = {value};",
        *indent(stored(name, op, plan, "j", "j", "out"), 6),
        "                    }",
        "                }",
        *([f"            v{op.value}_border(f, out[first / {together}]);"] if ring.halo else []),
        "        }",
        "    }",
        "}",
        "",
    ]
    return shifts + stage_tables(name, op.stages, plan.formats) + "\n".join(lines)


def shuffle_function(name: str, step: Step, plan: Plan) -> str:
    """Depth to space in the middle of a network."""
    op = step.op
    assert isinstance(op, Shuffle)
    ring, f = plan.rings[op.value], op.factor
    inner = ring.scale // f
    height, width = extent("h", inner), extent("w", inner)
    rows, phases = BAND * inner, plan.phases
    border = f"\n            v{op.value}_border(f, out);" if ring.halo else ""
    table = "\n".join(f"        {line}" for line in row_table("in", op.inputs, 1, "y"))
    return f"""static void {name}(const frame *f, int k)
{{
    const int w = {width}, top = {rows} * k - {ring.delay // f};
    for (int y = top; y < top + {rows}; y++) {{
        if (y < 0 || y >= {height}) continue;
        const span *const needed = {spans_of(step, plan, f"{f} * y", f)};
        if (needed->from == needed->to) continue;
{table}
        for (int c = 0; c < {op.channels}; c++)
            for (int i = 0; i < {f}; i++) {{
            float *out = v{op.value}_row(f, {f} * y + i, c);
            for (const span *own = needed; own->from < own->to; own++)
                for (int x = {phases} * own->from / {f}; x < least(w, ({phases} * own->to + {f - 1}) / {f}); x++)
                for (int j = 0; j < {f}; j++)
                    out[place({f} * x + j, f->phase{ring.scale})]
                        = in[0][c * {f * f} + i * {f} + j][place(x, f->phase{inner})];{border}
        }}
    }}
}}
"""
