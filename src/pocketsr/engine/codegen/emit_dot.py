"""C for the arithmetic of convolutions: the register-blocked inner product and Winograd's transforms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.codegen.emit_pointwise import literal
from pocketsr.engine.codegen.winograd import Filter

__all__ = ["LANES", "dot_function", "dot_name", "winograd_functions", "winograd_in_parts"]


LANES = 4
"""Weights in a vector of NEON, of which an instruction may take one."""


def dot_name(channels: int, vectors: int, inlined: bool, room: int = 0) -> str:
    of = f"of{room}" if room > vectors else ""
    return f"dot_{channels}x{vectors}{of}{'' if inlined else '_call'}"


def dot_function(channels: int, vectors: int, inlined: bool, room: int, by_lanes: bool = False) -> str:
    """The inner loop: sums over n planes for channels x vectors accumulators. room: vectors that there is room for in
    each row of `out`. by_lanes: weights are loaded four at a time, and a lane of them is multiplied with (`arm.h`).

    Weights lie in the order plane, output channel. Measured on Zen 5 (AVX-512): 12 x 2 runs at 90 % of the FMA peak.
    """
    size = range(vectors)
    lines = [
        f"/* out[j][v] = bias[j] + sum over n planes of w * plane: {channels} channels x {vectors} vectors */",
        f"{'INLINE' if inlined else 'static'} void {dot_name(channels, vectors, inlined, room)}(int n,"
        " const float *const *plane, ptrdiff_t x, const float *w,",
        f"    const float *bias, vf out[{channels}][{room}])",
        "{",
        "    vf k, " + ", ".join(f"x{v}" for v in size) + ";",
    ]
    for j in range(channels):
        lines.append("    vf " + ", ".join(f"a{j}_{v} = SPLAT(bias[{j}])" for v in size) + ";")
    lines += [
        f"    for (int i = 0; i < n; i++, w += {channels}) {{",
        "        const float *p = plane[i] + x;",
        "        " + " ".join(f"x{v} = load(p + {v} * VL);" for v in size),
    ]
    for j in range(channels):
        lane, left = j % LANES, channels - j
        if by_lanes and lane == 0 and left > 1:
            lines.append(f"        k = four_of(w + {j}, {min(LANES, left)});")
        weight = f"LANE(k, {lane})" if by_lanes and (lane or left > 1) else "k"
        sums = " ".join(f"a{j}_{v} += {weight} * x{v};" for v in size)
        lines.append(f"        {sums}" if weight != "k" else f"        k = SPLAT(w[{j}]); {sums}")
    lines.append("    }")
    for j in range(channels):
        lines.append("    " + " ".join(f"out[{j}][{v}] = a{j}_{v};" for v in size))
    return "\n".join([*lines, "}", ""])


def _sum(terms: list[tuple[float, str]]) -> str:
    """c0*x0 + c1*x1 ... as C."""
    out = ""
    for factor, name in terms:
        if factor == 0:
            continue
        size = abs(factor)
        term = name if size == 1 else f"{literal(size)} * {name}"
        sign = "-" if factor < 0 else "+"
        out += f" {sign} {term}" if out else (f"-{term}" if factor < 0 else term)
    return out or "SPLAT(0.0f)"


def winograd_in_parts(f: Filter, data: str) -> list[tuple[int, tuple[str, ...]]]:
    """The data transform in parts: (first product, sums). One sum is the product's; two are the even and the odd half
    of products for a point and its negative, which are their sum and their difference. `data` names input {}."""
    parts: list[tuple[int, tuple[str, ...]]] = []

    def text(row: NDArray[np.float64]) -> str:
        return _sum([(float(c), data.format(j)) for j, c in enumerate(row)])

    i = 0
    while i < f.products:
        if 0 < i < f.products - 1 and np.array_equal(np.abs(f.data[i]), np.abs(f.data[i + 1])):
            parts.append((i, (text((f.data[i] + f.data[i + 1]) / 2), text((f.data[i] - f.data[i + 1]) / 2))))
            i += 2
        else:
            parts.append((i, (text(f.data[i]),)))
            i += 1
    return parts


def winograd_functions(f: Filter) -> str:
    """Both transforms of F(m, r)."""
    n, m = f.products, f.outputs
    tag = f"{f.outputs}_{f.taps}"
    lines = [f"/* Winograd F({f.outputs}, {f.taps}): {n} vectors of neighbours to {n} transformed ones */"]
    lines += [f"INLINE void winograd_in_{tag}(const vf d[{n}], vf t[{n}])", "{"]
    for i, sums in winograd_in_parts(f, "d[{}]"):
        if len(sums) == 2:
            lines.append(f"    const vf e{i} = {sums[0]};")
            lines.append(f"    const vf o{i} = {sums[1]};")
            lines.append(f"    t[{i}] = e{i} + o{i};")
            lines.append(f"    t[{i + 1}] = e{i} - o{i};")
        else:
            lines.append(f"    t[{i}] = {sums[0]};")
    lines += ["}", ""]
    lines += [f"/* {n} products to {m} results */"]
    lines += [f"INLINE void winograd_out_{tag}(const vf t[{n}], vf y[{m}])", "{"]
    pairs = [i for i in range(1, n - 2) if np.array_equal(np.abs(f.result[:, i]), np.abs(f.result[:, i + 1]))]
    for i in pairs:
        lines.append(f"    const vf s{i} = t[{i}] + t[{i + 1}], d{i} = t[{i}] - t[{i + 1}];")
    for row in range(m):
        terms = [(float(f.result[row, 0]), "t[0]")]
        terms += [(float(f.result[row, i]), f"s{i}" if row % 2 == 0 else f"d{i}") for i in pairs]
        rest = [i for i in range(1, n) if i not in pairs and i - 1 not in pairs]
        terms += [(float(f.result[row, i]), f"t[{i}]") for i in rest]
        lines.append(f"    y[{row}] = {_sum(terms)};")
    return "\n".join([*lines, "}", ""])
