"""Precisions by name, and the weights that a low-bit layer typically has: what additions cost depends on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EDGE_BITS",
    "PICTURE_LEVELS",
    "PRECISIONS",
    "Bits",
    "Precision",
    "bits_of",
    "may_choose",
    "typical_weights",
]

Precision = Literal["fp32", "w8a8", "w4a8", "w2a8", "w4a4", "w2a4", "w2a2"]
"""`fp32`, or a spec of `quant`. A profile says which it was calibrated for."""

PRECISIONS: tuple[Precision, ...] = get_args(Precision)

PICTURE_LEVELS = 4080
"""`quant.INPUT_LEVELS`; not imported, so that choosing needs no torch. A test holds both together."""

EDGE_BITS = 8
"""Of the weights that read the picture or make the result, in every precision; see `quant.Spec`."""

_TERNARY = 2  # bits
_OTHER_THAN_0 = 0.55  # of weights of 2 bits: a ternary quantizer keeps 56 % of normal ones (`tools/record_low_bit.py`)


@dataclass(frozen=True)
class Bits:
    """Bit widths. weights: of inner convolutions. acts: of activations."""

    weights: int
    acts: int

    @property
    def levels(self) -> int:
        """The largest integer of an activation."""
        return int(2**self.acts - 1)


@cache
def bits_of(precision: Precision) -> Bits | None:
    """None for fp32."""
    return None if precision == "fp32" else Bits(int(precision[1]), int(precision[3]))


def may_choose(precision: Precision) -> bool:
    """Whether kernels can be chosen by classes of pixels: not in 2 bits, which nobody has trained."""
    bits = bits_of(precision)
    return bits is None or min(bits.weights, bits.acts) > _TERNARY


def typical_weights(shape: Sequence[int], bits: int, seed: int = 0) -> NDArray[np.int8]:
    """Integers of `bits` in the shape CO CI/groups KH KW: normal ones; of 2 bits -1, 0 and 1.

    Each output channel has the same number of zeros, so that which way the engine takes (`method`) is a question of the
    shape alone.
    """
    draw = np.random.default_rng(seed)
    if bits > _TERNARY:
        most = 2 ** (bits - 1) - 1
        normal = draw.normal(0, most / 3, shape)
        return np.clip(np.rint(normal), -most, most).astype(np.int8)
    each = int(np.prod(shape[1:]))
    order = draw.random((shape[0], each)).argsort(axis=1)
    signs = draw.choice(np.array([-1, 1], np.int8), (shape[0], each))
    kept = order < max(1, round(_OTHER_THAN_0 * each))
    return np.where(kept, signs, np.int8(0)).reshape(shape)
