"""C for convolutions: direct, or between Winograd's transforms along the rows, or along rows and columns.

A row is kept in phases (see `Plan.phases`): column P*x + p is element x of phase p, and the column c further on is
element x + (p + c) div P of phase (p + c) mod P. So neighbours are whole vectors, and no lane ever moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pocketsr.engine.codegen.emit_across import across_body, across_weights
from pocketsr.engine.codegen.emit_across_words import across_words_body, across_words_tables
from pocketsr.engine.codegen.emit_chosen import chosen_body, in_tables
from pocketsr.engine.codegen.emit_chosen_words import chosen_words_body, chosen_words_tables
from pocketsr.engine.codegen.emit_depthwise import depthwise_body
from pocketsr.engine.codegen.emit_dot import dot_name
from pocketsr.engine.codegen.emit_filled import filled_tables, is_filled
from pocketsr.engine.codegen.emit_integers import in_turns, stored, words_body, words_of, words_tables
from pocketsr.engine.codegen.emit_pointwise import Part, array, extent, indent, row_table, stage_tables, tap_planes
from pocketsr.engine.codegen.emit_sums import sums_body, sums_tables
from pocketsr.engine.codegen.emit_told import is_told, spread_of, told_biases, told_pointer
from pocketsr.engine.codegen.emit_winograd import along_rows, both_axes
from pocketsr.engine.codegen.emit_winograd_apart import apart_body, results_function
from pocketsr.engine.codegen.emit_words_apart import apart_words_body, apart_words_tables
from pocketsr.engine.codegen.method import BAND, Method, Storage
from pocketsr.engine.codegen.partial import spans_of, turns_of
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Combine, Conv

__all__ = ["conv_function", "dot_shapes", "lookup_shapes"]


def dot_shapes(step: Step, plan: Plan) -> set[tuple[int, int, bool, int]]:
    """(channels, vectors, inlined, room) of the inner loops that a convolution needs."""
    assert isinstance(step.op, Conv)
    method = step.method
    if method.reads is not Storage.FLOATS or method.lookup or method.apart or method.across or method.together:
        return set()
    sizes, turns = _block_channels(step.op, method), turns_of(step, plan)
    if method.rows is None:
        return {(count, vectors, True, vectors) for count in sizes for vectors in turns}
    return {(count, vectors, False, method.block.vectors) for count in sizes for vectors in turns}


def lookup_shapes(step: Step) -> set[tuple[int, int, int]]:
    """(channels, vectors, numbers in a table) of the inner loops that look their weights up."""
    method, op = step.method, step.op
    if not method.lookup or method.reads is not Storage.FLOATS or not isinstance(op, Conv):
        return set()
    return {(count, method.block.vectors, method.lookup) for count in _block_channels(op, method)}


def _block_channels(op: Conv, method: Method) -> set[int]:
    """The channels of a group's register blocks: those of a full one, and of what is left."""
    full, rest = divmod(op.channels // op.groups, method.block.channels)
    return ({method.block.channels} if full else set()) | ({rest} if rest else set())


def _packed(op: Conv, step: Step) -> tuple[np.ndarray, list[Part]]:
    """Weights in the order in which the inner loops read them: block, product, input, tap, output channel."""
    method, per_group = step.method, op.channels // op.groups
    chunks: list[np.ndarray] = []
    blocks: list[Part] = []
    weight = op.weight if op.integers is None else op.integers.weight
    offset = 0
    for group in range(op.groups):
        for start in range(0, per_group, method.block.channels):
            count = min(method.block.channels, per_group - start)
            first = group * per_group + start
            part = weight[first : first + count].astype(np.float64)  # CO CI KH KW
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


def _starts(op: Conv, step: Step, blocks: list[Part]) -> np.ndarray:
    """What the sums start from: the bias, for Winograd spread over the products: block, product, output channel."""
    spread = spread_of(step)
    bias = op.bias if op.integers is None else op.integers.start
    return np.concatenate([np.outer(spread, bias[first : first + count]).ravel() for _, first, count, _ in blocks])


def conv_function(name: str, step: Step, plan: Plan) -> str:
    """One convolution over a band, with its weights and its pointwise stages."""
    op, method = step.op, step.method
    assert isinstance(op, Conv)
    ring = plan.rings[op.value]
    halo, rows_band = op.weight.shape[2] // 2, BAND * ring.scale
    group_rows = method.group_rows
    height = extent("h", ring.scale)
    inputs = words_of(op.inputs) if method.reads is Storage.WORDS else op.inputs
    in_pairs = method.reads is Storage.WORDS and method.apart
    phased = method.reads is not Storage.BYTES and not in_pairs
    head = [
        f"static void {name}(const frame *f, int k)",
        "{",
        *told_pointer(name, step, plan),
        f"    const int top = {rows_band} * k - {ring.delay};",
        *([f"    const ptrdiff_t phase = f->phase{ring.scale};"] if phased else []),
        f"    for (int y0 = top; y0 < top + {rows_band}; y0 += {group_rows}) {{",
        f"    if (y0 + {group_rows} <= 0 || y0 >= {height}) continue;",
        f"    const span *const needed = {spans_of(step, plan, 'y0', group_rows)};",
        "    if (needed->from == needed->to) continue;",
        *indent(row_table("in", inputs, group_rows + 2 * halo, f"y0 - {halo}"), 1),
        f"    float *out[{group_rows}][{ring.planes}];",
        f"    for (int r = 0; r < {group_rows}; r++)",
        f"        for (int j = 0; j < {ring.planes}; j++) out[r][j] = v{op.value}_to(f, y0 + r, j);",
    ]
    for i, stage in enumerate(op.stages):
        if isinstance(stage, Combine):
            head += indent(row_table(f"other{i}", stage.other, group_rows, "y0", plan.formats), 1)
    if method.reads is Storage.WORDS and method.across:
        body, tables = across_words_body(name, op, step, plan), across_words_tables(name, op, step)
    elif method.reads is Storage.WORDS and op.chosen:
        body, tables = chosen_words_body(name, op, step, plan), chosen_words_tables(name, op, step, plan)
    elif in_pairs:
        body, tables = apart_words_body(name, op, step, plan), apart_words_tables(name, op, step, plan)
    elif method.reads is Storage.WORDS:
        body, tables = words_body(name, op, step, plan), words_tables(name, op, step, plan)
    elif method.reads is Storage.BYTES:
        body, tables = sums_body(name, op, step, plan), sums_tables(name, op)
    else:
        body, tables = _in_floats(name, op, step, plan)
    lines = [*head, *body]
    if ring.halo:
        lines += [
            f"    for (int r = 0; r < {group_rows}; r++)",
            f"        if (y0 + r >= 0 && y0 + r < {height})",
            f"            for (int j = 0; j < {ring.planes}; j++) v{op.value}_border(f, out[r][j]);",
        ]
    lines += ["    }", "}", ""]
    text = "\n".join(lines)
    if method.apart and method.reads is Storage.FLOATS:
        text = results_function(name, op, step, plan) + text
    compares = method.reads is Storage.BYTES and f"{name}_step" not in text  # and needs no constant of any step
    return text if compares else tables + stage_tables(name, op.stages, plan.formats) + text


def _in_floats(name: str, op: Conv, step: Step, plan: Plan) -> tuple[list[str], str]:
    """The body and the tables of a convolution in floats, which may hold integers."""
    method, chosen = step.method, op.chosen
    own = [replace(op, weight=kernel, integers=op.integers and op.integers.of_class(k), chosen=None)
           for k, kernel in enumerate(chosen.weight if chosen else ())] or [op]  # fmt: skip
    weights, blocks = _packed(own[0], step)
    if chosen and method.across:
        kernels = np.stack([each.weight if each.integers is None else each.integers.weight for each in own])
        weights = across_weights(op, step, plan, kernels)
        body = across_body(name, op, step, plan, stored(name, op, plan, "FIRST + j", "j"))
    elif chosen:
        weights = in_tables(np.stack([_packed(each, step)[0] for each in own]), step)
        finish = stored(name, op, plan, "FIRST + j", "j")
        body = chosen_body(name, op, step, plan, blocks, finish)
    elif method.apart:
        body = apart_body(name, op, step, blocks)
    elif method.together:
        body = depthwise_body(name, op, step, plan)
    elif method.columns:
        body = both_axes(name, op, step, plan, blocks)
    else:
        body = along_rows(name, op, step, plan, blocks) if method.rows else _direct(name, op, step, plan, blocks)
    if is_filled(step, plan):
        return body, filled_tables(name, op, step, plan, blocks)
    starts = _starts(own[0], step, blocks)
    biases = told_biases(name, op, step, plan, blocks, starts) if is_told(step) else array(f"{name}_bias", starts)
    tables = array(f"{name}_weight", weights) + biases
    return body, tables + (array(f"{name}_step", op.integers.step) if op.integers else "")


def _direct(name: str, op: Conv, step: Step, plan: Plan, blocks: list[Part]) -> list[str]:
    """Every output phase on its own: planes are the taps, shifted."""
    taps, columns = op.weight.shape[2:]
    per_group = op.weight.shape[1] * taps * columns
    lines = [
        f"    for (int p = 0; p < {plan.phases}; p++) {{",
        *tap_planes(len(op.inputs), taps, columns),
    ]
    for group, first, count, offset in blocks:
        value = f"times(sum[j][v], SPLAT({name}_step[{first} + j]))" if op.integers else "sum[j][v]"
        start = f"plane + {group * per_group}, x, {name}_weight + {offset}, {name}_bias + {first}"
        finish = [
            *(["vf four[4] = {{0}};"] if plan.rings[op.value].storage is Storage.WORDS else []),
            f"UNROLL for (int j = 0; j < {count}; j++) {{",
            f"    vf y = {value};",
            *indent(stored(name, op, plan, f"{first} + j", "j"), 1),
            "}",
        ]

        def turn(vectors: int, count: int = count, start: str = start, finish: Sequence[str] = finish) -> list[str]:
            return [
                f"vf sum[{count}][{vectors}];",
                f"{dot_name(count, vectors, inlined=True)}({per_group}, {start}, sum);",
                f"UNROLL for (int v = 0; v < {vectors}; v++) {{",
                "    const ptrdiff_t at = p * phase + x + v * VL;",
                *indent(finish, 1),
                "}",
            ]

        lines.append(f"    /* channels {first} to {first + count - 1} */")
        lines += indent(in_turns(turn, turns_of(step, plan)), 1)
    return [*lines, "    }"]
