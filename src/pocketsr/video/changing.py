"""Frames through another network from some time on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pocketsr.engine import Computed, Upscaler, takes_strength
from pocketsr.errors import ArgumentError
from pocketsr.frames import Frame, FrameFormat
from pocketsr.sizing import Plan
from pocketsr.video.upscaler import Enlarger

__all__ = ["Changing", "Part"]


@dataclass(frozen=True)
class Part:
    """From `start_s` after the first frame on frames go through `network`; strength: what it is told."""

    start_s: float
    network: Upscaler
    strength: float | None = None


class Changing:
    """As an `Enlarger`, but which network enlarges a frame depends on its time.

    parts: the first begins at 0, the others later, in order; of one scale.
    made: an enlarger for a network and what tells it a strength; there is one for each network.
    """

    def __init__(
        self, parts: Sequence[Part], made: Callable[[Upscaler, Callable[[Frame], float | None]], Enlarger]
    ) -> None:  # fmt: skip
        self._starts = [part.start_s for part in parts]
        if not parts or self._starts[0] != 0 or self._starts != sorted(self._starts):
            raise ArgumentError("parts begin at 0, and each begins after the one before")
        if len({part.network.scale for part in parts}) > 1:
            raise ArgumentError("all parts have networks of one scale")
        self._parts, self._now = parts, parts[0]
        self._origin: float | None = None
        networks = {id(part.network): part.network for part in parts}
        self._enlargers = {key: made(network, self._strength) for key, network in networks.items()}

    def _strength(self, _: Frame) -> float | None:
        return self._now.strength if takes_strength(self._now.network) else None

    @property
    def _first(self) -> Enlarger:
        return next(iter(self._enlargers.values()))

    @property
    def plan(self) -> Plan:
        """How each of them reaches its size."""
        return self._first.plan

    @property
    def warnings(self) -> list[str]:
        return list(dict.fromkeys(line for each in self._enlargers.values() for line in each.warnings))

    @property
    def computed_share(self) -> float | None:
        total = Computed()
        for each in self._enlargers.values():
            total.include(each.computed)
        return total.share()

    @property
    def pix_fmt(self) -> str | None:
        return self._first.pix_fmt

    @pix_fmt.setter
    def pix_fmt(self, name: str | None) -> None:
        for each in self._enlargers.values():
            each.pix_fmt = name

    def follow(self, form: FrameFormat) -> FrameFormat:
        """As an Enlarger's."""
        formats = [each.follow(form) for each in self._enlargers.values()]
        return formats[0]

    def __call__(self, frame: Frame) -> Frame:
        """The frame enlarged by the network of its time; one without a time goes through the network of the last."""
        if frame.pts is not None and frame.time_base is not None:
            time = float(frame.pts * frame.time_base)
            self._origin = time if self._origin is None else self._origin
            self._now = self._parts[max(bisect_right(self._starts, time - self._origin) - 1, 0)]
        now = self._enlargers[id(self._now.network)]
        if frame.messages:  # for the others too, whose turn comes later: one may say that theirs harms
            for each in self._enlargers.values():
                if each is not now:
                    each.hear(frame)
        return now(frame)
