"""Both at once: what changed is computed, by the network that is chosen for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine import Plane, Reusing
from pocketsr.engine.reuse import Way
from pocketsr.engine.upscaler import check_told

if TYPE_CHECKING:
    from pocketsr.adaptive.adaptive import Adaptive

__all__ = ["ReusingAdaptive"]


class ReusingAdaptive(Reusing):
    """`Adaptive` for pictures of which most are like the one before: results are its own, to the last bit.

    A block's result stays where the network that made it is still chosen and nothing that it depends on has changed.
    Beside the last picture and its result it keeps the choice; what that is made by is measured anew, in less than a
    hundredth of the time.

    Attributes:
        by_good: samples of all pictures so far that lay in blocks that the good network computed.
    """

    def __init__(self, adaptive: Adaptive) -> None:
        super().__init__(adaptive)
        self._adaptive = adaptive
        self._chosen: NDArray[np.bool_] | None = None
        self.by_good = 0

    def __call__(
        self, y: Plane, bits: int | None = None, out: Plane | None = None, *, strength: float | None = None
    ) -> Plane:
        """As the network's own call. Another strength changes all of a picture: it is computed whole."""
        check_told(self._adaptive, strength)
        with self._adaptive.timing():
            return super().__call__(y, bits, out, strength=strength)

    def _whole(self, y: Plane, way: Way, out: Plane | None) -> Plane:
        bits, strength = way
        self._chosen = chosen = self._adaptive.choose(self._adaptive.measure(y, bits))
        self._count_good(chosen, y)
        return self._adaptive.run(y, bits, out, chosen, strength)

    def _update(self, y: Plane, way: Way, small: Plane, large: Plane) -> float:
        adaptive, (bits, strength) = self._adaptive, way
        changed = adaptive.good.changes(small, y)
        before = self._chosen
        if before is None or not changed.any():  # there is one: `_whole` made it with the picture before
            return 0.0
        self._chosen = chosen = adaptive.choose(adaptive.measure(y, bits))
        other = chosen != before
        by_cheap = ~chosen & (other | adaptive.cheap.wanted(changed, *y.shape))
        by_good = chosen & (other | adaptive.good.wanted(changed, *y.shape))
        for net, mine in ((adaptive.cheap, by_cheap), (adaptive.good, by_good)):
            if mine.any():
                net(y, bits=bits, out=large, wanted=mine, strength=adaptive.told(strength))
        self._count_good(by_good, y)
        np.copyto(small, y)
        return float((by_cheap | by_good).mean())

    def _count_good(self, blocks: NDArray[np.bool_], y: Plane) -> None:
        self.by_good += round(float(blocks.mean()) * y.size)
