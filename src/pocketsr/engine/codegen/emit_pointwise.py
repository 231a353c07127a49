"""C for pointwise stages, shared by convolutions and pointwise operations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pocketsr.engine.codegen.method import CHANNELS_A_WORD, Storage
from pocketsr.engine.codegen.plan import Formats
from pocketsr.engine.ir.graph import (
    Affine,
    Binary,
    Clip,
    Combine,
    Dequantize,
    Function,
    Graph,
    PointwiseStage,
    Prelu,
    Quantize,
    Ref,
    Shuffle,
)

__all__ = [
    "Part",
    "array",
    "extent",
    "indent",
    "inverse",
    "literal",
    "number_table",
    "rounds",
    "row_table",
    "stage_tables",
    "stages_code",
    "tap_planes",
]

Part = tuple[int, int, int, int]  # a register block: group, first channel, channels, offset in the weights

_INFIX = {Binary.ADD: "+", Binary.SUB: "-", Binary.MUL: "*", Binary.DIV: "/"}


_PLAIN = Formats({}, False)


def extent(side: str, scale: int) -> str:
    """The height or width (`side` h or w) of a value at `scale`."""
    return f"f->{side}" if scale == 1 else f"{scale} * f->{side}"


def literal(x: float) -> str:
    """A float constant in C that reads back as the same float."""
    with np.errstate(over="ignore"):
        number = float(np.float32(x))
    if np.isinf(number):
        return "__builtin_inff()" if number > 0 else "-__builtin_inff()"
    text = f"{number:.9g}"
    return f"{text if set(text) & set('.en') else text + '.0'}f"


def array(name: str, values: Sequence[float] | np.ndarray) -> str:
    """A constant table."""
    numbers = [literal(float(x)) for x in np.asarray(values, np.float32).ravel()]
    rows = [", ".join(numbers[i : i + 8]) for i in range(0, len(numbers), 8)]
    body = ",\n    ".join(rows)
    return f"static const float {name}[{len(numbers)}] __attribute__((aligned(64))) = {{\n    {body}\n}};\n"


def _dequantized(x: str, step: float, zero: int) -> str:
    whole = f"{x} - {zero}.0f" if zero else x
    return f"times({whole}, SPLAT({literal(step)}))"


def number_table(name: str, refs: Sequence[Ref], formats: Formats) -> str:
    """How many bits up in its word each plane that `refs` name is; -1 for one of floats, -2 for one of bytes."""
    bits = {Storage.FLOATS: -1, Storage.BYTES: -2}
    shifts = [bits.get(formats.storage[ref.value], 8 * (ref.channel % CHANNELS_A_WORD)) for ref in refs]
    return f"static const int {name}_shift[{len(shifts)}] = {{{', '.join(map(str, shifts))}}};\n"


def stage_tables(name: str, stages: Sequence[PointwiseStage], formats: Formats = _PLAIN) -> str:
    """The per-channel constants of the pointwise stages of function `name`."""
    out = []
    for i, stage in enumerate(stages):
        if isinstance(stage, Combine) and formats.exact:
            out.append(number_table(f"{name}_other{i}", stage.other, formats))
        elif isinstance(stage, Prelu) and formats.exact:
            out.append(array(f"{name}_slope{i}", stage.slope) if stage.slope.any() else "")
        elif isinstance(stage, Prelu) and stage.slope.any():
            out.append(array(f"{name}_slope_less_1_{i}", stage.slope.astype(np.float64) - 1))
        elif isinstance(stage, Affine):
            out.append(array(f"{name}_scale{i}", stage.scale))
            out.append(array(f"{name}_offset{i}", stage.offset))
    return "".join(out)


def inverse(step: float) -> str:
    """1 / step as a literal."""
    return literal(1 / float(np.float32(step)))


def stages_code(
    name: str, stages: Sequence[PointwiseStage], channel: str, row: str, column: str, formats: Formats = _PLAIN
) -> list[str]:
    """Statements that turn the vector `y` of output channel `channel` into its final value.

    A combination reads the row table `other{i}[row][channel]`.
    """
    out = []
    for i, stage in enumerate(stages):
        match stage:
            case Dequantize(step, zero):
                out.append(f"y = {_dequantized('y', step, zero)};")
            case Quantize(step, zero, top):
                if step != 1:
                    out.append(f"y = times(y, SPLAT({inverse(step)}));")
                out.append(f"y = rounded(clip(y, {-zero}.0f, {top - zero}.0f)) + {zero}.0f;")
            case Affine() if formats.exact:
                out.append(f"y = times(y, SPLAT({name}_scale{i}[{channel}])) + {name}_offset{i}[{channel}];")
            case Prelu(slope) if formats.exact and slope.any():
                slopes = "low" if (slope <= 1).all() else "any"
                out.append(f"y = prelu_{slopes}(y, SPLAT({name}_slope{i}[{channel}]));")
            case Affine():
                out.append(f"y = y * {name}_scale{i}[{channel}] + {name}_offset{i}[{channel}];")
            case Prelu(slope):
                if not slope.any():
                    out.append("y = vmax(y, SPLAT(0.0f));")
                else:
                    out.append(f"y = prelu(y, SPLAT({name}_slope_less_1_{i}[{channel}]));")
            case Clip(low, high):
                if low > -np.inf:
                    out.append(f"y = vmax(y, SPLAT({literal(low)}));")
                if high < np.inf:
                    out.append(f"y = vmin(y, SPLAT({literal(high)}));")
            case Function(function):
                out.append(f"y = v{function.value}(y);")
            case Combine(kind, _, numbers):
                other = f"load(other{i}[{row}][{channel}] + {column})"
                if formats.exact:
                    other = f"number(other{i}[{row}][{channel}], {column}, {name}_other{i}_shift[{channel}])"
                if numbers is not None:
                    out.append(f"const vf z{i} = {_dequantized(other, numbers.step, numbers.zero)};")
                    other = f"z{i}"
                if kind in _INFIX:
                    out.append(f"y = y {_INFIX[kind]} {other};")
                else:
                    out.append(f"y = v{kind.value}(y, {other});")
    return out


def rounds(graph: Graph) -> bool:
    """Whether values are quantized or dequantized anywhere, be it only between float convolutions."""
    stages = [stage for op in graph.ops if not isinstance(op, Shuffle) for stage in op.stages]
    return any(isinstance(stage, Dequantize | Quantize) for stage in stages)


def row_table(table: str, refs: Sequence[Ref], rows: int, first_row: str, formats: Formats = _PLAIN) -> list[str]:
    """Statements that fill `const float *table[rows][channels]` with the rows that `refs` name."""
    words = {value for value, way in formats.storage.items() if way is Storage.WORDS}
    refs = [Ref(ref.value, ref.channel // CHANNELS_A_WORD) if ref.value in words else ref for ref in refs]
    out = [f"const float *{table}[{rows}][{len(refs)}];", f"for (int r = 0; r < {rows}; r++) {{"]
    start = 0
    while start < len(refs):
        stop = start + 1
        step = refs[stop].channel - refs[start].channel if stop < len(refs) else 1
        step = step if step in (0, 1) else 1
        while (
            stop < len(refs)
            and refs[stop].value == refs[start].value
            and refs[stop].channel == refs[start].channel + step * (stop - start)
        ):
            stop += 1
        channel = f"{refs[start].channel} + i" if step else f"{refs[start].channel}"
        out.append(
            f"    for (int i = 0; i < {stop - start}; i++) "
            f"{table}[r][{start} + i] = v{refs[start].value}_at(f, {first_row} + r, {channel});"
        )
        start = stop
    out.append("}")
    return out


def tap_planes(inputs: int, taps: int, columns: int) -> list[str]:
    """Statements that fill `plane`, for the phase `p` of the output, with each input's taps: rows of `in`, shifted."""
    return [
        f"    const float *plane[{inputs * taps * columns}];",
        f"    for (int c = 0; c < {columns}; c++) {{",
        f"        const ptrdiff_t at = place(p + c - {columns // 2}, phase);",
        f"        for (int i = 0; i < {inputs}; i++)",
        f"            for (int r = 0; r < {taps}; r++) plane[(i * {taps} + r) * {columns} + c] = in[r][i] + at;",
        "    }",
    ]


def indent(lines: Sequence[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]
