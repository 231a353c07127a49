"""A network applied several times, and one that changes nothing."""

from __future__ import annotations

import numpy as np

from pocketsr.engine.runtime.edges import repeat_edges
from pocketsr.engine.upscaler import Plane, Upscaler, takes_strength, upscaled

__all__ = ["Same", "repeated"]


class Same:
    """A network that changes nothing. channels: as of an `Upscaler`."""

    scale, edge_halo = 1, 0

    def __init__(self, channels: int = 1) -> None:
        self.channels = channels

    def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:  # noqa: ARG002
        if out is None:
            out = np.empty_like(y)
        np.copyto(out, y)
        return out


class _Chain:
    """`passes` times the same network, the edges of each pass repeated where that needs it.

    A strength is told to the first pass: what later ones are given was upscaled, and has lost what it stands for.
    """

    edge_halo = 0

    def __init__(self, network: Upscaler, passes: int) -> None:
        self._network, self._passes = repeat_edges(network), passes
        self.scale, self.channels = network.scale**passes, network.channels
        self.strengths = int(getattr(network, "strengths", 0))
        self._clean = 0.0 if takes_strength(network) else None

    def __call__(
        self, y: Plane, bits: int | None = None, out: Plane | None = None, *, strength: float | None = None
    ) -> Plane:
        for _ in range(self._passes - 1):
            y = upscaled(self._network, y, bits, None, strength)
            strength = self._clean
        return upscaled(self._network, y, bits, out, strength)


def repeated(network: Upscaler, passes: int) -> Upscaler:
    """`network` applied `passes` times; for 0 one that changes nothing."""
    if passes == 0:
        return Same()
    return network if passes == 1 else _Chain(network, passes)
