"""Curves that are applied to each number by itself: one line each says all that is to be known of one.

A new one is a name in `ir.Unary`, a line here, and a network in the tests that uses it. From the line follow the
operator that is read (`handlers`), what it means (`reference`), the C (`emit`), that it depends on no neighbour
(`shapes`, `receptive_field`, `fallback.halo`), and how it is trained and written in low precision (`quant`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Function, Op, Shuffle, Unary

__all__ = ["CURVES", "Curve", "curve_code"]

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Curve:
    """onnx: the operator, with its attributes at their defaults. meaning: in double precision. torch: the function's
    place in PyTorch. c: an expression of the vector `x`, off by less than 1e-6 of full scale; empty where curves.h
    has the function."""

    onnx: str
    meaning: Callable[[Numbers], Numbers]
    torch: str
    c: str = ""


# fmt: off
CURVES: dict[Unary, Curve] = {
    Unary.SIGMOID: Curve("Sigmoid", lambda x: 1 / (1 + np.exp(-x)), "sigmoid"),
    Unary.TANH: Curve("Tanh", np.tanh, "tanh"),
    Unary.ERF: Curve("Erf", np.vectorize(math.erf, otypes=[np.float64]), "erf"),
    Unary.ABS: Curve("Abs", np.abs, "abs"),
    Unary.SQRT: Curve("Sqrt", np.sqrt, "sqrt"),
    Unary.ELU: Curve("Elu", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), "nn.functional.elu",
                     "vmax(x, SPLAT(0.0f)) + vexpm1(vmin(x, SPLAT(0.0f)))"),
    Unary.SOFTPLUS: Curve("Softplus", lambda x: np.logaddexp(0, x), "nn.functional.softplus",
                          "vmax(x, SPLAT(0.0f)) + vlog1p(vexp(-vabs(x)))"),
    Unary.MISH: Curve("Mish", lambda x: x * np.tanh(np.logaddexp(0, x)), "nn.functional.mish",
                      "x * vtanh_softplus(x)"),
    Unary.SOFTSIGN: Curve("Softsign", lambda x: x / (1 + np.abs(x)), "nn.functional.softsign",
                          "x / (1.0f + vabs(x))"),
}
# fmt: on

_HELPERS = """
/* e^x - 1, x not above 0, relative to which it is right to 1e-7: e^r - 1 where x is r + n ln 2, moved by n */
INLINE vf vexpm1(vf x)
{
    x = vmax(x, SPLAT(-87.0f));
    vf f = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
    vi n = __builtin_convertvector(f, vi);
    vf r = x - f * 0.693359375f + f * 2.12194440e-4f;
    vf p = ((((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r
            + 1.6666665459e-1f) * r + 5.0000001201e-1f;
    vi power = (n + 127) << 23;
    vf scale;
    __builtin_memcpy(&scale, &power, sizeof scale);
    return (p * r * r + r) * scale + (scale - 1.0f);
}
/* ln(1 + t), t from 0 to 1: 2 artanh(t / (2 + t)) by its series, whose next term is below 1e-8 */
INLINE vf vlog1p(vf t)
{
    vf s = t / (2.0f + t), q = s * s;
    vf p = (((((0.0666666667f * q + 0.0769230769f) * q + 0.0909090909f) * q + 0.111111111f) * q + 0.142857143f) * q
            + 0.2f) * q + 0.333333333f;
    return 2.0f * s + 2.0f * s * q * p;
}
/* tanh(ln(1 + e^x)) = w / (w + 2), w = e^x (e^x + 2); 1 in single precision above 20 */
INLINE vf vtanh_softplus(vf x)
{
    vf e = vexp(vmin(x, SPLAT(20.0f)));
    vf w = e * (e + 2.0f);
    return w / (w + 2.0f);
}
"""


def curve_code(ops: Iterable[Op]) -> str:
    """C for those curves of `ops` that curves.h doesn't have; nothing where there are none."""
    stages = [stage for op in ops if not isinstance(op, Shuffle) for stage in op.stages]
    used = sorted({stage.kind for stage in stages if isinstance(stage, Function)}, key=lambda kind: kind.value)
    lines = [f"INLINE vf v{kind.value}(vf x) {{ return {CURVES[kind].c}; }}\n" for kind in used if CURVES[kind].c]
    return _HELPERS + "".join(lines) if lines else ""
