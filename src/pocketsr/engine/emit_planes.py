"""C for everything that is no convolution: reading and writing samples, pointwise maps, depth to space."""

from __future__ import annotations

from pocketsr.engine.emit_points import point_tables, points_code, row_table
from pocketsr.engine.ir import Combine, Map, Shuffle
from pocketsr.engine.plan import BAND, Plan

__all__ = ["load_function", "map_function", "shuffle_function", "store_function"]

_PIXELS = {"u8": "uint8_t", "u16": "uint16_t", "f32": "float"}
_VECTORS = {"u8": "vb", "u16": "vh", "f32": "vf"}


def load_function(kind: str, plan: Plan) -> str:
    """read_KIND: a band of the input to floats, from 0 to the network's white."""
    ring, pixel, vector = plan.rings[0], _PIXELS[kind], _VECTORS[kind]
    border = "\n            v0_border(f, row);" if ring.halo else ""
    convert = "v" if kind == "f32" else "__builtin_convertvector(v, vf) * f->in_scale"
    return f"""static void read_{kind}(const frame *f, int k)
{{
    for (int y = {BAND} * k; y < {BAND} * k + {BAND}; y++) {{
        if (y < 0 || y >= f->h) continue;
        for (int c = 0; c < {ring.channels}; c++) {{
            const {pixel} *p = (const {pixel} *)f->in + y * f->in_stride + c * f->in_plane;
            float *row = v0_row(f, y, c);
            for (int x = 0; x < f->w; x += VL) {{
                {vector} v = {{0}};
                if (x + VL <= f->w) __builtin_memcpy(&v, p + x, sizeof v);
                else for (int i = 0; i < f->w - x; i++) v[i] = p[x + i];
                store(row + x, {convert});
            }}{border}
        }}
    }}
}}
"""


def store_function(kind: str, plan: Plan) -> str:
    """write_KIND: a band of the result to samples, shuffled to its place, rounded half up and clipped."""
    scale = plan.graph.scales()[plan.output[0].value]
    shift = max(plan.rings[ref.value].shift for ref in plan.output)
    f, area, pixel, vector = plan.factor, plan.factor**2, _PIXELS[kind], _VECTORS[kind]
    rows = BAND * scale
    height = "f->h" if scale == 1 else f"{scale} * f->h"
    width = "f->w" if scale == 1 else f"{scale} * f->w"
    channels = len(plan.output) // area
    table = "\n".join("        " + line for line in row_table("from", plan.output, 1, "y"))
    rounded = (
        "y"
        if kind == "f32"
        else f"__builtin_convertvector(__builtin_convertvector("
        f"clip(y * f->out_scale + 0.5f, 0.5f, f->top + 0.5f), vi), {vector})"
    )
    if f == 1:
        weave = """if (x + VL <= w) __builtin_memcpy(to + x, s, sizeof s);
                else for (int i = 0; i < w - x; i++) to[x + i] = s[0][i];"""
    elif f == 2:
        weave = f"""{vector} z[2];
                z[0] = ZIP_LOW(s[0], s[1]);
                z[1] = ZIP_HIGH(s[0], s[1]);
                if (x + VL <= w) __builtin_memcpy(to + 2 * x, z, sizeof z);
                else for (int i = 0; i < w - x; i++) {{ to[2 * (x + i)] = s[0][i]; to[2 * (x + i) + 1] = s[1][i]; }}"""
    else:
        weave = f"""const int left = least(VL, w - x);
                for (int l = 0; l < left; l++)
                    for (int j = 0; j < {f}; j++) to[{f} * (x + l) + j] = s[j][l];"""
    return f"""static void write_{kind}(const frame *f, int k)
{{
    const int w = {width};
    for (int y = {rows} * k - {shift}; y < {rows} * k - {shift} + {rows}; y++) {{
        if (y < 0 || y >= {height}) continue;
{table}
        for (int c = 0; c < {channels}; c++)
            for (int i = 0; i < {f}; i++) {{
            {pixel} *to = ({pixel} *)f->out + ((ptrdiff_t){f} * y + i) * f->out_stride + c * f->out_plane;
            for (int x = 0; x < w; x += VL) {{
                {vector} s[{f}];
                UNROLL for (int j = 0; j < {f}; j++) {{
                    const vf y = load(from[0][c * {area} + i * {f} + j] + x);
                    s[j] = {rounded};
                }}
                {weave}
            }}
        }}
    }}
}}
"""


def map_function(name: str, op: Map, plan: Plan) -> str:
    """Pointwise steps over a band."""
    ring = plan.rings[op.value]
    height = "f->h" if ring.scale == 1 else f"{ring.scale} * f->h"
    width = "f->w" if ring.scale == 1 else f"{ring.scale} * f->w"
    rows = BAND * ring.scale
    tables = row_table("in", op.inputs, 1, "y")
    for i, point in enumerate(op.points):
        if isinstance(point, Combine):
            tables += row_table(f"other{i}", point.other, 1, "y")
    lines = [
        f"static void {name}(const frame *f, int k)",
        "{",
        f"    const int w = {width}, top = {rows} * k - {ring.shift};",
        f"    for (int y = top; y < top + {rows}; y++) {{",
        f"        if (y < 0 || y >= {height}) continue;",
        *(f"        {line}" for line in tables),
        f"        for (int j = 0; j < {op.channels}; j++) {{",
        f"            float *out = v{op.value}_row(f, y, j);",
        "            for (int x = 0; x < w; x += VL) {",
        "                vf y = load(in[0][j] + x);",
        *(f"                {line}" for line in points_code(name, op.points, "j", "0", "x")),
        "                store(out + x, y);",
        "            }",
        *([f"            v{op.value}_border(f, out);"] if ring.halo else []),
        "        }",
        "    }",
        "}",
        "",
    ]
    return point_tables(name, op.points) + "\n".join(lines)


def shuffle_function(name: str, op: Shuffle, plan: Plan) -> str:
    """Depth to space in the middle of a network."""
    ring, f = plan.rings[op.value], op.factor
    inner = ring.scale // f
    height = "f->h" if inner == 1 else f"{inner} * f->h"
    width = "f->w" if inner == 1 else f"{inner} * f->w"
    rows = BAND * inner
    border = f"\n            v{op.value}_border(f, out);" if ring.halo else ""
    table = "\n".join(f"        {line}" for line in row_table("in", op.inputs, 1, "y"))
    return f"""static void {name}(const frame *f, int k)
{{
    const int w = {width}, top = {rows} * k - {ring.shift // f};
    for (int y = top; y < top + {rows}; y++) {{
        if (y < 0 || y >= {height}) continue;
{table}
        for (int c = 0; c < {op.channels}; c++)
            for (int i = 0; i < {f}; i++) {{
            float *out = v{op.value}_row(f, {f} * y + i, c);
            for (int x = 0; x < w; x++)
                for (int j = 0; j < {f}; j++) out[{f} * x + j] = in[0][c * {f * f} + i * {f} + j][x];{border}
        }}
    }}
}}
"""
