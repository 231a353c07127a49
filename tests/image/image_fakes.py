"""Stands in for a compiled network where only what is around it is tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass
class Nearest:
    """Repeats every pixel `scale` times in both directions; keeps what it was given."""

    channels: int = 1
    scale: int = 2
    reach: int = 0

    def __post_init__(self) -> None:
        self.seen: list[NDArray[Any]] = []

    def __call__(self, y: NDArray[Any], bits: int | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        assert y.ndim == (2 if self.channels == 1 else 3)
        assert bits in (None, 16)
        self.seen.append(y.copy())
        big = y.repeat(self.scale, axis=0).repeat(self.scale, axis=1)
        if out is None:
            return big
        out[...] = big
        return out
