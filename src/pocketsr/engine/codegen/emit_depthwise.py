"""C for depthwise convolutions of floats: a band of rows at once, so that each row that is read serves all of them.

One channel has one sum a pixel, and its products are as many as its loads: row by row, an 11x11 kernel loads each
vector of pixels eleven times over. Here four rows of results are summed together; a row that is read counts for up to
four of them, and the weights of one column stay in registers meanwhile. Channels are a loop, since all do the same.
"""

from __future__ import annotations

from pocketsr.engine.codegen.emit_pointwise import indent, stages_code
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Conv

__all__ = ["depthwise_body"]


def depthwise_body(name: str, op: Conv, step: Step, plan: Plan) -> list[str]:
    """The rows in `in` to the rows `out`. Weights lie by channel, row, column; addends are summed column by column."""
    taps, columns = op.weight.shape[2:]
    count, vectors = step.method.together, step.method.block.vectors
    times = op.channels // op.groups
    source = "j" if times == 1 else f"j / {times}"
    size = range(vectors)
    lines = [
        f"    for (int j = 0; j < {op.channels}; j++) {{",
        f"    const float *const weight = {name}_weight + {taps * columns} * j;",
        f"    for (int p = 0; p < {plan.phases}; p++) {{",
        f"    ptrdiff_t shift[{columns}];",
        f"    for (int c = 0; c < {columns}; c++) shift[c] = place(p + c - {columns // 2}, phase);",
        f"    EACH(x, {vectors} * VL) {{",
        f"        vf z[{vectors}], sum[{count}][{vectors}];",
        f"        UNROLL for (int r = 0; r < {count}; r++)",
        f"            UNROLL for (int v = 0; v < {vectors}; v++) sum[r][v] = SPLAT({name}_bias[j]);",
        f"        for (int c = 0; c < {columns}; c++) {{",
        "            const ptrdiff_t from = shift[c] + x;",
    ]
    lines += [f"            const vf k{r} = SPLAT(weight[{r * columns} + c]);" for r in range(taps)]
    for i in range(taps + count - 1):
        lines.append("            " + " ".join(f"z[{v}] = load(in[{i}][{source}] + from + {v} * VL);" for v in size))
        for r in range(max(0, i - taps + 1), min(count, i + 1)):
            lines.append("            " + " ".join(f"sum[{r}][{v}] += k{i - r} * z[{v}];" for v in size))
    return [
        *lines,
        "        }",
        f"        UNROLL for (int r = 0; r < {count}; r++)",
        f"            UNROLL for (int v = 0; v < {vectors}; v++) {{",
        "                const ptrdiff_t at = p * phase + x + v * VL;",
        "                vf y = sum[r][v];",
        *indent(stages_code(name, op.stages, "j", "r", "at", plan.formats), 4),
        "                store(out[r][j] + at, y);",
        "            }",
        "    }",
        "    }",
        "    }",
    ]
