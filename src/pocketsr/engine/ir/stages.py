"""What is done to each number of a plane by itself: the stages of operations (`graph`), and the planes they name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Affine",
    "Array",
    "Binary",
    "Clip",
    "Combine",
    "Dequantize",
    "Function",
    "PointwiseStage",
    "Prelu",
    "Quantize",
    "Ref",
    "Unary",
    "stage_refs",
]

Array = NDArray[np.float32]


class Ref(NamedTuple):
    """One channel plane of a value. A tuple, since graphs have thousands of them, in sets and dictionaries."""

    value: int
    channel: int


class Binary(Enum):
    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"
    MAX = "max"
    MIN = "min"


class Unary(Enum):
    SIGMOID = "sigmoid"
    TANH = "tanh"
    ERF = "erf"
    ABS = "abs"
    SQRT = "sqrt"
    ELU = "elu"
    SOFTPLUS = "softplus"
    MISH = "mish"
    SOFTSIGN = "softsign"


@dataclass(frozen=True, eq=False)
class Affine:
    """y = scale[c] * x + offset[c]."""

    scale: Array  # C
    offset: Array  # C


@dataclass(frozen=True, eq=False)
class Prelu:
    """y = x where x > 0, slope[c] * x elsewhere (ReLU: slope 0)."""

    slope: Array  # C


@dataclass(frozen=True)
class Clip:
    """y = min(max(x, low), high)."""

    low: float
    high: float


@dataclass(frozen=True)
class Function:
    kind: Unary


@dataclass(frozen=True)
class Dequantize:
    """y = (x - zero) * step, x being integers."""

    step: float
    zero: int


@dataclass(frozen=True)
class Quantize:
    """y = min(max(rint(x / step) + zero, 0), top): integers; rint rounds halves to even."""

    step: float
    zero: int
    top: int


@dataclass(frozen=True)
class Combine:
    """y[c] = x[c] (kind) other[c], integers being dequantized first."""

    kind: Binary
    other: tuple[Ref, ...]  # C
    numbers: Dequantize | None = None


PointwiseStage = Affine | Prelu | Clip | Function | Dequantize | Quantize | Combine


def stage_refs(stages: Iterable[PointwiseStage]) -> tuple[Ref, ...]:
    """The planes that pointwise stages read besides their own operand."""
    return tuple([ref for stage in stages if isinstance(stage, Combine) for ref in stage.other])
