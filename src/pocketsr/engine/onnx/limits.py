"""How much of each thing a network may have: more is no network of images, and would take minutes or gigabytes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from pocketsr.engine.ir.graph import Affine, Conv, Op, Prelu, Shuffle, refs_of

__all__ = ["LIMITS", "Work", "finite", "wide_kernel"]

LIMITS = {
    "planes": 8192,  # of one feature map
    "all planes": 131_072,
    "operations": 4096,
    "scale": 16,
    "kernel": 63,  # rows and columns, spread by its dilation
    "weights": 3_000_000,  # of all convolutions, counted at each use
    "multiply-adds": 6_000_000,  # a pixel of the picture
}


@dataclass
class Work:
    """What the operations so far come to."""

    operations: int = 0
    planes: int = 0
    weights: int = 0
    products: int = 0

    def excess(self, op: Op, scale: int) -> str | None:
        """Counts `op`, whose result is `scale` times the size of the picture; says what is too much of it."""
        self.operations += 1
        self.planes += len(refs_of(op))
        found = {"operations": self.operations, "planes": len(refs_of(op)), "all planes": self.planes, "scale": scale}
        if isinstance(op, Conv):
            self.weights += op.chosen.weight.size if op.chosen else op.weight.size
            self.products += op.weight.size * scale**2
            found |= {"kernel": max(op.weight.shape[2:]), "weights": self.weights, "multiply-adds": self.products}
        over = next((what for what, count in found.items() if count > LIMITS[what]), None)
        if over is None:
            return None
        return f"{over}: {found[over]:,} with this node; up to {LIMITS[over]:,} are supported"


def wide_kernel(shape: tuple[int, ...], dilations: list[int]) -> bool:
    """Whether a kernel of `shape` (.. KH KW) is too large once it is spread, or makes too many weights."""
    spread = [(size - 1) * d + 1 for size, d in zip(shape[2:], dilations, strict=True)]
    return max(spread) > LIMITS["kernel"] or prod(shape[:2]) * prod(spread) > LIMITS["weights"]


def finite(op: Op) -> str | None:
    """Says that numbers of `op` are infinite, or none, where they are."""
    numbers = [op.weight, op.bias] if isinstance(op, Conv) else []
    if isinstance(op, Conv) and op.chosen:
        numbers.append(op.chosen.weight)
    if isinstance(op, Conv) and op.offsets is not None:
        numbers.append(op.offsets)
    for stage in () if isinstance(op, Shuffle) else op.stages:
        match stage:
            case Affine(scale, offset):
                numbers += [scale, offset]
            case Prelu(slope):
                numbers.append(slope)
    if all(np.isfinite(each).all() for each in numbers):
        return None
    return "its numbers are infinite or NaN in single precision: the file is damaged, or its training failed"
