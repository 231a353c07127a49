"""A network's picture goes on beyond its edges: convolutions pad with zeros, and would see a black wall there."""

from __future__ import annotations

import numpy as np

from pocketsr.engine.runtime.arrays import check_frame, new_array
from pocketsr.engine.runtime.threads import Pool
from pocketsr.engine.upscaler import Plane, Upscaler, upscaled

__all__ = ["repeat_edges"]

_KEPT = 8  # pairs of buffers, for as many calls at one time


def repeat_edges(network: Upscaler) -> Upscaler:
    """`network`, shown each picture with its edge pixels repeated around it as far as the network sees.

    Zero padding darkens the rim: in a flat picture `tiny` is off by up to 14 levels in the corners, with this by none.
    Costs the few per cent that the margin adds to the picture, and a copy of it.
    """
    halo = _edge_halo(network)
    return _Repeated(network, halo) if halo else network


def _edge_halo(network: Upscaler) -> int:
    """Upscalers of others may still call it `reach`, its former name."""
    former = getattr(network, "reach", 0)
    return int(getattr(network, "edge_halo", former))


class _Repeated:
    """Keeps its buffers between calls, since a video's frames are all of one size; one call's are never another's."""

    def __init__(self, network: Upscaler, edge_halo: int) -> None:
        self._network = network
        self.scale, self.channels, self.edge_halo = network.scale, network.channels, edge_halo
        self.strengths = int(getattr(network, "strengths", 0))
        nothing: Plane = np.empty((0, 0), np.uint8)
        self._buffers: Pool[tuple[Plane, Plane]] = Pool(lambda: (nothing, nothing), _KEPT)

    def __call__(
        self, y: Plane, bits: int | None = None, out: Plane | None = None, *, strength: float | None = None
    ) -> Plane:
        check_frame(getattr(self._network, "name", "the network"), self.channels, self.scale, y, bits, out)
        y = np.asarray(y)  # subclasses index in ways of their own
        height, width = y.shape[:2]
        margin, scale = self.edge_halo, self.scale
        shape = (height + 2 * margin, width + 2 * margin, *y.shape[2:])
        padded, large = self._buffers.take()
        if padded.shape != shape or padded.dtype != y.dtype:
            padded = new_array(shape, y.dtype)
            large = new_array((scale * shape[0], scale * shape[1], *shape[2:]), y.dtype)
        rows = padded[margin : margin + height]
        rows[:, margin : margin + width] = y
        rows[:, :margin] = y[:, :1]
        rows[:, margin + width :] = y[:, -1:]
        padded[:margin] = rows[:1]
        padded[margin + height :] = rows[-1:]
        upscaled(self._network, padded, bits, large, strength)
        inner = large[scale * margin :][: scale * height, scale * margin :][:, : scale * width]
        if out is None:
            out = inner.copy()
        else:
            out[...] = inner
        self._buffers.put((padded, large))
        return out
