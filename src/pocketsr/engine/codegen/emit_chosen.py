"""C for the classes of structure (`pixels.structure`), and for convolutions whose kernels are chosen by them.

All numbers of a class are whole and below 2^24, so floats hold them exactly, contracted or not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.codegen.emit_dot import dot_name
from pocketsr.engine.codegen.emit_pointwise import Part, extent, indent, literal, tap_planes
from pocketsr.engine.codegen.method import BAND, Storage
from pocketsr.engine.codegen.partial import spans_of
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Classes, Conv
from pocketsr.pixels.structure import DIRECTIONS

__all__ = [
    "SUM_ROWS",
    "chosen_body",
    "classes_function",
    "in_tables",
    "looked_up_functions",
    "picked",
]

_SEEN, _SUMMED = 3, 2  # rows and columns around a pixel: its class's levels, its sums' gradients
SUM_ROWS = 3 * BAND
"""Rows of vertical sums that a band of classes needs."""


def classes_function(name: str, step: Step, plan: Plan) -> str:
    """A band of classes, as integers: sums along the columns for four rows at once, then along the rows."""
    op = step.op
    assert isinstance(op, Classes)
    source, ring = op.inputs[0], plan.rings[op.value]
    stride = f"f->stride{ring.scale}"
    products = BAND + 2 * _SUMMED
    height = extent("h", ring.scale)
    strengths = "".join(f" - {DIRECTIONS} * (a + c > {literal(limit)})" for limit in op.limits)
    return f"""/* Directions by 5/12, the tangent of an eighth of a turn; strengths by the sum of both squares. */
static void {name}(const frame *f, int k)
{{
    const int y0 = {BAND} * k - {ring.delay};
    const ptrdiff_t phase = f->phase{ring.scale}, stride = {stride};
    if (y0 + {BAND} <= 0 || y0 >= {height}) return;
    const span *own = {spans_of(step, plan, "y0", BAND)};
    const float *in[{BAND + 2 * _SEEN}];
    for (int r = 0; r < {BAND + 2 * _SEEN}; r++) in[r] = v{source.value}_at(f, y0 - {_SEEN} + r, {source.channel});
    for (; own->from < own->to; own++) {{
    const int from = own->from, n = own->to;
    for (int p = 0; p < {plan.phases}; p++) {{
        const ptrdiff_t left = place(p - 1, phase), at = place(p, phase), right = place(p + 1, phase);
        for (int x = from - VL; x < n + VL; x += VL) {{
            vf xx[{products}], xy[{products}], yy[{products}];
            UNROLL for (int r = 0; r < {products}; r++) {{
                const vf gx = load(in[r + 1] + right + x) - load(in[r + 1] + left + x);
                const vf gy = load(in[r + 2] + at + x) - load(in[r] + at + x);
                xx[r] = gx * gx;
                xy[r] = gx * gy;
                yy[r] = gy * gy;
            }}
            float *to = f->sums + at + x;
            UNROLL for (int r = 0; r < {BAND}; r++, to += 3 * stride) {{
                store(to, binomial(xx[r], xx[r + 1], xx[r + 2], xx[r + 3], xx[r + 4]));
                store(to + stride, binomial(xy[r], xy[r + 1], xy[r + 2], xy[r + 3], xy[r + 4]));
                store(to + 2 * stride, binomial(yy[r], yy[r + 1], yy[r + 2], yy[r + 3], yy[r + 4]));
            }}
        }}
    }}
    for (int r = 0; r < {BAND}; r++) {{
        float *const out = v{op.value}_to(f, y0 + r, 0);
        const float *const sums = f->sums + 3 * r * stride;
        for (int p = 0; p < {plan.phases}; p++) {{
            const ptrdiff_t at[5] = {{place(p - 2, phase), place(p - 1, phase), place(p, phase), place(p + 1, phase),
                                     place(p + 2, phase)}};
            for (int x = from; x < n + VL; x += VL) {{
                const vf a = summed(sums + x, at), b = summed(sums + stride + x, at);
                const vf c = summed(sums + 2 * stride + x, at);
                const vf u = a - c, along = vabs(u), size = vabs(b);
                const vi below = b < 0.0f;
                vi turn = -(4.0f * size > 5.0f * (along - 4.0f * size)) - (5.0f * (size - along) > along);
                turn = either(u < 0.0f, 4 - turn, turn);
                turn = either(below & (turn > 0), 8 - turn, turn);
                {f"turn = turn{strengths};" if strengths else ""}
                __builtin_memcpy(out + at[2] + x, &turn, sizeof turn);
            }}
        }}
    }}
    }}
}}
"""


def in_tables(numbers: NDArray[Any], step: Step) -> NDArray[Any]:
    """Numbers of all classes, K N .., in the order in which the inner loops read them: K*N ..

    Class after class; for a lookup table after table, each with `lookup` classes of every number side by side.
    """
    size, rest = step.method.lookup, numbers.shape[2:]
    if not size:
        return numbers.reshape(-1, *rest)
    tables = -(-len(numbers) // size)
    padded = np.zeros((tables * size, *numbers.shape[1:]), numbers.dtype)
    padded[: len(numbers)] = numbers
    return padded.reshape(tables, size, *numbers.shape[1:]).swapaxes(1, 2).reshape(-1, *rest)


def chosen_body(name: str, op: Conv, step: Step, plan: Plan, blocks: list[Part], finish: list[str]) -> list[str]:
    """Direct, each pixel with the kernel of its class. finish: what becomes of `y`, channel `FIRST + j`.

    By lookup each weight is a vector, taken from a table of `lookup` classes; where pixels of a vector need several
    tables, each is taken in turn, and lanes are picked. Without, the same with each class among the pixels in turn.
    Whatever is among them, a pixel's sum has the same addends in the same order, and so the same bits.
    """
    assert op.chosen is not None
    taps, columns = op.weight.shape[2:]
    per_group, vectors, size = op.weight.shape[1] * taps * columns, step.method.block.vectors, step.method.lookup
    classes, count_classes = op.chosen.classes, len(op.chosen.weight)
    several = count_classes > size  # tables, or classes
    value = f"times(sum[j][v], SPLAT({name}_step[FIRST + j]))" if op.integers else "sum[j][v]"
    four = ["                vf four[4] = {{0}};"] if plan.rings[op.value].storage is Storage.WORDS else []
    found = ["        const uint64_t found = among(class, sizeof class);"] if several else []
    lines = [
        f"    const float *const classes = v{classes.value}_at(f, y0, {classes.channel});",
        f"    for (int p = 0; p < {plan.phases}; p++) {{",
        *tap_planes(len(op.inputs), taps, columns),
        f"    EACH(x, {vectors} * VL) {{",
        f"        vi class[{vectors}];",
        "        __builtin_memcpy(class, classes + p * phase + x, sizeof class);",
        *found,
    ]
    for group, first, count, offset in blocks:
        planes = f"{per_group}, plane + {group * per_group}, x"
        bias = f"{name}_bias + {first}"
        lines += [
            f"        {{ /* channels {first} to {first + count - 1} */",
            f"            vf sum[{count}][{vectors}]{' = {{{0}}}' if several else ''};",
        ]
        if size and not several:
            lines += [
                f"            {_looked_up(count, vectors)}({planes}, class,",
                f"                {name}_weight + {offset * size}, {bias}, sum);",
            ]
        elif size:
            weights = f"{name}_weight + (ptrdiff_t){op.weight.size * size} * (k / {size}) + {offset * size}"
            lines += [
                "            if ((found & (found - 1)) == 0) {",
                "                const int k = __builtin_ctzll(found);",
                f"                {_one_class(count, vectors)}({planes}, {weights} + k % {size}, {bias}, sum);",
                "            } else",
                "                for (uint64_t rest = found; rest;) {",
                "                    const int k = __builtin_ctzll(rest);",
                f"                    vf part[{count}][{vectors}];",
                f"                    {_looked_up(count, vectors)}({planes}, class,",
                f"                        {weights}, {bias}, part);",
                f"                    rest &= ~({hex(2**size - 1)}ull << (k & -{size}));",
                *picked(count, vectors, f"(class[v] & -{size}) == (k & -{size})", 5),
                "                }",
            ]
        else:
            dot = dot_name(count, vectors, inlined=True)
            lines += [
                "            for (uint64_t rest = found; rest; rest &= rest - 1) {",
                "                const int k = __builtin_ctzll(rest);",
                f"                vf part[{count}][{vectors}];",
                f"                {dot}({planes},",
                f"                    {name}_weight + (ptrdiff_t){op.weight.size} * k + {offset}, {bias}, part);",
                *picked(count, vectors, "class[v] == k", 4),
                "            }",
            ]
        lines += [
            f"            UNROLL for (int v = 0; v < {vectors}; v++) {{",
            "                const ptrdiff_t at = p * phase + x + v * VL;",
            *four,
            f"                UNROLL for (int j = 0; j < {count}; j++) {{",
            f"                    vf y = {value.replace('FIRST', str(first))};",
            *indent([line.replace("FIRST", str(first)) for line in finish], 5),
            "                }",
            "            }",
            "        }",
        ]
    return [*lines, "    }", "    }"]


def picked(count: int, vectors: int, mask: str, depth: int, kind: str = "vf") -> list[str]:
    """Statements that take lanes of `part` for `sum`, vectors of `kind`, where `mask` says so."""
    lines = [
        f"UNROLL for (int j = 0; j < {count}; j++)",
        f"    UNROLL for (int v = 0; v < {vectors}; v++)",
        f"        sum[j][v] = ({kind})either({mask}, (vi)part[j][v], (vi)sum[j][v]);",
    ]
    return indent(lines, depth)


def _looked_up(channels: int, vectors: int) -> str:
    return f"looked_up_{channels}x{vectors}"


def _one_class(channels: int, vectors: int) -> str:
    return f"one_class_{channels}x{vectors}"


def looked_up_functions(channels: int, vectors: int, size: int) -> str:
    """The inner loops by lookup: as `dot_function`, but each weight is `size` numbers, one a class."""
    loops = (
        (
            _looked_up(channels, vectors),
            "const vi *class, ",
            f"const numbers of = numbers_of(w + {size} * j, {size});",
            f"looked_up(of, {size}, class[v])",
        ),
        (_one_class(channels, vectors), "", f"const vf of = SPLAT(w[{size} * j]);", "of"),
    )
    return "\n".join(
        f"""/* bias[j] + sum over n planes of weight * plane: {channels} channels x {vectors} vectors */
INLINE void {name}(int n, const float *const *plane, ptrdiff_t x, {argument}const float *w,
    const float *bias, vf out[{channels}][{vectors}])
{{
    vf sum[{channels}][{vectors}];
    UNROLL for (int j = 0; j < {channels}; j++)
        UNROLL for (int v = 0; v < {vectors}; v++) sum[j][v] = SPLAT(bias[j]);
    for (int i = 0; i < n; i++, w += {channels * size}) {{
        vf at[{vectors}];
        UNROLL for (int v = 0; v < {vectors}; v++) at[v] = load(plane[i] + x + v * VL);
        UNROLL for (int j = 0; j < {channels}; j++) {{
            {kept}
            UNROLL for (int v = 0; v < {vectors}; v++) sum[j][v] += {weight} * at[v];
        }}
    }}
    UNROLL for (int j = 0; j < {channels}; j++)
        UNROLL for (int v = 0; v < {vectors}; v++) out[j][v] = sum[j][v];
}}
"""
        for name, argument, kept, weight in loops
    )
