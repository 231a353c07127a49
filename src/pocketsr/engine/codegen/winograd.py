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

# Points and their negatives share most of their sums. For F(4, 3), 3/4 and 3/2 keep the rounding error of a 48-channel
# convolution along both axes at 1.4e-6 where 1 and 2, the published points, give 5.8e-6; they cost 2 % of the time.
_CLASSIC = ("0", "1", "-1", "2", "-2", "1/2", "-1/2", "4", "-4")
_BALANCED = ("0", "3/4", "-3/4", "3/2", "-3/2")
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

    @property
    def monic(self) -> Filter:
        """The same with 1 for the last factor of each row of B^T: fewer products in it, for other weights."""
        last = np.array([row[np.flatnonzero(row)[-1]] for row in self.data])[:, None]
        return Filter(self.outputs, self.taps, self.data / last, self.weight * last, self.result)

    @property
    def ones(self) -> Matrix:
        """Products that make every output 1: a bias enters through them for nothing."""
        return np.asarray(np.linalg.pinv(self.result).sum(axis=1), np.float64)


def _polynomial(roots: list[Fraction]) -> list[Fraction]:
    """Coefficients, lowest first, of the product of (x - root)."""
    out = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *out]
        out = [s - root * c for s, c in zip(shifted, [*out, Fraction(0)], strict=True)]
    return out


@cache
def minimal_filter(outputs: int, taps: int, points: tuple[str, ...] = ()) -> Filter:
    """F(outputs, taps) with the last point at infinity; B^T is scaled to integers, G takes the fractions.

    points: the others, as fractions, 0 first and then pairs of opposites; default, the best known.
    """
    count = outputs + taps - 1
    chosen = points or (_BALANCED if count == 6 else _CLASSIC[: count - 1])
    places = [Fraction(point) for point in chosen]
    data: list[list[Fraction]] = []
    weight: list[list[Fraction]] = []
    for i, point in enumerate(places):
        others = [p for j, p in enumerate(places) if j != i]
        scale = Fraction(1)
        for other in others:
            scale *= point - other
        row = _polynomial(others)
        whole = Fraction(np.lcm.reduce([c.denominator for c in row]))
        data.append([whole * c for c in row] + [Fraction(0)] * (count - len(row)))
        weight.append([point**k / (scale * whole) for k in range(taps)])
    data.append(_polynomial(places))
    weight.append([Fraction(0)] * (taps - 1) + [Fraction(1)])
    result = [[point**k for point in places] + [Fraction(int(k == outputs - 1))] for k in range(outputs)]

    def dense(rows: list[list[Fraction]]) -> Matrix:
        return np.array([[float(c) for c in row] for row in rows])

    return Filter(outputs, taps, dense(data), dense(weight), dense(result))
