"""Winograd's minimal filtering along one axis: F(m, r) gives m outputs of an r-tap filter for m + r - 1 products.

Matrices by Cook-Toom interpolation in exact fractions (Lavin & Gray 2016, arXiv:1509.09308; Barabasz et al. 2018,
arXiv:1803.10986, for the choice of points): out = A^T [(G w) * (B^T d)].
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Filter", "minimal_filter"]

# Small points and their negatives share most of their sums; halves and twos keep the rounding error low.
_POINTS = [Fraction(p) for p in ("0", "1", "-1", "2", "-2", "1/2", "-1/2", "4", "-4")]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Filter:
    """F(outputs, taps). Inputs and products: outputs + taps - 1."""

    outputs: int
    taps: int
    data: Matrix  # B^T: products x inputs
    weight: Matrix  # G: products x taps
    result: Matrix  # A^T: outputs x products

    @property
    def products(self) -> int:
        return self.outputs + self.taps - 1


def _polynomial(roots: list[Fraction]) -> list[Fraction]:
    """Coefficients, lowest first, of the product of (x - root)."""
    out = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *out]
        out = [s - root * c for s, c in zip(shifted, [*out, Fraction(0)], strict=True)]
    return out


@cache
def minimal_filter(outputs: int, taps: int) -> Filter:
    """F(outputs, taps) with the last point at infinity; B^T is scaled to whole numbers, G takes the fractions."""
    count = outputs + taps - 1
    points = _POINTS[: count - 1]
    data: list[list[Fraction]] = []
    weight: list[list[Fraction]] = []
    for i, point in enumerate(points):
        others = [p for j, p in enumerate(points) if j != i]
        scale = Fraction(1)
        for other in others:
            scale *= point - other
        row = _polynomial(others)
        whole = Fraction(np.lcm.reduce([c.denominator for c in row]))
        data.append([whole * c for c in row] + [Fraction(0)] * (count - len(row)))
        weight.append([point**k / (scale * whole) for k in range(taps)])
    data.append(_polynomial(points))
    weight.append([Fraction(0)] * (taps - 1) + [Fraction(1)])
    result = [[point**k for point in points] + [Fraction(int(k == outputs - 1))] for k in range(outputs)]

    def dense(rows: list[list[Fraction]]) -> Matrix:
        return np.array([[float(c) for c in row] for row in rows])

    return Filter(outputs, taps, dense(data), dense(weight), dense(result))
