"""A network that remembers the last picture and its result, and computes only what a changed one changes."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np

from pocketsr.engine.runtime.arrays import check_frame
from pocketsr.engine.runtime.network import Network
from pocketsr.engine.upscaler import Plane, Upscaler, upscaled

__all__ = ["Computed", "Reusing", "Way", "reusing"]

# Of the blocks: a picture of which more would be computed is computed whole. Parts of a picture cost more than their
# share: for 75 % of webcams' blocks `quality` takes 0.94 of a whole picture's time, `medium` 0.97, `small` 1.02 by
# Winograd's tiles, and `tiny` 1.06 (one thread, AVX-512).
_WHOLE = 0.75
_PATIENCE, _REST = 8, 24  # after so many of these in a row, as many pictures are neither compared nor kept

Way = tuple[int | None, float | None]  # bits, strength


class Reusing:
    """`network` for pictures of which most are like the one before: results are those of `network`, to the last bit.

    Keeps a copy of the last picture and of its result, and nothing else. Another size, type, number of bits,
    strength or content is computed whole. Upscalers other than the engine's own are spared pictures that haven't
    changed at all. One call at a time: a second thread waits.

    Attributes:
        pixels, computed: samples of all pictures so far, and those of them that lay in blocks that were computed.
    """

    def __init__(self, network: Upscaler) -> None:
        self._network, self.scale, self.channels = network, network.scale, network.channels
        self.edge_halo = int(getattr(network, "edge_halo", getattr(network, "reach", 0)))
        self.strengths = int(getattr(network, "strengths", 0))
        self._before: tuple[Plane, Plane, Way] | None = None  # picture, result, and how it was made
        self._lock = threading.Lock()
        self._in_vain = self._resting = 0
        self.pixels = self.computed = 0

    def renew(self) -> None:
        """In a child of this process, whose parent may have been in the middle of a picture."""
        self._lock = threading.Lock()
        self._before = None

    def __call__(
        self, y: Plane, bits: int | None = None, out: Plane | None = None, *, strength: float | None = None
    ) -> Plane:
        """As the network's own call."""
        way = bits, strength
        check_frame(getattr(self._network, "name", "the network"), self.channels, self.scale, y, bits, out)
        with self._lock:
            before, self._before = self._before, None  # not to be trusted if this call is interrupted
            if self._resting:
                self._resting -= 1
                self._count(1.0, y)
                return self._whole(y, way, out)
            if before is None or (before[0].shape, before[0].dtype, before[2]) != (y.shape, y.dtype, way):
                small = np.array(y)  # before `out` is written, which may share its memory
                large = self._whole(y, way, out)
                self._before = small, np.array(large), way
                self._count(1.0, y)
                return large
            small, large, _ = before
            share = self._update(y, way, small, large)
            self._count(share, y)
            self._before = small, large, way
            self._in_vain = self._in_vain + 1 if share > _WHOLE else 0
            if self._in_vain == _PATIENCE:
                self._in_vain, self._resting, self._before = 0, _REST, None
            if out is None:
                return large if self._before is None else large.copy()
            np.copyto(out, large)
            return out

    def _whole(self, y: Plane, way: Way, out: Plane | None) -> Plane:
        """A picture without one before, or of which nothing is kept."""
        bits, strength = way
        return upscaled(self._network, y, bits, out, strength)

    def _update(self, y: Plane, way: Way, small: Plane, large: Plane) -> float:
        """The picture before and its result become those of `y`; returns the share of blocks that was computed."""
        share, (bits, strength) = 1.0, way
        if isinstance(self._network, Network):
            changed = self._network.changes(small, y)
            wanted = self._network.wanted(changed, *y.shape[:2])
            share = float(np.count_nonzero(wanted)) / wanted.size
            if share > _WHOLE:
                share = 1.0
                self._network(y, bits=bits, out=large, strength=strength)
            elif share:
                self._network(y, bits=bits, out=large, changed=changed, strength=strength)
        elif np.array_equal(small, y):
            share = 0.0
        else:
            upscaled(self._network, y, bits, large, strength)
        if share:
            np.copyto(small, y)
        return share

    def _count(self, share: float, y: Plane) -> None:
        self.pixels += y.size
        self.computed += round(share * y.size)


def reusing(network: Upscaler) -> Reusing:
    """`network` with a memory: of its own kind where it has one, as `adaptive.Adaptive` does."""
    own = getattr(network, "reusing", None)
    made: Reusing = Reusing(network) if own is None else own()
    return made


class Computed:
    """How much of the pixels that networks were given was computed: also by networks that are gone.

    A stream drops those of a size that comes no more, and what they did still counts.
    """

    def __init__(self) -> None:
        self._pixels = self._computed = 0

    def add(self, networks: Iterable[Reusing]) -> None:
        """Count `networks`, which are given no more pictures."""
        for each in networks:
            self._pixels += each.pixels
            self._computed += each.computed

    def include(self, other: Computed) -> None:
        """Count what `other` has counted."""
        self._pixels += other._pixels
        self._computed += other._computed

    def share(self, networks: Iterable[Reusing] = ()) -> float | None:
        """Of all pixels so far, those of `networks` too, the share that was computed; None before there were any."""
        total = Computed()
        total.include(self)
        total.add(networks)
        return total._computed / total._pixels if total._pixels else None
