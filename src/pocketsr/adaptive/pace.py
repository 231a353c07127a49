"""A budget in milliseconds: how large a share of its blocks the good network gets, by what pictures took so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from pocketsr.arguments import check_number
from pocketsr.errors import ArgumentError

__all__ = ["Pace"]

_FIRST = 0.25  # the share of the first picture: no machine is known before
_HASTE = 0.5  # a share is halved at most, for a picture that took much longer
_PATIENCE = 1.05  # and grows by a twentieth where there is time left
_ROOM = 0.95  # of the budget: what lies between is left as it is
_LEAST = 1 / 64  # a share below that is none; growth starts from here


class Pace:
    """Which share keeps pictures within `budget_ms`.

    Raises ArgumentError for a budget that isn't above 0. A share too much is taken back at once, one too few is given
    step by step, so single slow pictures pass. Below the cheap network's own time the share stays at nothing.
    """

    def __init__(self, budget_ms: float, clock: Callable[[], float] = perf_counter) -> None:
        check_number(budget_ms, "budget_ms")
        if not (budget_ms > 0 and math.isfinite(budget_ms)):
            raise ArgumentError(f"budget_ms is {budget_ms}: milliseconds above 0 are expected")
        self.budget_ms, self._clock = float(budget_ms), clock
        self._share = _FIRST

    @property
    def share(self) -> float:
        """Of the next picture's blocks, at most, 0 to 1."""
        return self._share if self._share > _LEAST else 0.0

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Around the work on a picture."""
        begun = self._clock()
        yield
        self.took(1e3 * (self._clock() - begun))

    def took(self, ms: float) -> None:
        """A picture took as long."""
        if ms > self.budget_ms:
            self._share = max(_LEAST, self._share * max(_HASTE, self.budget_ms / ms))
        elif ms < _ROOM * self.budget_ms:
            self._share = min(1.0, self._share * _PATIENCE)
