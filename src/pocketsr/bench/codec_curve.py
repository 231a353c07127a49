"""Curves of quality over rate compared: BD-rate (Bjontegaard, VCEG-M33) and where one passes the other.

By the package `bjontegaard` (Herglotz et al., FAU Erlangen), method "pchip": piecewise cubic Hermite interpolation of
the logarithm of the rate over the quality, as the Common Test Conditions of JCT-VC have it. It integrates over what
overlap there is (1.3.0: a tenth of a range gives a number and a warning), and ends in scipy's ValueError for a curve
that falls; "cubic" takes even that. So both are checked here, and said in words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from pocketsr.errors import UserError

__all__ = ["LEAST_OVERLAP", "METHOD", "Compared", "Point", "compare", "crossing", "require"]

METHOD = "pchip"
LEAST_OVERLAP = 0.25
"""Of the shorter one of both ranges of quality."""
_SAME_RATE = 1.01  # an encoder that can't send less answers two questions alike: such points count once
_STEPS = 2000  # on the logarithm of the rate, where a crossing is looked for

Point = tuple[float, float]
"""Bits per pixel, and quality."""


@dataclass(frozen=True)
class Compared:
    """bd_rate_percent: negative where bits are saved; None with the `reason`. crossover_bpp: below it the tested curve
    is the better one; None where they don't cross in the rates that both have, and `beyond` says where they would.
    """

    bd_rate_percent: float | None
    crossover_bpp: float | None
    reason: str | None = None
    beyond: str | None = None


def require() -> Any:
    """The package. Raises UserError where it isn't installed."""
    try:
        import bjontegaard  # which imports matplotlib and scipy
    except ModuleNotFoundError as error:
        raise UserError(f"BD-rates need {error.name}: pip install 'pocketsr[codec]'") from error
    return bjontegaard


def compare(anchor: Sequence[Point], tested: Sequence[Point], up_to_bpp: float, unit: str = "") -> Compared:
    """The tested curve against the anchor, whose points up to `up_to_bpp` count (and a tenth: encoders miss rates).

    unit: of the quality, for the reason.
    """
    bjontegaard = require()
    whole = _thinned(anchor)
    curves = {"native": [point for point in whole if point[0] <= 1.1 * up_to_bpp], "this path": _thinned(tested)}
    for whose, curve in curves.items():
        if reason := _unfit(curve, whose, unit):
            return Compared(None, None, reason)
    low, high = curves.values()
    crossover, beyond = crossing(whole, high) if _unfit(whole, "", unit) is None else crossing(low, high)
    ranges = [(curve[0][1], curve[-1][1]) for curve in (low, high)]
    overlap = min(top for _, top in ranges) - max(bottom for bottom, _ in ranges)
    share = overlap / min(top - bottom for bottom, top in ranges)
    if share < LEAST_OVERLAP:
        words = " and ".join(f"{bottom:.4g} to {top:.4g}{unit}" for bottom, top in ranges)
        return Compared(None, crossover, f"the curves hardly overlap: {words}", beyond)
    rates = [np.array(column) for curve in (low, high) for column in zip(*curve, strict=True)]
    percent = float(bjontegaard.bd_rate(*rates, method=METHOD, require_matching_points=False, min_overlap=0))
    if not math.isfinite(percent):
        return Compared(None, crossover, "the BD-rate is no number", beyond)
    return Compared(percent, crossover, None, beyond)


def _thinned(points: Sequence[Point]) -> list[Point]:
    """By rate; of points whose rates are the same within 1 % the first."""
    kept: list[Point] = []
    for point in sorted(points):
        if not kept or point[0] > _SAME_RATE * kept[-1][0]:
            kept.append(point)
    return kept


def _unfit(curve: Sequence[Point], whose: str, unit: str) -> str | None:
    """Why a curve can't be interpolated; None where it can."""
    if len(curve) < 3:
        return f"{whose} has {len(curve)} different rates in this range: 3 are the least"
    for (rate, one), (more, other) in pairwise(curve):
        if not (math.isfinite(one) and math.isfinite(other)):
            return f"{whose} is without loss at {more:.4g} bpp: ask for lower rates"
        if other <= one:
            return f"{whose} falls from {one:.4g} to {other:.4g}{unit} between {rate:.4g} and {more:.4g} bpp"
    return None


def crossing(anchor: Sequence[Point], tested: Sequence[Point]) -> tuple[float | None, str | None]:
    """The highest rate at which the tested curve stops being the better one; else where it would be, in words."""
    anchor, tested = _thinned(anchor), _thinned(tested)
    if min(len(anchor), len(tested)) < 2:
        return None, "nowhere: a curve has less than two rates"
    from scipy.interpolate import PchipInterpolator

    low, high = max(anchor[0][0], tested[0][0]), min(anchor[-1][0], tested[-1][0])
    if low >= high:
        return None, "nowhere: the curves share no rate"
    rates = np.geomspace(low, high, _STEPS)
    better = np.zeros(_STEPS)
    for curve, sign in ((tested, 1), (anchor, -1)):
        x, y = np.log([rate for rate, _ in curve]), [quality for _, quality in curve]
        better += sign * PchipInterpolator(x, y)(np.clip(np.log(rates), x[0], x[-1]))
    if better[-1] > 0:
        return None, f"above {high:.4g}"
    ahead = np.flatnonzero(better > 0)
    return (float(rates[ahead[-1]]), None) if len(ahead) else (None, f"below {low:.4g}")
