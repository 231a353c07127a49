"""Tables that a WebAssembly module fills when it first runs, from kernels as they were trained.

Winograd makes 36 numbers of 9. Those of `small` are 98 of its 147 kB, and hardly get smaller by gzip; a page
loads the module each time, and the transform takes less than a frame. A library on disk holds them ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pocketsr.engine.codegen.emit_pointwise import Part, array
from pocketsr.engine.codegen.emit_told import is_told, told_biases
from pocketsr.engine.codegen.method import Storage
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.codegen.winograd import Filter
from pocketsr.engine.ir.graph import Conv

__all__ = ["fill_all", "fill_functions", "filled_tables", "is_filled"]

_FILL = """/* to[t][u][e] = the sum of rows[t][k] columns[u][x] from[k][x][e] */
static void fill(float *to, const float *from, const double *rows, int n, int r, const double *columns, int m, int c,
    int size)
{
    for (int t = 0; t < n; t++)
        for (int u = 0; u < m; u++)
            for (int e = 0; e < size; e++) {
                double sum = 0;
                for (int k = 0; k < r; k++)
                    for (int x = 0; x < c; x++)
                        sum += rows[t * r + k] * columns[u * c + x] * (double)from[(k * c + x) * size + e];
                to[(t * m + u) * size + e] = (float)sum;
            }
}
"""


def is_filled(step: Step, plan: Plan) -> bool:
    """Whether a step's weights are transformed when the module runs. Chosen kernels are stored ready."""
    op = step.op
    if step.method.apart and step.method.reads is Storage.WORDS:
        return True
    floats = isinstance(op, Conv) and op.integers is None and op.chosen is None and step.method.rows is not None
    return plan.target.is_wasm and floats and not plan.formats.exact


def fill_functions(filters: Iterable[Filter]) -> str:
    """`fill`, and the matrices of `filters` that it takes: of the kernel, and of what a bias enters through."""
    tables = "static const double one[1] __attribute__((unused)) = {1.0};\n"
    for each in filters:
        for kind, matrix in (("kernel", each.weight), ("ones", each.ones)):
            numbers = ", ".join(repr(float(number)) for number in matrix.ravel())
            tables += (
                f"static const double {kind}_{_tag(each)}[{matrix.size}] __attribute__((unused)) = {{{numbers}}};\n"
            )
    return _FILL + tables


def _tag(each: Filter) -> str:
    return f"{each.outputs}_{each.taps}"


def filled_tables(name: str, op: Conv, step: Step, plan: Plan, blocks: list[Part]) -> str:
    """NAME_weight and NAME_bias, what they are made from, and NAME_fill, which makes them.

    Biases that depend on a strength are no such table: NAME_tell makes them.
    """
    rows, columns = step.method.rows, step.method.columns
    assert rows is not None
    over, spread, nc, taps = "one, 1, 1", "one, 1, 1", 1, rows.taps
    if columns:
        nc, taps = columns.products, rows.taps * columns.taps
        over, spread = (
            f"kernel_{_tag(columns)}, {nc}, {columns.taps}",
            f"ones_{_tag(columns)}, {nc}, 1",
        )
    n = rows.products
    spreads = not is_told(step) and not step.method.apart
    kernels, calls, begin = [], [], 0
    for _, first, count, offset in blocks:
        part = op.weight[first : first + count]  # CO CI KH KW
        # along the rows alone, taps along the columns are inputs of their own
        part = part.transpose(2, 3, 1, 0) if columns else part.transpose(2, 1, 3, 0)
        kernels.append(part.ravel())
        calls += [
            f"    fill({name}_weight + {offset}, {name}_kernel + {begin}, kernel_{_tag(rows)}, {n}, {rows.taps},",
            f"        {over}, {part.size // taps});",
        ]
        if spreads:
            calls += [
                f"    fill({name}_bias + {n * nc * first}, {name}_plain_bias + {first}, ones_{_tag(rows)}, {n}, 1,",
                f"        {spread}, {count});",
            ]
        begin += part.size
    lines = [
        f"static float {name}_weight[{begin // taps * n * nc}] __attribute__((aligned(64)));",
        *([f"static float {name}_bias[{n * nc * op.channels}] __attribute__((aligned(64)));"] if spreads else []),
        f"static void {name}_fill(void)",
        "{",
        *calls,
        "}",
    ]
    if is_told(step):
        biases = told_biases(name, op, step, plan, blocks, op.bias)
    else:
        biases = array(f"{name}_plain_bias" if spreads else f"{name}_bias", op.bias)
    return array(f"{name}_kernel", np.concatenate(kernels)) + biases + "\n".join(lines) + "\n"


def fill_all(names: Sequence[str]) -> str:
    """What every entry calls first: it fills the tables once an instance."""
    calls = "\n".join(f"    {name}_fill();" for name in names)
    return f"""static void fill_tables(void)
{{
    static int filled;
    if (filled) return;
    filled = 1;
{calls}
}}
"""
