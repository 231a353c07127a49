"""C for integer convolutions whose kernels are chosen, a vector being a pixel's output channels: see `emit_across`."""

from __future__ import annotations

import numpy as np

from pocketsr.engine.codegen.emit_across import Lanes, lanes_of
from pocketsr.engine.codegen.emit_integers import by_words, finished, words_of
from pocketsr.engine.codegen.emit_pointwise import array, indent, tap_planes
from pocketsr.engine.codegen.method import ACROSS_PIXELS
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Conv

__all__ = ["across_words_body", "across_words_functions", "across_words_tables"]


def _lanes(op: Conv, step: Step) -> list[Lanes]:
    return lanes_of(op.channels, 1, step.method.across, 1, 1)  # words may hold channels of several groups


def across_words_tables(name: str, op: Conv, step: Step) -> str:
    """Weights in the order in which they are read (class, vector, word, row, column, part, lane), and starts."""
    assert op.integers is not None
    own = [op.integers.of_class(k) for k in range(len(op.integers.weight))]
    dense = np.stack([by_words(op, each) for each in own])  # K CO W 4 KH KW
    lanes, rows, starts = step.method.across, [], []
    sums = dense.sum(axis=(2, 3, 4, 5))
    for kernels, begin, total in zip(dense, op.integers.start, sums, strict=True):
        for vector in _lanes(op, step):
            width, place = lanes // vector.pixels, slice(vector.first, vector.first + vector.channels)
            padded = np.zeros((width, *kernels.shape[1:]), np.int64)
            padded[: vector.channels] = kernels[place]
            for four in padded.transpose(1, 3, 4, 0, 2).reshape(-1, width * 4).tolist():
                rows.append(f"    LANES{width}({', '.join(map(str, four))})")
            starts += [f"START({b}, {s})" for b, s in zip(begin[place], total[place], strict=True)]
            starts += ["0"] * (width - vector.channels)
    size = len(dense) * _size(op, step)
    return (
        f"static const int32_t {name}_weight[{size} * PARTS] __attribute__((aligned(64))) = {{\n"
        + ",\n".join(rows)
        + f"}};\nstatic const int32_t {name}_start[{len(starts)}] __attribute__((aligned(64))) = {{\n    "
        + ",\n    ".join(starts)
        + "};\n"
        + array(f"{name}_step", op.integers.step)
    )


def _size(op: Conv, step: Step) -> int:
    """Words of weights of a class."""
    taps = len(words_of(op.inputs)) * op.weight.shape[2] * op.weight.shape[3]
    return sum(taps * step.method.across // vector.pixels for vector in _lanes(op, step))


def across_words_body(name: str, op: Conv, step: Step, plan: Plan) -> list[str]:
    """Dot products of words, each pixel with the kernel of its class."""
    assert op.chosen is not None
    taps, columns = op.weight.shape[2:]
    words, lanes, vectors = len(words_of(op.inputs)), step.method.across, step.method.block.vectors
    classes, size = op.chosen.classes, _size(op, step)
    widths = [lanes // vector.pixels for vector in _lanes(op, step)]
    lines = [
        f"    const float *const classes = v{classes.value}_at(f, y0, {classes.channel});",
        f"    for (int p = 0; p < {plan.phases}; p++) {{",
        *tap_planes(words, taps, columns),
        f"    EACH(x, {vectors} * VL) {{",
    ]
    done = 0
    for vector, width in zip(_lanes(op, step), widths, strict=True):
        function = _name(vector, columns, plan.phases)
        lines += [
            f"        {{ /* channels {vector.first} to {vector.first + vector.channels - 1} */",
            f"            vi sum[{width}][{vectors}];",
            f"            for (int q = 0; q < {vectors} * VL; q += {ACROSS_PIXELS})",
            f"                {function}({words * taps}, plane, x + q, classes + p * phase + x + q,",
            f"                    {name}_weight + {done * words * taps * columns} * PARTS, {size} * PARTS,",
            f"                    {name}_start + {done}, {sum(widths)}, {len(op.chosen.weight)}, {vectors},",
            "                    &sum[0][q / VL]);",
            *indent(finished(name, op, plan, vector.first, vector.channels, vectors, "p * phase + x + v * VL"), 3),
            "        }",
        ]
        done += width
    return [*lines, "    }", "    }"]


def _name(vector: Lanes, columns: int, phases: int) -> str:
    kind = "halves" if vector.pixels == 2 else "beside" if phases == 1 else "apart"
    return f"across_words_{kind}_{columns}"


def across_words_functions(steps: list[Step], plan: Plan) -> list[str]:
    """The inner loops of all layers that run so, and what their tables are written with."""
    found, widths = set(), set()
    for step in steps:
        assert isinstance(step.op, Conv)
        for vector in _lanes(step.op, step):
            columns = step.op.weight.shape[3]
            found.add((_name(vector, columns, plan.phases), columns))
            widths.add(step.method.across // vector.pixels)
    return [*map(_row_macro, sorted(widths)), *(_function(*each) for each in sorted(found))]


def _row_macro(width: int) -> str:
    """LANESn: n words of four weights as they lie in a table, part after part."""
    names = [[f"{letter}{i}" for letter in "abcd"] for i in range(width)]
    head = f"#define LANES{width}({', '.join(name for four in names for name in four)}) "
    whole = ", ".join(f"FOUR_BYTES({', '.join(four)})" for four in names)
    halves = ", ".join(f"TWO_HALVES({four[k]}, {four[k + 2]})" for k in range(2) for four in names)
    single = ", ".join(four[k] for k in range(4) for four in names)
    return f"#if PARTS == 1\n{head}{whole}\n#elif PARTS == 2\n{head}{halves}\n#else\n{head}{single}\n#endif\n"


def _function(name: str, columns: int) -> str:
    """Sums of ACROSS_PIXELS pixels: `to` has a row of `stride` vectors a channel."""
    kind = name.split("_")[2]
    pixels, half = ACROSS_PIXELS, kind == "halves"
    sums, own = (pixels // 2, "VL / 2") if half else (pixels, "VL")
    begin = "two_of_ints(starts + row[q], starts + row[q + 4])" if half else "load_ints(starts + row[q])"
    if half:
        body = [
            f"        const bytes at{c} = spread(load_words(plane[i * {columns} + {c}] + x));" for c in range(columns)
        ]
        for q in range(sums):
            for c in range(columns):
                place = f"{c} * PARTS * VL / 2"
                body += [
                    "        {",
                    "            bytes own;",
                    "            UNROLL for (int k = 0; k < PARTS; k++)",
                    f"                own.part[k] = EACH_HALF(at{c}.part[k], {q});",
                    f"            sum[{q}] = dot4_of_two(sum[{q}], own, w[{q}] + {place}, w[{q + 4}] + {place});",
                    "        }",
                ]
    else:
        at = f"plane[i * {columns}] + x + q + c" if kind == "beside" else f"plane[i * {columns} + c] + x + q"
        body = [
            f"        UNROLL for (int q = 0; q < {pixels}; q++)",
            f"            UNROLL for (int c = 0; c < {columns}; c++)",
            f"                sum[q] = dot4_fetched(sum[q], spread(in_all_lanes({at})),",
            "                    w[q] + c * PARTS * VL);",
        ]
    turned = (
        """    turn_halves((const vf *)sum, channel);
    UNROLL for (int j = 0; j < 4; j++) to[j * stride] = (vi)channel[j];"""
        if half
        else f"""    UNROLL for (int v = 0; v < {pixels} / VL; v++) {{
        transposed((const vf *)sum + v * VL, channel);
        UNROLL for (int j = 0; j < VL; j++) to[j * stride + v] = (vi)channel[j];
    }}"""
    )
    lines = "\n".join(body)
    return f"""/* As across_{kind}_{columns}, of words */
INLINE void {name}(int lines, const float *const *plane, ptrdiff_t x, const float *classes, const int32_t *weights,
    ptrdiff_t size, const int32_t *starts, int width, uint32_t count, int stride, vi *to)
{{
    uint32_t class[{pixels}];
    ptrdiff_t row[{pixels}];
    const int32_t *w[{pixels}];
    vi sum[{sums}];
    vf channel[VL];
    __builtin_memcpy(class, classes, sizeof class);
    UNROLL for (int q = 0; q < {pixels}; q++) {{
        const ptrdiff_t k = class[q] < count ? class[q] : 0;
        w[q] = weights + size * k;
        row[q] = width * k;
    }}
    UNROLL for (int q = 0; q < {sums}; q++) sum[q] = {begin};
    for (int i = 0; i < lines; i++) {{
{lines}
        UNROLL for (int q = 0; q < {pixels}; q++) w[q] += {columns} * PARTS * {own};
    }}
{turned}
}}
"""
