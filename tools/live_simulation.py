"""Frames in simulated time: streams that share one device, which is slowed down by load, by heat and by chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pocketsr.live.governor import Decision, Governor, Level, Situation

__all__ = ["Costs", "Made", "Run", "Weather", "simulate"]

FRAME_US = 33_333

Costs = Callable[[Level, int, int], int]
"""Microseconds that an idle device really takes for a frame at a level, by its width and height."""


@dataclass(frozen=True)
class Weather:
    """What happens to the device. Steps are (second, value), sorted; each holds until the next.

    slow: thousandths of the idle time that work takes, by other programs' load and by heat.
    size: (width, height) of the frames.
    jitter: the standard deviation of a frame's time, as a share of it.
    """

    slow: Sequence[tuple[float, int]] = ((0, 1000),)
    size: Sequence[tuple[float, tuple[int, int]]] = ((0, (640, 360)),)
    jitter: float = 0.0
    hiccups: Sequence[tuple[float, int]] = ()
    """(second, microseconds): the frame that runs then takes as much longer, whatever the level."""
    hints: Sequence[tuple[float, tuple[int, int]]] = ((0, (0, 0)),)
    """(pressure, power)"""


@dataclass(frozen=True)
class Made:
    """A frame that was made. late: it was done behind its deadline; a frame that was dropped is late without a time."""

    arrived_us: int
    situation: Situation
    took_us: int
    late: bool
    decision: Decision


@dataclass
class Run:
    """What a stream went through."""

    made: list[Made] = field(default_factory=list)
    dropped: int = 0

    @property
    def late(self) -> int:
        """Frames that came late or not at all."""
        return self.dropped + sum(frame.late for frame in self.made)

    def changes(self) -> list[tuple[int, Level]]:
        """When another level made a frame than the one before; the first one and what warms up aren't changes."""
        found, last = [], None
        for frame in self.made:
            if last is not None and frame.decision.level != last and frame.decision.reason != "warm up":
                found.append((frame.situation.now_us, frame.decision.level))
            last = frame.decision.level
        return found

    def mean_level(self) -> float:
        return sum(frame.decision.level for frame in self.made) / max(len(self.made), 1)


def simulate(  # noqa: C901
    governors: Sequence[Governor],
    costs: Costs,
    weather: Weather,
    seconds: float,
    seed: int = 0,
    *,
    living: Sequence[tuple[float, float]] | None = None,
) -> list[Run]:
    """Streams of 30 frames a second, one a governor, that take turns on the device; each keeps only its newest frame.

    living: from when to when each stream is there, in seconds; default, all the time.
    """
    chance = random.Random(seed)
    runs = [Run() for _ in governors]
    spans = living or [(0, seconds)] * len(governors)
    arrivals = sorted(
        (round(start * 1e6) + number * FRAME_US + stream * FRAME_US // len(governors), stream)
        for stream, (start, stop) in enumerate(spans)
        for number in range(int((stop - start) * 1e6) // FRAME_US)
    )
    waiting: dict[int, tuple[int, int]] = {}  # stream: its newest frame's arrival, older ones dropped since
    hiccups = sorted(weather.hiccups)
    index, free, turn = 0, 0, -1
    while index < len(arrivals) or waiting:
        if not waiting:
            free = max(free, arrivals[index][0])
        while index < len(arrivals) and arrivals[index][0] <= free:
            arrived, stream = arrivals[index]
            older = waiting[stream][1] + 1 if stream in waiting else 0
            waiting[stream] = (arrived, older)
            index += 1
        turn = min(waiting, key=lambda stream: (stream - turn - 1) % len(governors))
        arrived, older = waiting.pop(turn)
        second = free / 1e6
        (width, height), (pressure, power) = _at(weather.size, second), _at(weather.hints, second)
        streams = sum(start <= second < stop for start, stop in spans)
        situation = Situation(
            free, arrived + FRAME_US, FRAME_US, width, height, older, streams, pressure, power
        )  # fmt: skip
        decision = governors[turn].begin(situation)
        swing = max(0.5, chance.gauss(1, weather.jitter)) if weather.jitter else 1
        took = round(costs(decision.level, width, height) * _at(weather.slow, second) / 1000 * swing)
        if hiccups and hiccups[0][0] <= second:
            took += hiccups.pop(0)[1]
        runs[turn].dropped += older
        runs[turn].made.append(Made(arrived, situation, took, free + took > arrived + FRAME_US, decision))
        free += took
        governors[turn].end(free)
    return runs


def _at(steps: Sequence[tuple[float, object]], second: float):  # type: ignore[no-untyped-def]  # noqa: ANN202
    value = steps[0][1]
    for start, following in steps:
        if start > second:
            break
        value = following
    return value
