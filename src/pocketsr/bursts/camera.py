"""How a small frame comes about from the large picture: the model that all frames have to agree with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pocketsr.bursts.opencv import Plane32, filtered
from pocketsr.pixels import cubic

__all__ = ["Camera"]


@dataclass(frozen=True)
class Camera:
    """Bicubic shrinking with antialiasing by `scale`, as in the protocol of the figures, at any sub-pixel place.

    A frame's sample at (fractional) place q of the small picture is the large one, weighted by the cubic kernel around
    place scale * q + (scale - 1) / 2. So `blurred` makes the weighted sums once, and a frame reads them at `index(q)`.
    They hold no frequency above the small picture's, nearly, so reading between them loses little.
    """

    scale: int

    @cached_property
    def _offsets(self) -> NDArray[np.float64]:
        """Where the taps lie around a sum: with an even scale between the pixels."""
        side, between = 2 * self.scale, self.scale % 2 == 0
        offsets: NDArray[np.float64] = np.arange(2 * side - (not between), dtype=np.float64) + (
            1 - side - 0.5 * between
        )
        return offsets

    @cached_property
    def _taps(self) -> Plane32:
        taps = cubic(self._offsets / self.scale)
        made: Plane32 = (taps / taps.sum()).astype(np.float32)
        return made

    @property
    def reach(self) -> int:
        """Pixels of the large picture to each side that a sum reads."""
        return 2 * self.scale

    def blurred(self, large: Plane32) -> Plane32:
        """The sums around every place of the large picture, mirrored at its edges."""
        return filtered(large, self._taps, 2 * self.scale - 1)

    def index(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where in `blurred` the sample at `place` of the small picture is."""
        return place * self.scale + (self.scale - 1) // 2

    def response(self, length: int) -> Plane32:
        """What is left of each of the `length` frequencies of a cosine transform, along one axis."""
        angles = np.pi * np.arange(length) / length
        made: Plane32 = (np.cos(angles[:, None] * self._offsets) @ self._taps).astype(np.float32)
        return made
