"""C for convolutions: direct, or between Winograd's transforms along the rows, or along rows and columns.

A row is kept in phases (see `Plan.phases`): column P*x + p is element x of phase p, and the column c further on is
element x + (p + c) div P of phase (p + c) mod P. So neighbours are whole vectors, and no lane ever moves.
"""

from __future__ import annotations

import numpy as np

from pocketsr.engine.emit_dot import dot_name, winograd_in_parts
from pocketsr.engine.emit_points import array, extent, point_tables, points_code, row_table
from pocketsr.engine.ir import Combine, Conv
from pocketsr.engine.method import BAND
from pocketsr.engine.plan import Plan, Step

__all__ = ["conv_function", "dot_shapes", "tile_floats"]

Blocks = list[tuple[int, int, int, int]]  # group, first channel, channels, offset in the weights


def dot_shapes(step: Step) -> set[tuple[int, int, bool]]:
    """(channels, vectors, inlined) of the inner loops that a convolution needs."""
    assert isinstance(step.op, Conv)
    block = step.method.block
    outputs = step.op.channels // step.op.groups
    full, rest = divmod(outputs, block.channels)
    counts = ({block.channels} if full else set()) | ({rest} if rest else set())
    return {(count, block.vectors, step.method.rows is None) for count in counts}


def tile_floats(step: Step, plan: Plan) -> int:
    """Room for the transformed input and for the products of one register block."""
    return sum(_tile_parts(step, plan))


def _tile_parts(step: Step, plan: Plan) -> tuple[int, int]:
    method, op = step.method, step.op
    if not isinstance(op, Conv) or method.rows is None:
        return 0, 0
    lanes = plan.target.lanes
    sums = method.products * method.block.channels * method.block.vectors * lanes
    if method.columns:
        return method.products * len(op.inputs) * method.tile, sums
    return method.rows.products * plan.phases * (method.tile + 2 * lanes) * len(op.inputs), sums


def _packed(op: Conv, step: Step) -> tuple[np.ndarray, Blocks]:
    """Weights in the order in which the inner loops read them: block, product, input, tap, output channel."""
    method, per_group = step.method, op.channels // op.groups
    chunks: list[np.ndarray] = []
    blocks: Blocks = []
    offset = 0
    for group in range(op.groups):
        for start in range(0, per_group, method.block.channels):
            count = min(method.block.channels, per_group - start)
            first = group * per_group + start
            part = op.weight[first : first + count].astype(np.float64)  # CO CI KH KW
            if method.rows and method.columns:
                part = np.einsum("tk,ux,oikx->tuio", method.rows.weight, method.columns.weight, part)
            elif method.rows:
                part = np.einsum("tk,oikx->tixo", method.rows.weight, part)
            else:
                part = part.transpose(1, 2, 3, 0)
            blocks.append((group, first, count, offset))
            chunks.append(part.ravel())
            offset += part.size
    return np.concatenate(chunks), blocks


def conv_function(name: str, step: Step, plan: Plan) -> str:
    """One convolution over a band, with its weights and its pointwise steps."""
    op, method = step.op, step.method
    assert isinstance(op, Conv)
    ring = plan.rings[op.value]
    reach, rows_band = op.weight.shape[2] // 2, BAND * ring.scale
    group_rows = method.rows.outputs if method.rows else 1
    height = extent("h", ring.scale)
    weights, blocks = _packed(op, step)
    head = [
        f"static void {name}(const frame *f, int k)",
        "{",
        f"    const int n = columns(f, {ring.scale}), top = {rows_band} * k - {ring.shift};",
        f"    const ptrdiff_t phase = f->phase{ring.scale};",
        f"    for (int y0 = top; y0 < top + {rows_band}; y0 += {group_rows}) {{",
        f"    if (y0 + {group_rows} <= 0 || y0 >= {height}) continue;",
        *_indent(row_table("in", op.inputs, group_rows + 2 * reach, f"y0 - {reach}"), 1),
        f"    float *out[{group_rows}][{op.channels}];",
        f"    for (int r = 0; r < {group_rows}; r++)",
        f"        for (int j = 0; j < {op.channels}; j++) out[r][j] = v{op.value}_to(f, y0 + r, j);",
    ]
    for i, point in enumerate(op.points):
        if isinstance(point, Combine):
            head += _indent(row_table(f"other{i}", point.other, group_rows, "y0"), 1)
    if method.columns:
        body = _both_axes(name, op, step, plan, blocks)
    else:
        body = _along_rows(name, op, step, plan, blocks) if method.rows else _direct(name, op, step, plan, blocks)
    lines = [*head, *body]
    if ring.halo:
        lines += [
            f"    for (int r = 0; r < {group_rows}; r++)",
            f"        if (y0 + r >= 0 && y0 + r < {height})",
            f"            for (int j = 0; j < {op.channels}; j++) v{op.value}_border(f, out[r][j]);",
        ]
    lines += ["    }", "}", ""]
    tables = array(f"{name}_weight", weights) + array(f"{name}_bias", op.bias)
    if method.rows:
        tables += array(f"{name}_none", np.zeros(method.block.channels))
    return tables + point_tables(name, op.points) + "\n".join(lines)


def _direct(name: str, op: Conv, step: Step, plan: Plan, blocks: Blocks) -> list[str]:
    """Every output phase on its own: planes are the taps, shifted."""
    taps, columns = op.weight.shape[2:]
    per_group, vectors = op.weight.shape[1] * taps * columns, step.method.block.vectors
    lines = [
        f"    for (int p = 0; p < {plan.phases}; p++) {{",
        f"    const float *plane[{len(op.inputs) * taps * columns}];",
        f"    for (int c = 0; c < {columns}; c++) {{",
        f"        const ptrdiff_t at = place(p + c - {columns // 2}, phase);",
        f"        for (int i = 0; i < {len(op.inputs)}; i++)",
        f"            for (int r = 0; r < {taps}; r++) plane[(i * {taps} + r) * {columns} + c] = in[r][i] + at;",
        "    }",
    ]
    for group, first, count, offset in blocks:
        dot = dot_name(count, vectors, inlined=True)
        lines += [
            f"    for (int x = 0; x < n; x += {vectors} * VL) {{ /* channels {first} to {first + count - 1} */",
            f"        vf sum[{count}][{vectors}];",
            f"        {dot}({per_group}, plane + {group * per_group}, x, {name}_weight + {offset},",
            f"            {name}_bias + {first}, sum);",
            f"        UNROLL for (int j = 0; j < {count}; j++)",
            f"            UNROLL for (int v = 0; v < {vectors}; v++) {{",
            "                const ptrdiff_t at = p * phase + x + v * VL;",
            "                vf y = sum[j][v];",
            *_indent(points_code(name, op.points, f"{first} + j", "0", "at"), 4),
            f"                store(out[0][{first} + j] + at, y);",
            "            }",
            "    }",
        ]
    return [*lines, "    }"]


def _row_transform(step: Step, plan: Plan, phase_reads: list[tuple[bool, bool]], to: str) -> list[str]:
    """Every phase of channel i, transformed along the rows to `to`(t, p), with a vector more where it is read."""
    assert step.method.rows is not None
    rows = step.method.rows
    tag, n = f"{rows.outputs}_{rows.taps}", rows.products
    return [
        f"static const int from[{plan.phases}] = {{{', '.join('-VL' if left else '0' for left, _ in phase_reads)}}};",
        f"static const int more[{plan.phases}] = {{{', '.join('VL' if right else '0' for _, right in phase_reads)}}};",
        f"for (int p = 0; p < {plan.phases}; p++)",
        "    for (int x = from[p]; x < end + more[p]; x += VL) {",
        f"        vf d[{n}], t[{n}];",
        f"        UNROLL for (int r = 0; r < {n}; r++) d[r] = load(in[r][i] + p * phase + x0 + x);",
        f"        winograd_in_{tag}(d, t);",
        f"        UNROLL for (int r = 0; r < {n}; r++) store({to} + VL + x, t[r]);",
        "    }",
    ]


def _phase_reads(phases: int, reach: int) -> list[tuple[bool, bool]]:
    """Whether elements before the first and after the last of each phase are read for `reach` columns around."""
    around = [(c % phases, c // phases) for c in range(-reach, phases + reach)]
    return [((p, -1) in around or reach > phases, (p, 1) in around or reach > phases) for p in range(phases)]


def _along_rows(name: str, op: Conv, step: Step, plan: Plan, blocks: Blocks) -> list[str]:
    """F(m, r) along the rows; the taps along the columns are planes, shifted."""
    method = step.method
    assert method.rows is not None
    rows, vectors, inputs, columns = method.rows, method.block.vectors, len(op.inputs), op.weight.shape[3]
    tag, n, m, phases = f"{rows.outputs}_{rows.taps}", rows.products, rows.outputs, plan.phases
    size = method.tile + 2 * plan.target.lanes  # floats in a transformed row: a vector more on both sides
    lines = [
        "    float *const tile = f->tile; /* product, phase, channel, column */",
        f"    for (int x0 = 0; x0 < n; x0 += {method.tile}) {{",
        f"        const int end = least({method.tile}, n - x0);",
        f"        for (int i = 0; i < {inputs}; i++) {{",
        *_indent(
            _row_transform(
                step,
                plan,
                _phase_reads(phases, columns // 2),
                f"tile + ((r * {phases} + p) * {inputs} + i) * {size}",
            ),
            3,
        ),
        "        }",
        f"        for (int p = 0; p < {phases}; p++) {{",
        f"        const float *plane[{inputs * columns}];",
        f"        for (int c = 0; c < {columns}; c++) {{",
        f"            const ptrdiff_t at = place(p + c - {columns // 2}, {inputs * size}) + VL;",
        f"            for (int i = 0; i < {inputs}; i++) plane[i * {columns} + c] = tile + i * {size} + at;",
        "        }",
    ]
    for _, first, count, offset in blocks:
        dot = dot_name(count, vectors, inlined=False)
        lines += [
            f"        for (int x = 0; x < end; x += {vectors} * VL) {{ /* channels {first} to {first + count - 1} */",
            f"            vf (*const sum)[{count}][{vectors}] = (void *)(tile + {_tile_parts(step, plan)[0]});",
            f"            for (int t = 0; t < {n}; t++) /* point 1 adds its product to every result: the bias */",
            f"                {dot}({inputs * columns}, plane, x + (ptrdiff_t){phases * inputs * size} * t,",
            f"                    {name}_weight + {offset} + {inputs * columns * count} * t,",
            f"                    t == 1 ? {name}_bias + {first} : {name}_none, sum[t]);",
            f"            for (int j = 0; j < {count}; j++)",
            f"                UNROLL for (int v = 0; v < {vectors}; v++) {{",
            "                    const ptrdiff_t at = p * phase + x0 + x + v * VL;",
            f"                    vf t[{n}], q[{m}];",
            f"                    UNROLL for (int r = 0; r < {n}; r++) t[r] = sum[r][j][v];",
            f"                    winograd_out_{tag}(t, q);",
            f"                    UNROLL for (int r = 0; r < {m}; r++) {{",
            "                        vf y = q[r];",
            *_indent(points_code(name, op.points, f"{first} + j", "r", "at"), 6),
            f"                        store(out[r][{first} + j] + at, y);",
            "                    }",
            "                }",
            "        }",
        ]
    return [*lines, "        }", "    }"]


def _both_axes(name: str, op: Conv, step: Step, plan: Plan, blocks: Blocks) -> list[str]:
    """F(m, r) along the rows and F(P, r) along the columns: P neighbours are one vector of each phase.

    Stores are what this costs most (one a cycle), so both transforms stay in registers: the input is transformed
    for one product along the columns, or for a pair of opposite points, at a time.
    """
    method = step.method
    assert method.rows is not None
    assert method.columns is not None
    vectors, inputs, phases, width = method.block.vectors, len(op.inputs), plan.phases, method.tile
    rows, columns = method.rows, method.columns
    row_tag, column_tag = f"{rows.outputs}_{rows.taps}", f"{columns.outputs}_{columns.taps}"
    n, m, nc, reach, total = rows.products, rows.outputs, columns.products, columns.taps // 2, method.products
    lines = [
        "    float *const v = f->tile; /* product, channel, column */",
        f"    const float *plane[{inputs}];",
        f"    for (int i = 0; i < {inputs}; i++) plane[i] = v + i * {width};",
        *(f"    const ptrdiff_t c{c} = place({c - reach}, phase);" for c in range(nc)),
        f"    for (int x0 = 0; x0 < n; x0 += {width}) {{",
        f"        for (int i = 0; i < {inputs}; i++)",
        f"            for (int x = 0; x < {width}; x += VL) {{",
        f"                float *const to = v + i * {width} + x;",
    ]
    for first, sums in winograd_in_parts(columns, "load(p + c{})"):
        lines += [
            "                {",
            f"                    vf a[{len(sums)}][{n}], t[{n}];",
            f"                    UNROLL for (int r = 0; r < {n}; r++) {{",
            "                        const float *const p = in[r][i] + x0 + x;",
        ]
        if len(sums) == 2:
            lines += [
                f"                        const vf even = {sums[0]}, odd = {sums[1]};",
                "                        a[0][r] = even + odd;",
                "                        a[1][r] = even - odd;",
            ]
        else:
            lines += [f"                        a[0][r] = {sums[0]};"]
        lines += ["                    }"]
        for which in range(len(sums)):
            lines += [
                f"                    winograd_in_{row_tag}(a[{which}], t);",
                f"                    UNROLL for (int r = 0; r < {n}; r++)",
                f"                        store(to + (r * {nc} + {first + which}) * {inputs * width}, t[r]);",
            ]
        lines += ["                }"]
    lines += ["            }"]
    for _, first, count, offset in blocks:
        dot = dot_name(count, vectors, inlined=False)
        lines += [
            f"        {{ /* channels {first} to {first + count - 1} */",
            f"            vf (*const sum)[{count}][{vectors}] = (void *)(v + {_tile_parts(step, plan)[0]});",
            f"            for (int t = 0; t < {total}; t++) /* points 1, 1 add to every result: the bias */",
            f"                {dot}({inputs}, plane, {inputs * width} * t,",
            f"                    {name}_weight + {offset} + {inputs * count} * t,",
            f"                    t == {nc + 1} ? {name}_bias + {first} : {name}_none, sum[t]);",
            f"            for (int j = 0; j < {count}; j++)",
            f"                for (int l = 0; l < {vectors}; l++) {{",
            f"                    vf s[{n}][{phases}];",
            f"                    UNROLL for (int t = 0; t < {n}; t++) {{",
            f"                        vf a[{nc}];",
            f"                        UNROLL for (int c = 0; c < {nc}; c++) a[c] = sum[t * {nc} + c][j][l];",
            f"                        winograd_out_{column_tag}(a, s[t]);",
            "                    }",
            f"                    UNROLL for (int p = 0; p < {phases}; p++) {{",
            "                        const ptrdiff_t at = p * phase + x0 + l * VL;",
            f"                        vf a[{n}], q[{m}];",
            f"                        UNROLL for (int t = 0; t < {n}; t++) a[t] = s[t][p];",
            f"                        winograd_out_{row_tag}(a, q);",
            f"                        UNROLL for (int r = 0; r < {m}; r++) {{",
            "                            vf y = q[r];",
            *_indent(points_code(name, op.points, f"{first} + j", "r", "at"), 7),
            f"                            store(out[r][{first} + j] + at, y);",
            "                        }",
            "                    }",
            "                }",
            "        }",
        ]
    return [*lines, "    }"]


def _indent(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]
