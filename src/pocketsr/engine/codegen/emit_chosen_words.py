"""C for integer convolutions whose kernels are chosen: dot products of words, each pixel with those of its class."""

from __future__ import annotations

import numpy as np

from pocketsr.engine.codegen.emit_chosen import in_tables, picked
from pocketsr.engine.codegen.emit_integers import by_words, finished, word_blocks, words_of
from pocketsr.engine.codegen.emit_pointwise import array, indent, tap_planes
from pocketsr.engine.codegen.emit_told import is_told, told_starts
from pocketsr.engine.codegen.method import CHANNELS_A_WORD
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Conv

__all__ = ["chosen_words_body", "chosen_words_tables"]


def chosen_words_tables(name: str, op: Conv, step: Step, plan: Plan) -> str:
    """Weights of words in the order of `in_tables`, and what the sums start from in the same order."""
    assert op.integers is not None
    dense = np.stack([by_words(op, op.integers.of_class(k)) for k in range(len(op.integers.weight))])
    lines = [
        dense[:, first : first + count].transpose(0, 2, 4, 5, 1, 3).reshape(len(dense), -1, CHANNELS_A_WORD)
        for first, count in word_blocks(op, step)
    ]
    weights = in_tables(np.concatenate(lines, axis=1), step)
    starts = in_tables(np.stack([op.integers.start, dense.sum(axis=(2, 3, 4, 5))], axis=-1), step)
    table = f"{name}_{'from' if is_told(step) else 'start'}[{len(starts)}]"
    return (
        f"static const int32_t {name}_weight[{len(weights)} * PARTS] __attribute__((aligned(64))) = {{\n"
        + ",\n".join(f"    WORDS({', '.join(map(str, four))})" for four in weights.tolist())
        + f"}};\nstatic const int32_t {table} __attribute__((aligned(64))) = {{\n"
        + ",\n".join(f"    START({b}, {s})" for b, s in starts.tolist())
        + "};\n"
        + (told_starts(name, op, step, plan) if is_told(step) else "")
        + array(f"{name}_step", op.integers.step)
    )


def chosen_words_body(name: str, op: Conv, step: Step, plan: Plan) -> list[str]:
    """Dot products of words, as `words_body` has them, each pixel with the kernel of its class."""
    assert op.chosen is not None
    taps, columns = op.weight.shape[2:]
    words, vectors, size = len(words_of(op.inputs)), step.method.block.vectors, step.method.lookup or 1
    total = words * taps * columns
    classes, several = op.chosen.classes, len(op.chosen.weight) > step.method.lookup
    result = "part" if several else "sum"
    # What all vectors of a block share stays in registers: `begin` and `table`
    begin = f"const vi begin = {name}_start[{op.channels} * k + FIRST + j] - (vi){{0}};"
    start, table, dot = "begin", [], "dot4(PART, at[v], w + j * PARTS)"
    if step.method.lookup:
        of = f"{name}_start + ({op.channels} * (k / {size}) + FIRST + j) * {size}"
        begin = f"const integers begin = integers_of({of}, {size});"
        start = f"looked_up_integers(begin, {size}, class[v])"
        table = [f"        const integers table = integers_of(w + j * {size} * PARTS, {size});"]
        dot = f"dot4_looked_up(PART, at[v], w + j * {size} * PARTS, table, {size}, class[v])"
    seen = f"(class[v] & -{size}) == (k & -{size})" if step.method.lookup else "class[v] == k"
    lines = [
        f"    const float *const classes = v{classes.value}_at(f, y0, {classes.channel});",
        f"    for (int p = 0; p < {plan.phases}; p++) {{",
        *tap_planes(words, taps, columns),
    ]
    done = 0
    for first, count in word_blocks(op, step):
        offset = f"(ptrdiff_t){op.channels * total * size} * (k / {size}) + {done * size}"
        one = [
            f"const int32_t *w = {name}_weight + ({offset}) * PARTS;",
            f"UNROLL for (int j = 0; j < {count}; j++) {{",
            f"    {begin.replace('FIRST', str(first))}",
            f"    UNROLL for (int v = 0; v < {vectors}; v++) {result}[j][v] = {start};",
            "}",
            f"for (int i = 0; i < {total}; i++, w += {count * size} * PARTS) {{",
            f"    bytes at[{vectors}];",
            f"    UNROLL for (int v = 0; v < {vectors}; v++)",
            "        at[v] = spread(load_words(plane[i] + x + v * VL));",
            f"    UNROLL for (int j = 0; j < {count}; j++) {{",
            *table,
            f"        UNROLL for (int v = 0; v < {vectors}; v++)",
            f"            {result}[j][v] = {dot.replace('PART,', f'{result}[j][v],')};",
            "    }",
            "}",
        ]
        lines += [
            f"    EACH(x, {vectors} * VL) {{ /* channels {first} to {first + count - 1} */",
            f"        vi class[{vectors}], sum[{count}][{vectors}]{' = {{{0}}}' if several else ''};",
            "        __builtin_memcpy(class, classes + p * phase + x, sizeof class);",
        ]
        if several:
            lines += [
                "        for (uint64_t rest = among(class, sizeof class); rest;) {",
                "            const int k = __builtin_ctzll(rest);",
                f"            vi part[{count}][{vectors}];",
                f"            rest &= ~({hex(2**size - 1)}ull << (k & -{size}));",
                *indent(one, 3),
                *picked(count, vectors, seen, 3, "vi"),
                "        }",
            ]
        else:
            lines += ["        const int k = 0;", *indent(one, 2)]
        lines += [*indent(finished(name, op, plan, first, count, vectors, "p * phase + x + v * VL"), 2), "    }"]
        done += count * total
    return [*lines, "    }"]
