"""Which size to send in a call, and what makes it large again: native, 1.5x or 2x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pocketsr.codec.encoding import CODECS, Codec
from pocketsr.errors import ArgumentError

__all__ = ["Choice", "choose", "half_size_loss"]


@dataclass(frozen=True)
class Choice:
    """scale: 1, 1.5 or 2."""

    scale: float
    model: str | None


def half_size_loss(luma: NDArray[Any]) -> float:
    raise NotImplementedError


def choose(codec: Codec, bits_per_pixel: float) -> Choice:
    raise ArgumentError(f"{codec} {bits_per_pixel} {CODECS}")
