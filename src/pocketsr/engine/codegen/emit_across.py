"""C for kernels that pixels choose, a vector being one pixel's output channels (`Method.across`).

Each pixel fetches its own weights by plain loads, so that the time doesn't depend on how many classes neighbours have.
Sums have the same addends in the same order as where a vector is a channel's pixels (`emit_chosen`): the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.codegen.emit_pointwise import indent, tap_planes
from pocketsr.engine.codegen.method import ACROSS_PIXELS, Storage
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.ir.graph import Conv

__all__ = ["Lanes", "across_body", "across_functions", "across_weights", "lanes_of"]


_HALVES = 8  # lanes of vectors that may hold two pixels


class Lanes(NamedTuple):
    """What lies in a vector: channels [first, first + channels) of each of `pixels` pixels.

    groups: how many of the layer's it covers; where more than one, inputs differ from lane to lane.
    """

    first: int
    channels: int
    pixels: int
    groups: int = 1


def lanes_of(outputs: int, groups: int, lanes: int, phases: int, columns: int) -> list[Lanes]:
    """The vectors of `lanes` that hold all `outputs` of a pixel. columns: of kernels.

    Planes are turned where groups are small and what lies beside a turn's pixels is in one vector more.
    """
    per_group = outputs // groups
    turned = phases == 1 and groups > 1 and columns <= lanes + 1
    if turned and per_group <= lanes // 4 and lanes % per_group == 0:
        fit = lanes // per_group
        return [
            Lanes(group * per_group, min(fit, groups - group) * per_group, 1, min(fit, groups - group))
            for group in range(0, groups, fit)
        ]
    found = []
    for group in range(groups):
        first = 0
        while (left := per_group - first) > 0:
            pixels = 2 if lanes == _HALVES and left <= lanes // 2 else 1
            count = min(left, lanes // pixels)
            found.append(Lanes(group * per_group + first, count, pixels))
            first += count
    return found


def _lanes(op: Conv, step: Step, plan: Plan) -> list[Lanes]:
    return lanes_of(op.channels, op.groups, step.method.across, plan.phases, op.weight.shape[3])


def across_weights(op: Conv, step: Step, plan: Plan, kernels: NDArray[np.generic]) -> NDArray[np.float64]:
    """kernels: K CO CI/groups KH KW. In the order in which they are read: class, vector, input, row, column, lane."""
    lanes, found = step.method.across, []
    for vector in _lanes(op, step, plan):
        own = np.zeros((len(kernels), *kernels.shape[2:], lanes // vector.pixels))
        own[..., : vector.channels] = np.moveaxis(kernels[:, vector.first : vector.first + vector.channels], 1, -1)
        found.append(own.reshape(len(kernels), -1))
    return np.concatenate(found, axis=1).ravel()


def across_body(name: str, op: Conv, step: Step, plan: Plan, finish: list[str]) -> list[str]:
    """Direct, each pixel with the kernel of its class. finish: what becomes of `y`, channel `FIRST + j`."""
    assert op.chosen is not None
    taps, columns = op.weight.shape[2:]
    inputs, lanes, vectors = op.weight.shape[1], step.method.across, step.method.block.vectors
    classes, per_group = op.chosen.classes, op.channels // op.groups
    found = _lanes(op, step, plan)
    size = sum(inputs * taps * columns * lanes // vector.pixels for vector in found)
    value = f"times(sum[j][v], SPLAT({name}_step[FIRST + j]))" if op.integers else "sum[j][v]"
    four = ["        vf four[4] = {{0}};"] if plan.rings[op.value].storage is Storage.WORDS else []
    lines = [
        f"    const float *const classes = v{classes.value}_at(f, y0, {classes.channel});",
        f"    for (int p = 0; p < {plan.phases}; p++) {{",
        *tap_planes(len(op.inputs), taps, columns),
        f"    EACH(x, {vectors} * VL) {{",
    ]
    offset = 0
    for vector in found:
        group = vector.first // per_group
        planes = f"plane + {group * inputs * taps * columns}"
        turned = _turned(op, vector, vectors, lanes) if vector.groups > 1 else []
        planes = "turned" if turned else planes
        shape = _name(vector, columns, plan.phases)
        lines += [
            f"        {{ /* channels {vector.first} to {vector.first + vector.channels - 1} */",
            *indent(turned, 1),
            f"            vf sum[{lanes // vector.pixels}][{vectors}];",
            f"            const vf start = starts({name}_bias + {vector.first}, {vector.channels}, {vector.pixels});",
            f"            for (int q = 0; q < {vectors} * VL; q += {ACROSS_PIXELS})",
            f"                {shape}({inputs * taps}, {planes}, {'q' if vector.groups > 1 else 'x + q'},",
            f"                    classes + p * phase + x + q, {name}_weight + {offset}, {size},",
            f"                    {len(op.chosen.weight)}, start, {vectors}, &sum[0][q / VL]);",
            f"            UNROLL for (int v = 0; v < {vectors}; v++) {{",
            "                const ptrdiff_t at = p * phase + x + v * VL;",
            *indent(four, 2),
            f"                UNROLL for (int j = 0; j < {vector.channels}; j++) {{",
            f"                    vf y = {value.replace('FIRST', str(vector.first))};",
            *indent([line.replace("FIRST", str(vector.first)) for line in finish], 5),
            "                }",
            "            }",
            "        }",
        ]
        offset += inputs * taps * columns * lanes // vector.pixels
    return [*lines, "    }", "    }"]


def _turned(op: Conv, vector: Lanes, vectors: int, lanes: int) -> list[str]:
    """Statements that make `turned`: for each input of a group and row, a vector a pixel, each lane of its group."""
    inputs, (taps, columns) = op.weight.shape[1], op.weight.shape[2:]
    per_group = op.channels // op.groups
    first = vector.first // per_group
    own = [min(first + lane // per_group, op.groups - 1) for lane in range(lanes)]
    of = ", ".join(f"plane[({group * inputs} + i) * {taps * columns} + r * {columns}]" for group in own)
    wide = vectors + 1  # with those beside the turn's
    return [
        f"        const float *turned[{inputs * taps}];",
        f"        vf kept[{inputs * taps}][{wide} * VL];",
        f"        for (int i = 0; i < {inputs}; i++)",
        f"            for (int r = 0; r < {taps}; r++) {{",
        f"                const float *const from[VL] = {{{of}}};",
        f"                for (int v = 0; v < {wide}; v++) {{",
        "                    vf pixels[VL];",
        "                    UNROLL for (int j = 0; j < VL; j++) pixels[j] = load(from[j] + x + v * VL);",
        f"                    transposed(pixels, kept[i * {taps} + r] + v * VL);",
        "                }",
        f"                turned[i * {taps} + r] = (const float *)kept[i * {taps} + r];",
        "            }",
    ]


def _name(vector: Lanes, columns: int, phases: int) -> str:
    kind = "turned" if vector.groups > 1 else "halves" if vector.pixels == 2 else "beside" if phases == 1 else "apart"
    return f"across_{kind}_{columns}"


def across_functions(steps: list[Step], plan: Plan) -> list[str]:
    """The inner loops of all layers that run so."""
    found = {
        (_name(vector, step.op.weight.shape[3], plan.phases), step.op.weight.shape[3])
        for step in steps
        if isinstance(step.op, Conv)
        for vector in _lanes(step.op, step, plan)
    }
    return [_function(name, columns) for name, columns in sorted(found)]


def _function(name: str, columns: int) -> str:
    """Sums of ACROSS_PIXELS pixels: `sum` has a row of `stride` vectors a channel."""
    kind = name.split("_")[1]
    count, half = ACROSS_PIXELS, kind == "halves"
    own = "VL / 2" if half else "VL"
    head = f"""/* Each of {count} pixels with the kernel of its class, one of `count`, of `size` weights.
   Right of a row's end a class may be any number. {_WORDS[kind]} */
INLINE void {name}(int lines, const float *const *plane, ptrdiff_t x, const float *classes, const float *weights,
    ptrdiff_t size, uint32_t count, vf start, int stride, vf *to)
{{
    uint32_t class[{count}];
    const float *w[{count}];
    vf sum[{count // 2 if half else count}];
    __builtin_memcpy(class, classes, sizeof class);
    UNROLL for (int q = 0; q < {count}; q++) w[q] = weights + size * (class[q] < count ? class[q] : 0);
    UNROLL for (int q = 0; q < {count // 2 if half else count}; q++) sum[q] = start;
    for (int i = 0; i < lines; i++) {{
"""
    if half:
        products = [f"        const vf at{c} = load(plane[i * {columns} + {c}] + x);" for c in range(columns)]
        products += [
            f"        sum[{q}] += two_of(w[{q}] + {c} * VL / 2, w[{q + 4}] + {c} * VL / 2) * EACH_HALF(at{c}, {q});"
            for q in range(count // 2)
            for c in range(columns)
        ]
    else:
        line, at = {
            "beside": (f"plane[{columns} * i] + x", "SPLAT(p[q + c])"),
            "apart": ("", f"SPLAT(plane[{columns} * i + c][x + q])"),
            "turned": ("plane[i] + x * VL", "load(p + (q + c) * VL)"),
        }[kind]
        products = [f"        const float *const p = {line};"] if line else []
        products += [
            f"        UNROLL for (int q = 0; q < {count}; q++)",
            f"            UNROLL for (int c = 0; c < {columns}; c++) sum[q] += load(w[q] + c * VL) * {at};",
        ]
    end = f"        UNROLL for (int q = 0; q < {count}; q++) w[q] += {columns} * {own};\n    }}\n"
    if half:
        end += """    vf channel[4];
    turn_halves(sum, channel);
    UNROLL for (int j = 0; j < 4; j++) to[j * stride] = channel[j];
}
"""
    else:
        end += f"""    UNROLL for (int v = 0; v < {count} / VL; v++) {{
        vf channel[VL];
        transposed(sum + v * VL, channel);
        UNROLL for (int j = 0; j < VL; j++) to[j * stride + v] = channel[j];
    }}
}}
"""
    return head + "\n".join(products) + "\n" + end


_WORDS = {
    "beside": "A vector is a pixel's channels, and columns lie beside each other.",
    "apart": "A vector is a pixel's channels.",
    "turned": "A vector is a pixel's channels, and so are the planes.",
    "halves": "A vector is four channels of two pixels, which lie four apart.",
}
