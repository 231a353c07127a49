"""The two networks as one `Upscaler`: each block of a result has the bits of one of them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import TracebackType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pocketsr.adaptive.choice import CALL_BUDGET, Budget, choose
from pocketsr.adaptive.gain import CALL_WEIGHTS, GAIN, GRADIENT, WEIGHTS, Measured, gains, measured, worths
from pocketsr.adaptive.pace import Pace
from pocketsr.adaptive.reuse import ReusingAdaptive
from pocketsr.engine import Network, Plane, check_told, load
from pocketsr.engine.runtime.arrays import check_frame, new_array
from pocketsr.errors import ArgumentError

__all__ = ["CALL_PAIR", "CHEAP", "GOOD", "Adaptive", "open_adaptive"]

CHEAP: Final = "small-w8a8"
GOOD: Final = "quality"
"""The networks of `-m adaptive`."""
CALL_PAIR: Final = ("small-call", "medium-call")
"""A cheap and a good network that are told a strength, which the measure for such ones was fitted to. No `-m` names
them: on calls both by block take 1.2 to 1.8 times as long as the good one alone (benchmarks/reuse.json)."""
_WHOLE = 0.75  # of the blocks: where the cheap network has more of a picture, all of it takes little longer


class Adaptive:
    """`good` on the blocks of a picture where it changes most, `cheap` on the others; called as a network is.

    cheap, good: compiled networks for luma, of one scale. Both are told a strength, and then the same one, or neither
        is: `strengths` is 0 then. What is chosen follows from the picture and the `Budget` alone (`choose`), so the
        result doesn't depend on threads or on earlier pictures.
    least_db, spare, share: as of `Budget`; of networks that are told a strength, `CALL_BUDGET` has the defaults.
    budget_ms: for a picture, whatever is lost then; results depend on how fast the machine is. Default: no limit.

    Any number of threads may call it at one time. Raises ArgumentError for networks that don't go together, and for a
    budget that is none.
    """

    channels = 1

    def __init__(
        self, cheap: Network, good: Network, *, least_db: float | None = None, spare: float | None = None,
        share: float | None = None, budget_ms: float | None = None,
    ) -> None:  # fmt: skip
        for net in (cheap, good):
            if not isinstance(net, Network) or net.channels != 1:
                raise ArgumentError(f"{net!r} can't be computed in parts of luma: name two networks of the engine's")
        if cheap.scale != good.scale:
            raise ArgumentError(f"{cheap.name} is x{cheap.scale} and {good.name} x{good.scale}: both make one picture")
        if bool(cheap.strengths) != bool(good.strengths):
            deaf, other = (cheap, good) if good.strengths else (good, cheap)
            raise ArgumentError(
                f"{other.name} is told a strength and {deaf.name} takes none: two that are told one go together, as "
                "small-call and medium-call do, or two that take none"
            )
        asked = {"least_db": least_db, "spare": spare, "share": share}
        self.budget = replace(
            CALL_BUDGET if good.strengths else Budget(),
            **{name: value for name, value in asked.items() if value is not None},
        )
        self._weights = CALL_WEIGHTS if good.strengths else WEIGHTS
        self._pace = None if budget_ms is None else Pace(budget_ms)
        self.cheap, self.good, self.scale = cheap, good, good.scale
        self.strengths, self.default_strength = good.strengths, good.default_strength
        self._laplacian, self._gradient = load(GAIN, good.threads), load(GRADIENT, good.threads)
        self.edge_halo = max(cheap.edge_halo, good.edge_halo)
        self.name = "adaptive"

    def __call__(
        self, y: Plane, bits: int | None = None, out: Plane | None = None, *, strength: float | None = None
    ) -> Plane:
        """As a network's own call."""
        check_told(self, strength)
        check_frame(self.name, 1, self.scale, y, bits, out)
        with self.timing():
            return self.run(y, bits, out, self.choose(self.measure(y, bits)), strength)

    def measure(self, y: Plane, bits: int | None = None) -> Measured:
        """What the choice is made by."""
        top = self._laplacian.info.max_value
        if y.dtype.kind != "f":
            full_scale = 255.0 if y.dtype == np.uint8 else 2.0 ** (bits or 16) - 1
        else:  # networks have ranges of their own, 0..1 or 0..255
            full_scale, own = top, self.good.info.max_value
            y = y if own == top else y * np.float32(top / own)
        return measured(self._laplacian(y, bits=bits), self._gradient(y, bits=bits), full_scale)

    def choose(self, of: Measured) -> NDArray[np.bool_]:
        """The blocks for the good network: a mask as `Network` takes it as `wanted`."""
        budget, pace = self.budget, self._pace
        if pace is not None:
            budget = replace(budget, share=min(budget.share, pace.share))
        return choose(worths(of, self._weights), gains(of), self.good.info.halo, budget)

    def run(
        self, y: Plane, bits: int | None, out: Plane | None, chosen: NDArray[np.bool_], strength: float | None = None
    ) -> Plane:
        """The picture by both networks, the blocks of `chosen` by the good one."""
        if out is None:
            out = new_array((self.scale * y.shape[0], self.scale * y.shape[1]), y.dtype)
        elif np.may_share_memory(out, y):
            y = y.copy()  # the second network would read what the first has written
        given, rest = self.told(strength), ~chosen
        if rest.mean() > _WHOLE:  # the good one writes over it
            self.cheap(y, bits=bits, out=out, strength=given)
        elif rest.any():
            self.cheap(y, bits=bits, out=out, wanted=rest, strength=given)
        if chosen.any():
            self.good(y, bits=bits, out=out, wanted=chosen, strength=given)
        return out

    def told(self, strength: float | None) -> float | None:
        """What both networks are told: where a caller says nothing, the good one's default."""
        return self.default_strength if strength is None and self.strengths else strength

    def timing(self) -> AbstractContextManager[None]:
        """Around the work on a picture: what a budget in milliseconds is kept by."""
        return nullcontext() if self._pace is None else self._pace.timing()

    def reusing(self) -> ReusingAdaptive:
        """These networks for pictures of which most are like the one before."""
        return ReusingAdaptive(self)

    def close(self) -> None:
        """Lets the threads and the working memory of all networks go."""
        for net in (self.cheap, self.good, self._laplacian, self._gradient):
            net.close()

    def __enter__(self) -> Adaptive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self.close()

    def __repr__(self) -> str:
        return f"<Adaptive {self.good.name} over {self.cheap.name}, x{self.scale}, {self.budget}>"


def open_adaptive(
    cheap: str = CHEAP, good: str = GOOD, *, threads: int | None = None, least_db: float | None = None,
    spare: float | None = None, share: float | None = None, budget_ms: float | None = None,
) -> Adaptive:  # fmt: skip
    """Of two networks by name or file. Raises UserError for what the engine can't run or that don't go together."""
    return Adaptive(
        load(cheap, threads), load(good, threads), least_db=least_db, spare=spare, share=share, budget_ms=budget_ms
    )
