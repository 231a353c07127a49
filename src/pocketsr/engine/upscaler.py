"""The one seam between what upscales planes and what uses it."""

from __future__ import annotations

from typing import Any, Protocol, cast

from numpy.typing import NDArray

from pocketsr.arguments import check_strength
from pocketsr.errors import ArgumentError

__all__ = ["Plane", "Told", "Upscaler", "check_told", "takes_strength", "told", "upscaled"]

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


class Told(Upscaler, Protocol):
    """An `Upscaler` that is told how far pictures are from their clean shrinks (`pixels.strength`)."""

    @property
    def strengths(self) -> int:
        """Between how many strengths its biases are linear; 0 where it takes none."""
        ...

    def __call__(
        self, y: Plane, bits: int | None = None, out: Plane | None = None, *, strength: float | None = None
    ) -> Plane:
        """As `Upscaler`; strength: 0..1, or None for the network's own default."""
        ...


def takes_strength(network: Upscaler) -> bool:
    """Whether `network` can be told a strength."""
    return getattr(network, "strengths", 0) > 0


def check_told(network: Upscaler, strength: float | None) -> None:
    """Raises ArgumentError and ArgumentTypeError for a strength that is none, or that `network` can't be told."""
    if strength is None:
        return
    check_strength(strength)
    if not takes_strength(network):
        name = getattr(network, "name", "the network")
        raise ArgumentError(f"{name} takes no strength: leave it out, or choose a network that is told one")


def upscaled(
    network: Upscaler, y: Plane, bits: int | None = None, out: Plane | None = None, strength: float | None = None
) -> Plane:
    """`network(y, bits, out)`, told a strength where there is one to be told."""
    if strength is None:
        return network(y, bits=bits, out=out)
    return cast(Told, network)(y, bits=bits, out=out, strength=strength)


class _At:
    def __init__(self, network: Upscaler, strength: float) -> None:
        self._network, self._strength = network, strength
        self.scale, self.channels, self.edge_halo = network.scale, network.channels, network.edge_halo
        self.name = str(getattr(network, "name", "the network"))

    def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:
        return upscaled(self._network, y, bits, out, self._strength)


def told(network: Upscaler, strength: float | None) -> Upscaler:
    """`network`, told the same strength at every call; as it is where that is None."""
    return network if strength is None else _At(network, strength)
