"""C for Winograd convolutions: along the rows, or along rows and columns."""

from __future__ import annotations

from collections.abc import Sequence

from pocketsr.engine.codegen.emit_dot import dot_name, winograd_in_parts
from pocketsr.engine.codegen.emit_pointwise import Part, indent, stages_code
from pocketsr.engine.codegen.emit_words_apart import apart_words_tile
from pocketsr.engine.codegen.method import Storage
from pocketsr.engine.codegen.partial import turns_of
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.codegen.winograd import Filter
from pocketsr.engine.ir.graph import Conv

__all__ = ["along_rows", "both_axes", "tile_floats"]


def tile_floats(step: Step, plan: Plan) -> int:
    """Room for the transformed input and for the products of one register block."""
    if step.method.apart and step.method.reads is Storage.WORDS:
        return apart_words_tile(step, plan)
    return sum(_tile_parts(step, plan))


def _tile_parts(step: Step, plan: Plan) -> tuple[int, int]:
    method, op = step.method, step.op
    if not isinstance(op, Conv) or method.rows is None:
        return 0, 0
    lanes = plan.target.lanes
    vectors = method.tile // lanes if method.apart else method.block.vectors
    sums = method.products * method.block.channels * vectors * lanes
    if method.columns:
        return method.products * len(op.inputs) * method.tile, sums
    return method.rows.products * plan.phases * (method.tile + 2 * lanes) * len(op.inputs), sums


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


def _rows_out(name: str, op: Conv, rows: Filter, channel: str, product: str, plan: Plan) -> list[str]:
    """Products along the rows (`product`, by t) to finished results of output channel `channel` at column `at`."""
    return [
        f"vf a[{rows.products}], q[{rows.outputs}];",
        f"UNROLL for (int t = 0; t < {rows.products}; t++) a[t] = {product};",
        f"winograd_out_{rows.outputs}_{rows.taps}(a, q);",
        f"UNROLL for (int r = 0; r < {rows.outputs}; r++) {{",
        "    vf y = q[r];",
        *indent(stages_code(name, op.stages, channel, "r", "at", plan.formats), 1),
        f"    store(out[r][{channel}] + at, y);",
        "}",
    ]


def _phase_reads(phases: int, halo: int) -> list[tuple[bool, bool]]:
    """Whether elements before the first and after the last of each phase are read for `halo` columns around."""
    around = [(c % phases, c // phases) for c in range(-halo, phases + halo)]
    return [((p, -1) in around or halo > phases, (p, 1) in around or halo > phases) for p in range(phases)]


def along_rows(name: str, op: Conv, step: Step, plan: Plan, blocks: list[Part]) -> list[str]:
    """F(m, r) along the rows; the taps along the columns are planes, shifted."""
    method = step.method
    assert method.rows is not None
    rows, vectors, inputs, columns = method.rows, method.block.vectors, len(op.inputs), op.weight.shape[3]
    n, phases = rows.products, plan.phases
    size = method.tile + 2 * plan.target.lanes  # floats in a transformed row: a vector more on both sides
    lines = [
        "    float *const tile = f->tile; /* product, phase, channel, column */",
        f"    EACH(x0, {method.tile}) {{",
        f"        const int end = least({method.tile}, until - x0);",
        f"        for (int i = 0; i < {inputs}; i++) {{",
        *indent(
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
    sizes = turns_of(step, plan)
    narrow = len(sizes) > 1
    for _, first, count, offset in blocks:
        arguments = (
            f"{inputs * columns}, plane, x + (ptrdiff_t){phases * inputs * size} * t, {name}_weight + {offset} + "
        )
        arguments += f"{inputs * columns * count} * t, {name}_bias + {n * first} + {count} * t"
        lines += [
            f"        for (int x = 0; x < end; x += {vectors} * VL) {{ /* channels {first} to {first + count - 1} */",
            *([f"            const int room = {_room('end - x', sizes)};"] if narrow else []),
            f"            vf (*const sum)[{count}][{vectors}] = (void *)(tile + {_tile_parts(step, plan)[0]});",
            f"            for (int t = 0; t < {n}; t++)",
            *indent(_dots(count, sizes, arguments, "sum[t]"), 4),
            f"            for (int j = 0; j < {count}; j++)",
            f"                UNROLL for (int v = 0; v < {vectors}; v++) {{",
            "                    const ptrdiff_t at = p * phase + x0 + x + v * VL;",
            *indent(_rows_out(name, op, rows, f"{first} + j", "sum[t][j][v]", plan), 5),
            "                }",
            "        }",
        ]
    return [*lines, "        }", "    }"]


def _room(left: str, sizes: Sequence[int]) -> str:
    """C: the columns of a phase that a turn makes where so many are left."""
    return " : ".join([*(f"{left} <= {size} * VL ? {size} * VL" for size in reversed(sizes[1:])), f"{sizes[0]} * VL"])


def _dots(count: int, sizes: Sequence[int], arguments: str, out: str) -> list[str]:
    """The inner loop for `room` columns of a phase: a turn of so many vectors."""
    lines = []
    for index, size in enumerate(sizes):
        narrow, dot = index < len(sizes) - 1, dot_name(count, size, inlined=False, room=sizes[0])
        lines.append(
            f"{'else ' if index else ''}{f'if (room == {size} * VL) ' if narrow else ''}{dot}({arguments}, {out});"
        )
    return lines


def both_axes(name: str, op: Conv, step: Step, plan: Plan, blocks: list[Part]) -> list[str]:
    """F(m, r) along the rows and F(P, r) along the columns: P neighbours are one vector of each phase.

    Stores are what this costs most (one a cycle), so both transforms stay in registers: the input is transformed
    for one product along the columns, or for a pair of opposite points, at a time.

    A narrow turn transforms fewer vectors and has narrow inner loops; what it makes of products that it hasn't got, the
    next span writes over. It has no other code of its own: there a compiler might join other multiplications and
    additions, and last bits would depend on where in a span a column lies. In inner loops there is one way alone.
    """
    method = step.method
    assert method.rows is not None
    assert method.columns is not None
    vectors, inputs, phases, width = method.block.vectors, len(op.inputs), plan.phases, method.tile
    rows, columns = method.rows, method.columns
    row_tag, column_tag = f"{rows.outputs}_{rows.taps}", f"{columns.outputs}_{columns.taps}"
    n, nc, halo, total = rows.products, columns.products, columns.taps // 2, method.products
    sizes = turns_of(step, plan)
    narrow = len(sizes) > 1
    lines = [
        "    float *const v = f->tile; /* product, channel, column */",
        f"    const float *plane[{inputs}];",
        f"    for (int i = 0; i < {inputs}; i++) plane[i] = v + i * {width};",
        *(f"    const ptrdiff_t c{c} = place({c - halo}, phase);" for c in range(nc)),
        f"    EACH(x0, {width}) {{",
        *([f"        const int room = {_room('until - x0', sizes)};"] if narrow else []),
        f"        for (int i = 0; i < {inputs}; i++)",
        f"            for (int x = 0; x < {'room' if narrow else width}; x += VL) {{",
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
        arguments = f"{inputs}, plane, {inputs * width} * t, {name}_weight + {offset} + {inputs * count} * t, "
        arguments += f"{name}_bias + {total * first} + {count} * t"
        lines += [
            f"        {{ /* channels {first} to {first + count - 1} */",
            f"            vf (*const sum)[{count}][{vectors}] = (void *)(v + {_tile_parts(step, plan)[0]});",
            f"            for (int t = 0; t < {total}; t++)",
            *indent(_dots(count, sizes, arguments, "sum[t]"), 4),
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
            *indent(_rows_out(name, op, rows, f"{first} + j", "s[t][p]", plan), 6),
            "                    }",
            "                }",
            "        }",
        ]
    return [*lines, "    }"]
