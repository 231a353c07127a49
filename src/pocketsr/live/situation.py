"""What a governor is told and what it may answer, in integers; and the constants that it goes by."""

from __future__ import annotations

import operator
from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum
from typing import NamedTuple

from pocketsr.errors import ArgumentTypeError

__all__ = ["CONSTANTS", "Level", "Power", "Pressure", "Reason", "Sane", "Situation", "clamp", "whole"]


class Level(IntEnum):
    """The ladder. The larger, the better the picture."""

    PASS_THROUGH = 0
    BICUBIC = 1
    PHONE = 2
    TINY = 3
    SMALL = 4
    MEDIUM = 5
    QUALITY = 6


class Reason(StrEnum):
    """Why no better level makes this frame."""

    NONE = "none"  # it is the best there is
    WARM_UP = "warm up"  # the first frames, whose times say little
    STATIC = "static"  # nothing changed: no level runs, the last result is shown again
    OVER_BUDGET = "over budget"  # there would be time for it on an idle machine, not now, or not for long enough
    SIZE_TOO_LARGE = "size too large"  # at this size there is no time for it on this machine, idle or not
    SIZE_TOO_SMALL = "size too small"  # a network sees nothing in so few pixels
    BATTERY = "battery"
    FAULT = "fault"  # it failed, and isn't tried again yet


class Pressure(IntEnum):
    """How hot or busy the system says that it is. Serious: no climbing. Critical: no network."""

    NOMINAL = 0
    FAIR = 1
    SERIOUS = 2
    CRITICAL = 3


class Power(IntEnum):
    """Where the energy comes from. Battery: no network above tiny. Low: none at all."""

    MAINS = 0
    BATTERY = 1
    LOW = 2


CONSTANTS: dict[str, int] = {
    "enter_permille": 400,  # of the budget: twice the work in one step is then still on time
    "leave_permille": 800,  # what is above swings beyond the budget: times vary by 8 % and more
    "warm_up_frames": 10,
    "settle_frames": 2,  # behind a change: caches are cold, and the queue of what went before is worked off
    "hold_us": 5_000_000,  # between two changes, unless there is no choice; two late frames within it are one too many
    "wait_us": 10_000_000,  # how long there must be time for a better level before it is entered
    "longest_wait_us": 240_000_000,
    "steady_us": 120_000_000,  # a climb that lasted as long was right
    "fault_us": 60_000_000,  # until what failed is tried again, doubled each time
    "longest_fault_us": 600_000_000,
    "step_us": 1_000_000,  # the most that passes between two calls: clocks jump, machines sleep
    "slack_us": 1_000,  # of a frame's time that has nothing to do with its work
    "budget_us": 33_333,  # where none is given
    "shortest_budget_us": 1_000,
    "longest_budget_us": 10_000_000,
    "least_side": 32,  # pixels
    "most_side": 8_192,
    "most_pixels": 33_554_432,
    "most_us_per_mpx": 10_000_000,
    "most_us": 100_000_000,  # of any predicted time
    "least_slow_permille": 250,
    "most_slow_permille": 16_000,
    "most_streams": 64,
}
"""Beside the traces in their file, so that no other implementation has to repeat them."""

_C = CONSTANTS
_LIMIT = 2**53 - 1  # JavaScript's largest safe integer


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a frame is about to be made. Integers of any size; what makes no sense is set right.

    now_us: of a clock that needn't be right.
    deadline_us: when the result is wanted, by the same clock; 0 or less: `budget_us` from now.
    budget_us: from one frame to the next; 0 or less: 30 frames a second.
    width, height: of the frame that comes in.
    queue: older frames that were dropped for this one.
    streams: how many share this machine, this one counted.
    pressure, power: hints; 0 where nothing is known.
    static: 1 where the picture is the last one again.
    """

    now_us: int
    deadline_us: int = 0
    budget_us: int = 0
    width: int = 0
    height: int = 0
    queue: int = 0
    streams: int = 1
    pressure: int = 0
    power: int = 0
    static: int = 0

    def __post_init__(self) -> None:
        for name in _FIELDS:
            if type(value := getattr(self, name)) is not int or not -_LIMIT <= value <= _LIMIT:
                object.__setattr__(self, name, whole(value, name))


_FIELDS = tuple(field.name for field in fields(Situation))


class Sane(NamedTuple):
    """A situation whose numbers are in range."""

    deadline_us: int
    budget_us: int
    pixels: int
    queue: int
    streams: int
    pressure: int
    static: bool
    cap: tuple[Level, Reason]

    @classmethod
    def of(cls, s: Situation) -> Sane:
        budget = clamp(s.budget_us, _C["shortest_budget_us"], _C["longest_budget_us"])
        budget = budget if s.budget_us > 0 else _C["budget_us"]
        deadline = s.deadline_us if s.deadline_us > 0 else s.now_us + budget
        width, height = clamp(s.width, 0, _C["most_side"]), clamp(s.height, 0, _C["most_side"])
        streams, pressure = clamp(s.streams, 1, _C["most_streams"]), clamp(s.pressure, 0, Pressure.CRITICAL)
        return cls(
            deadline, budget, width * height, max(s.queue, 0), streams, pressure, s.static > 0, _cap(s, pressure)
        )


def _cap(s: Situation, pressure: int) -> tuple[Level, Reason]:
    """The best level that anything but time allows, and the reason for none better."""
    shorter, longer = min(s.width, s.height), max(s.width, s.height)
    if shorter < 1:
        return Level.PASS_THROUGH, Reason.SIZE_TOO_SMALL
    if longer > _C["most_side"] or s.width * s.height > _C["most_pixels"]:
        return Level.PASS_THROUGH, Reason.SIZE_TOO_LARGE
    if s.power >= Power.LOW:
        return Level.PASS_THROUGH, Reason.BATTERY
    if shorter < _C["least_side"]:
        return Level.BICUBIC, Reason.SIZE_TOO_SMALL
    if pressure == Pressure.CRITICAL:
        return Level.BICUBIC, Reason.OVER_BUDGET
    if s.power == Power.BATTERY:
        return Level.TINY, Reason.BATTERY
    return Level.QUALITY, Reason.NONE


def clamp(value: int, least: int, most: int) -> int:
    """`value`, or the end of the range that it lies beyond."""
    return max(least, min(value, most))


def whole(value: object, name: str) -> int:
    """An integer that JavaScript has too. Raises ArgumentTypeError for what is none."""
    try:
        return clamp(operator.index(value), -_LIMIT, _LIMIT)  # type: ignore[arg-type]
    except TypeError as error:
        raise ArgumentTypeError(f"{name} is {type(value).__name__}: an integer is expected") from error
