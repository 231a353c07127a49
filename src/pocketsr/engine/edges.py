"""A network's picture goes on beyond its edges: convolutions pad with zeros, and would see a black wall there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pocketsr.engine import Plane, Upscaler

__all__ = ["repeat_edges"]


def repeat_edges(network: Upscaler) -> Upscaler:
    """`network`, shown each picture with its edge pixels repeated around it as far as the network sees.

    Zero padding darkens the rim: in a flat picture `tiny` is off by up to 14 levels in the corners, with this by none.
    Costs the few per cent that the margin adds to the picture, and a copy of it.
    """
    return _Repeated(network) if network.reach else network


class _Repeated:
    """Keeps its buffers between calls, since a video's frames are all of one size."""

    def __init__(self, network: Upscaler) -> None:
        self._network = network
        self.scale, self.channels, self.reach = network.scale, network.channels, network.reach
        self._padded: Plane = np.empty((0, 0), np.uint8)
        self._large: Plane = self._padded

    def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:
        height, width = y.shape[:2]
        margin, scale = self.reach, self.scale
        shape = (height + 2 * margin, width + 2 * margin, *y.shape[2:])
        if self._padded.shape != shape or self._padded.dtype != y.dtype:
            self._padded = np.empty(shape, y.dtype)
            self._large = np.empty((scale * shape[0], scale * shape[1], *shape[2:]), y.dtype)
        rows = self._padded[margin : margin + height]
        rows[:, margin : margin + width] = y
        rows[:, :margin] = y[:, :1]
        rows[:, margin + width :] = y[:, -1:]
        self._padded[:margin] = rows[:1]
        self._padded[margin + height :] = rows[-1:]
        self._network(self._padded, bits=bits, out=self._large)
        inner = self._large[scale * margin :][: scale * height, scale * margin :][:, : scale * width]
        if out is None:
            return inner.copy()
        out[...] = inner
        return out
