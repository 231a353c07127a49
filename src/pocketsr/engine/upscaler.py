"""The one seam between what upscales planes and what uses it."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

__all__ = ["Plane", "Upscaler"]

Plane = NDArray[Any]
"""Samples, uint8 or uint16: (H, W), or (H, W, 3) for an RGB network."""


class Upscaler(Protocol):
    """The one seam between what upscales and what uses it: a `Network`, or a fake in a test."""

    @property
    def scale(self) -> int: ...

    @property
    def channels(self) -> int:
        """1: luma in and out; 3: RGB in and out."""
        ...

    @property
    def edge_halo(self) -> int:
        """How many pixels beyond the picture's edges its results depend on, where zeros stand there; else 0."""
        ...

    def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:
        """(H, W) or (H, W, 3) to `scale` times the size in the same type, into `out` where it is given."""
        ...
