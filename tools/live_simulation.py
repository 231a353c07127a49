"""Frames in simulated time: streams that share one device, which is slowed down by load, by heat and by chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from pocketsr.live import CONSTANTS, Decision, Governor, Level, Situation
from pocketsr.live.probe import us_per_mpx

__all__ = ["Costs", "Made", "Run", "Weather", "costs_from", "simulate", "ten_minutes"]

T = TypeVar("T")

FRAME_US = 33_333
_HOLD_US = CONSTANTS["hold_us"]

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

    def hasty(self) -> list[int]:
        """When a level changed within 5 s of a change, although frames hadn't become larger in between."""
        when = [time for time, _ in self.changes()]
        pixels = {frame.situation.now_us: frame.situation.width * frame.situation.height for frame in self.made}
        pairs = pairwise(when)
        return [b for a, b in pairs if b - a < _HOLD_US and pixels[b] <= pixels[a]]

    def mean_level(self) -> float:
        return sum(frame.decision.level for frame in self.made) / max(len(self.made), 1)


def simulate(
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


def _at(steps: Sequence[tuple[float, T]], second: float) -> T:
    value = steps[0][1]
    for start, following in steps:
        if start > second:
            break
        value = following
    return value


def costs_from(times_us: dict[str, list[int]]) -> tuple[Costs, list[int]]:
    """Real costs by a device's table ("WIDTHxHEIGHT": microseconds of each level), and the microseconds a megapixel
    that `live.probe` finds: at 640x360, or at 320x180 where that takes long."""
    small, large = times_us["320x180"], times_us["640x360"]
    probed = [us_per_mpx(a, b) for a, b in zip(small, large, strict=True)]
    return lambda level, width, height: times_us[f"{width}x{height}"][level], probed


def ten_minutes(seed: int) -> Weather:
    """Something changes every 10 to 40 s: another program comes or goes and takes a third or half of the device, it
    gets hot and runs at 60 % or cools down, or frames come at another size. Times vary by 8 %, and three frames are
    held up by 50 ms, as by a scheduler."""
    chance = random.Random(seed)
    load, heat, second = 1000, 1000, chance.uniform(10, 30)
    slow: list[tuple[float, int]] = [(0, 1000)]
    size = [(0.0, (640, 360))]
    while second < 590:
        kind = chance.choice(("load", "load", "heat", "size"))
        if kind == "load":
            load = chance.choice((1500, 2000)) if load == 1000 else 1000
        elif kind == "heat":
            heat = 1667 if heat == 1000 else 1000
        else:
            size.append((second, chance.choice(((480, 270), (640, 360), (960, 540), (1280, 720)))))
        slow.append((second, load * heat // 1000))
        second += chance.uniform(10, 40)
    hiccups = [(chance.uniform(20, 580), 50_000) for _ in range(3)]
    return Weather(slow, size, jitter=0.08, hiccups=hiccups)
