"""C for integer convolutions by Winograd along the rows, exactly: for WebAssembly.

F(4, 3) at the points 0, 1, -1, 2, -2 has whole numbers for the input's transform and for the result's; kernels times 24
are whole numbers too. The former, up to 1275, and the latter, up to 3048, fit in the 16 bits of which
`i32x4.dot_i16x8_s` takes two products and their sum, so 6 products make what 12 make directly. Sums are 24 times the
result: a third of them is a product by the inverse of 3 modulo 2^32, an eighth a shift, and both leave no rest.
"""

from __future__ import annotations

import numpy as np

from pocketsr.engine.codegen.emit_integers import by_words, finished, words_of
from pocketsr.engine.codegen.emit_pointwise import array, indent
from pocketsr.engine.codegen.emit_told import is_told, told_starts
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Conv

__all__ = ["apart_words_body", "apart_words_functions", "apart_words_tables", "apart_words_tile"]

_PRODUCTS, _ROWS, _KERNEL_ROWS = 6, 4, 3
_PAIRS = 2  # of channels in a word

_FUNCTIONS = """typedef int16_t pairs __attribute__((vector_size(16))); /* two channels of four pixels */

/* Kernels of three rows, times 24, to what is multiplied for each of six products: to[t][e] of from[e] */
static void fill_pairs(int32_t *to, const int8_t (*from)[2][3], int n)
{
    static const int8_t rows[6][3] = {{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4}, {1, 2, 4}, {1, -2, 4}, {0, 0, 24}};
    for (int t = 0; t < 6; t++)
        for (int e = 0; e < n; e++) {
            int k[2];
            for (int i = 0; i < 2; i++)
                k[i] = rows[t][0] * from[e][i][0] + rows[t][1] * from[e][i][1] + rows[t][2] * from[e][i][2];
            *to++ = TWO_HALVES(k[0], k[1]);
        }
}
/* Six rows to what is multiplied for four */
INLINE void spread_pairs(const pairs d[6], int32_t *to, ptrdiff_t size)
{
    const pairs e1 = d[4] - (d[2] << 2), o1 = d[3] - (d[1] << 2), e2 = d[4] - d[2], h = d[3] - d[1], o2 = h << 1;
    const pairs t[6] = {((d[0] - d[2]) << 2) + e2, e1 + o1, e1 - o1, e2 + o2, e2 - o2, d[5] - d[3] - (o2 << 1)};
    UNROLL for (int i = 0; i < 6; i++) __builtin_memcpy(to + i * size, &t[i], sizeof t[i]);
}
/* Products of one column of four results, 24 times as large, to these */
INLINE void rows_of(const vi t[6], vi y[4])
{
    const vi s1 = t[1] + t[2], d1 = t[1] - t[2], s2 = t[3] + t[4], d2 = t[3] - t[4];
    const vi sum[4] = {t[0] + s1 + s2, d1 + (d2 << 1), s1 + (s2 << 2), d1 + (d2 << 3) + t[5]};
    UNROLL for (int r = 0; r < 4; r++) y[r] = (vi)((vu)sum[r] * 0xaaaaaaabu) >> 3; /* 3 * 0xaaaaaaab is 1 */
}
"""


def _size(step: Step, plan: Plan) -> int:
    """Numbers in a transformed row of a pair of channels: a vector more on both sides."""
    return step.method.tile + 2 * plan.target.lanes


def _layout(step: Step, plan: Plan) -> tuple[int, int]:
    """Numbers of the transformed input, and of the products of one block."""
    op, block = step.op, step.method.block
    assert isinstance(op, Conv)
    transformed = _PRODUCTS * len(words_of(op.inputs)) * _PAIRS * _size(step, plan)
    return transformed, _PRODUCTS * block.channels * block.vectors * plan.target.lanes


def apart_words_tile(step: Step, plan: Plan) -> int:
    """Numbers of scratch memory."""
    return sum(_layout(step, plan))


def apart_words_tables(name: str, op: Conv, step: Step, plan: Plan) -> str:
    """NAME_kernel, and NAME_fill that makes of it what is multiplied, in the order in which it is read; what
    results start from."""
    assert op.integers is not None
    dense = by_words(op, op.integers)  # output, word, place, row, column
    size = step.method.block.channels
    kernels, calls, done = [], [], 0
    for first in _firsts(op, step):
        part = dense[first : first + size]
        pairs = np.stack([part[:, :, [0, 2]], part[:, :, [1, 3]]], axis=2)  # output, word, pair, channel, row, column
        kernels.append(pairs.transpose(1, 5, 2, 0, 3, 4).ravel())  # word, column, pair, output, channel, row
        each = kernels[-1].size // (_PAIRS * _KERNEL_ROWS)
        calls.append(f"    fill_pairs({name}_weight + {_PRODUCTS * done}, {name}_kernel + {done}, {each});")
        done += each
    numbers = np.concatenate(kernels).reshape(done, _PAIRS, _KERNEL_ROWS).tolist()
    entries = ["{" + ", ".join("{" + ", ".join(map(str, rows)) + "}" for rows in entry) + "}" for entry in numbers]
    body = ",\n".join("    " + ", ".join(entries[i : i + 4]) for i in range(0, done, 4))
    start = ", ".join(str(int(b)) for b in op.integers.start)
    told = is_told(step)
    return (
        f"static const int8_t {name}_kernel[{done}][{_PAIRS}][{_KERNEL_ROWS}] = {{\n{body}}};\n"
        f"static int32_t {name}_weight[{_PRODUCTS * done}] __attribute__((aligned(64)));\n"
        f"static void {name}_fill(void)\n{{\n" + "\n".join(calls) + "\n}\n"
        f"static const int32_t {name}_{'from' if told else 'start'}[{op.channels}] = {{{start}}};\n"
        + (told_starts(name, op, step, plan) if told else "")
        + array(f"{name}_step", op.integers.step)
    )


def apart_words_functions(steps: list[Step], plan: Plan) -> str:
    """What `steps` share, each shape once."""
    made: dict[str, str] = {}
    for step in steps:
        op = step.op
        assert isinstance(op, Conv)
        words, columns = len(words_of(op.inputs)), op.weight.shape[3]
        for count in sorted({min(step.method.block.channels, op.channels - f) for f in _firsts(op, step)}):
            made.setdefault(_called(step, count), _products(step, plan, words, columns, count))
    return _FUNCTIONS + "\n".join(made.values())


def _firsts(op: Conv, step: Step) -> range:
    return range(0, op.channels, step.method.block.channels)


def _called(step: Step, count: int) -> str:
    op = step.op
    assert isinstance(op, Conv)
    return f"products_{len(words_of(op.inputs))}w{op.weight.shape[3]}_{count}x{step.method.block.vectors}"


def _products(step: Step, plan: Plan, words: int, columns: int, count: int) -> str:
    vectors, size = step.method.block.vectors, _size(step, plan)
    lines = [
        f"/* {_PRODUCTS} products of {words} words by {count} channels x {vectors} vectors */",
        f"APART void {_called(step, count)}(const int32_t *v, const int32_t *w, int32_t *to)",
        "{",
        f"    ROLLED for (int t = 0; t < {_PRODUCTS}; t++, to += {count * vectors} * VL) {{",
        *(f"        vi {', '.join(f'a{j}_{u} = {{0}}' for u in range(vectors))};" for j in range(count)),
        f"        ROLLED for (int i = 0; i < {words}; i++, v += {_PAIRS * size}, w += {columns * _PAIRS * count}) {{",
        "            HOLD(v); HOLD(w);",
    ]
    held = ", ".join(f'"+r"(a{j}_{u})' for j in range(count) for u in range(vectors))
    for c in range(columns):
        for pair in range(_PAIRS):
            loads = [f"x{u} = load_words((const float *)(v + {c + pair * size} + {u} * VL))" for u in range(vectors)]
            lines += ["            {", f"                const vi {', '.join(loads)};"]
            for j in range(count):
                at = (c * _PAIRS + pair) * count + j
                sums = " ".join(f"a{j}_{u} += dot2(x{u}, w[{at}]);" for u in range(vectors))
                lines.append(f"                {sums}")
            lines += [f'                __asm__("" : {held});', "            }"]
    lines += ["        }"]
    lines += [
        f"        __builtin_memcpy(to + {j * vectors + u} * VL, &a{j}_{u}, sizeof a{j}_{u});"
        for j in range(count)
        for u in range(vectors)
    ]
    return "\n".join([*lines, "    }", "}", ""])


def apart_words_body(name: str, op: Conv, step: Step, plan: Plan) -> list[str]:
    """A step's body."""
    method, lanes = step.method, plan.target.lanes
    words, columns = len(words_of(op.inputs)), op.weight.shape[3]
    vectors, size = method.block.vectors, _size(step, plan)
    room = _layout(step, plan)[0]
    each = words * _PAIRS * size  # numbers a product
    lines = [
        "    int32_t *const tile = (int32_t *)(void *)f->tile; /* product, word, pair, column */",
        f"    int32_t *const made = tile + {room};",
        f"    EACH(x0, {method.tile}) {{",
        f"        const int end = least({method.tile}, until - x0);",
        f"        ROLLED for (int i = 0; i < {words}; i++)",
        "            ROLLED for (int x = -VL; x < end + VL; x += VL) {",
        f"                pairs d[2][{_PRODUCTS}];",
        f"                UNROLL for (int r = 0; r < {_PRODUCTS}; r++) {{",
        "                    const bytes both = spread(load_words(in[r][i] + x0 + x));",
        "                    d[0][r] = (pairs)both.part[0];",
        "                    d[1][r] = (pairs)both.part[1];",
        "                }",
        f"                int32_t *const to = tile + i * {_PAIRS * size} + VL + x;",
        f"                spread_pairs(d[0], to, {each});",
        f"                spread_pairs(d[1], to + {size}, {each});",
        "            }",
        f"        for (int x = 0; x < end; x += {vectors} * VL) {{",
        f"            const int32_t *const v = tile + {lanes - columns // 2} + x;",
    ]
    done = 0
    for first in _firsts(op, step):
        count = min(method.block.channels, op.channels - first)
        lines += [
            f"            {{ /* channels {first} to {first + count - 1} */",
            f"                {_called(step, count)}(v, {name}_weight + {done}, made);",
            f"                vi sums[{_ROWS}][{count}][{vectors}];",
            f"                UNROLL for (int j = 0; j < {count}; j++)",
            f"                    UNROLL for (int v = 0; v < {vectors}; v++) {{",
            f"                        vi t[{_PRODUCTS}], y[{_ROWS}];",
            f"                        UNROLL for (int i = 0; i < {_PRODUCTS}; i++)",
            f"                            t[i] = load_words((float *)made + ((i * {count} + j) * {vectors} + v) * VL);",
            "                        rows_of(t, y);",
            f"                        UNROLL for (int r = 0; r < {_ROWS}; r++)",
            f"                            sums[r][j][v] = y[r] + {name}_start[{first} + j];",
            "                    }",
            f"                ROLLED for (int r = 0; r < {_ROWS}; r++) {{",
            f"                    vi (*const sum)[{vectors}] = sums[r];",
            *indent(finished(name, op, plan, first, count, vectors, "x0 + x + v * VL", row="r"), 5),
            "                }",
            "            }",
        ]
        done += count * _PRODUCTS * words * columns * _PAIRS
    return [*lines, "        }", "    }"]
