"""C for pointwise steps, shared by convolutions and maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pocketsr.engine.ir import Affine, Binary, Clip, Combine, Function, Point, Prelu, Ref

__all__ = ["Part", "array", "extent", "indent", "literal", "point_tables", "points_code", "row_table"]

Part = tuple[int, int, int, int]  # a register block: group, first channel, channels, offset in the weights

_INFIX = {Binary.ADD: "+", Binary.SUB: "-", Binary.MUL: "*", Binary.DIV: "/"}


def extent(side: str, scale: int) -> str:
    """The height or width (`side` h or w) of a value at `scale`."""
    return f"f->{side}" if scale == 1 else f"{scale} * f->{side}"


def literal(x: float) -> str:
    """A float constant in C that reads back as the same float."""
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


def point_tables(name: str, points: Sequence[Point]) -> str:
    """The per-channel constants of the pointwise steps of function `name`."""
    out = []
    for i, point in enumerate(points):
        if isinstance(point, Prelu) and point.slope.any():
            out.append(array(f"{name}_slope_less_1_{i}", point.slope.astype(np.float64) - 1))
        elif isinstance(point, Affine):
            out.append(array(f"{name}_scale{i}", point.scale))
            out.append(array(f"{name}_offset{i}", point.offset))
    return "".join(out)


def points_code(name: str, points: Sequence[Point], channel: str, row: str, column: str) -> list[str]:
    """Statements that turn the vector `y` of output channel `channel` into its final value.

    A combination reads the row table `other{i}[row][channel]`.
    """
    out = []
    for i, point in enumerate(points):
        match point:
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
            case Function(kind):
                out.append(f"y = v{kind.value}(y);")
            case Combine(kind, _):
                other = f"load(other{i}[{row}][{channel}] + {column})"
                if kind in _INFIX:
                    out.append(f"y = y {_INFIX[kind]} {other};")
                else:
                    out.append(f"y = v{kind.value}(y, {other});")
    return out


def row_table(table: str, refs: Sequence[Ref], rows: int, first_row: str) -> list[str]:
    """Statements that fill `const float *table[rows][channels]` with the rows that `refs` name."""
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


def indent(lines: Sequence[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]
