"""Which network of a ladder makes the next frame, or none, and why: a state machine that keeps frames on time.

It has no clock, no threads and no fractions: times come in as microseconds, shares are thousandths, and every quotient
is of whole numbers that aren't negative, below 2**53. So Python, TypeScript, Kotlin and C decide alike, and all of them
run `tests/live/governor-traces.json` (docs/governor.md).

The thresholds follow WebRTC's `OveruseFrameDetector` (video/adaptation/overuse_frame_detector.cc): a level is entered
with half the load at which it is left (there 42 % and 85 %), and each climb that fails doubles the wait for the next,
up to 240 s. Other than WebRTC's, this one knows what each level costs: it falls and climbs by as many levels as are
needed at once, and sees before the first frame of another size what that will take. `pressure` has the four states of
the W3C's Compute Pressure and of iOS's `thermalState`.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum
from typing import NamedTuple

from pocketsr.errors import ArgumentError, ArgumentTypeError

__all__ = ["CONSTANTS", "Decision", "Governor", "Level", "Power", "Pressure", "Reason", "Situation"]


class Level(IntEnum):
    """The ladder. The larger, the better the picture."""

    PASS_THROUGH = 0
    BICUBIC = 1
    TINY = 2
    SMALL = 3
    MEDIUM = 4
    QUALITY = 5


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
_IDLE = 1_000  # the slowness of a machine that is as it was when the costs were measured


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a frame is about to be made. Whole numbers of any size; what makes no sense is set right.

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
        for field in fields(self):
            object.__setattr__(self, field.name, _whole(getattr(self, field.name), field.name))


class Decision(NamedTuple):
    """level: what makes this frame; for Reason.STATIC, what made the result that is shown again."""

    level: Level
    reason: Reason


class Governor:
    """Decides before each frame (`begin`) and learns from its time (`end`).

    us_per_mpx: microseconds for a million pixels of input, of each `Level` in their order, on this machine when it is
        idle; 0 for a level that isn't there. Pass through always is.

    `slow` is how many thousandths of that time frames take now. Raises ArgumentError for other than six costs.
    """

    def __init__(self, us_per_mpx: Sequence[int]) -> None:
        if len(us_per_mpx) != len(Level):
            raise ArgumentError(f"{len(us_per_mpx)} costs: {len(Level)} are expected, one a level")
        self._costs = [_clamp(_whole(cost, "us_per_mpx"), 0, _C["most_us_per_mpx"]) for cost in us_per_mpx]
        self.level = Level.PASS_THROUGH
        self.slow = _IDLE
        self._clock = 0  # goes on with `now_us`, at most a step at a time, never back
        self._now: int | None = None
        self._warm = _C["warm_up_frames"]
        self._settle = _C["settle_frames"]
        self._changed = 0  # by the clock, as all that follows
        self._raised = -_C["steady_us"]
        self._wait = _C["wait_us"]
        self._calm: int | None = None  # since when there is time for a better level
        self._goal = Level.PASS_THROUGH  # the best that there was time for all along
        self._strike = -_C["hold_us"] - 1  # when a frame was late
        self._late = False  # the last frame
        self._ratios = (_IDLE, _IDLE)  # of the last two frames
        self._faults = [0] * len(Level)
        self._closed = [0] * len(Level)  # until when a level that failed isn't tried
        self._frame: tuple[int, int, int] | None = None  # begun at, wanted by, predicted

    def begin(self, situation: Situation) -> Decision:
        """What makes the next frame."""
        self._advance(situation.now_us)
        self._frame = None
        s = _Sane.of(situation)
        if s.static and self._warm < _C["warm_up_frames"]:
            self._late = False
            return Decision(self.level, Reason.STATIC)
        cap, why = s.cap
        fit = self._fit(s, cap)
        if self._warm >= 0:
            self._warm -= 1
            self.level = min(fit, Level.BICUBIC) if self._warm >= 0 else fit
            if self._warm < 0:
                self._change(fit)
        else:
            self._govern(s, cap, fit)
        self._late = False
        self._frame = (situation.now_us, s.deadline_us, self._predicted(self.level, s))
        return Decision(self.level, Reason.WARM_UP if self._warm >= 0 else self._reason(s, cap, why))

    def end(self, now_us: int, fault: bool = False) -> None:
        """The frame is done, or failed. Nothing is learnt from frames that this isn't called for."""
        now_us = _whole(now_us, "now_us")
        self._advance(now_us)
        if self._frame is None:
            return
        begun, deadline, predicted = self._frame
        self._frame = None
        if fault:
            self._close(self.level)
        elif self._settle > 0:
            self._settle -= 1
        elif now_us >= begun:
            self._late = now_us > deadline
            self._learn(min(now_us - begun, _C["most_us"]), predicted)

    def _advance(self, now_us: int) -> None:
        if self._now is not None:
            self._clock += _clamp(now_us - self._now, 0, _C["step_us"])
        self._now = now_us

    def _learn(self, took: int, predicted: int) -> None:
        """A single frame that takes long is a hiccup, and moves the mean no more than one of twice its time."""
        ratio = _IDLE  # what runs no network tells nothing; the machine is believed to have recovered
        if self.level != Level.PASS_THROUGH:
            ratio = (took + _C["slack_us"]) * 1_000 // (predicted + _C["slack_us"])
            ratio = _clamp(ratio, _C["least_slow_permille"], _C["most_slow_permille"])
        self._ratios = (self._ratios[1], ratio)
        self.slow = (7 * self.slow + min(ratio, 2 * self.slow) + 4) // 8

    def _close(self, level: Level) -> None:
        if level == Level.PASS_THROUGH:
            return
        pause = min(_C["fault_us"] << min(self._faults[level], 8), _C["longest_fault_us"])
        self._faults[level] += 1
        self._closed[level] = self._clock + pause

    def _govern(self, s: _Sane, cap: Level, fit: Level) -> None:
        struck = self._struck(s)
        if struck:  # two late frames: what both of them say is no hiccup
            self.slow = max(self.slow, min(self._ratios))
            fit = min(self._fit(s, cap), Level(max(self.level - 1, 0)))
        too_much = self._load(self.level, s, self.slow) > _C["leave_permille"]
        if self.level != Level.PASS_THROUGH and (struck or too_much or self.level > cap or self._is_closed(self.level)):
            lasted = self._clock - self._raised
            self._wait = min(2 * self._wait, _C["longest_wait_us"]) if lasted < _C["steady_us"] else _C["wait_us"]
            self._change(fit)
        elif fit <= self.level or s.pressure >= Pressure.SERIOUS:
            self._calm = None
        else:
            if self._calm is None:
                self._calm, self._goal = self._clock, fit
            self._goal = min(self._goal, fit)
            if self._clock - self._calm >= self._wait and self._clock - self._changed >= _C["hold_us"]:
                self._raised = self._clock
                self._change(self._goal)

    def _struck(self, s: _Sane) -> bool:
        """Whether a second frame is late, or was dropped, within the time of a hold."""
        if self._settle > 0 or not (self._late or s.queue):
            return False
        before, self._strike = self._strike, self._clock
        return self._clock - before <= _C["hold_us"]

    def _change(self, level: Level) -> None:
        self.level, self._changed, self._calm = level, self._clock, None
        self._settle, self._strike = _C["settle_frames"], -_C["hold_us"] - 1

    def _predicted(self, level: Level, s: _Sane) -> int:
        """Microseconds of a frame on an idle machine."""
        return min(self._costs[level] * s.pixels // 1_000_000, _C["most_us"])

    def _load(self, level: Level, s: _Sane, slow: int, streams: int | None = None) -> int:
        """Thousandths of the budget."""
        return self._predicted(level, s) * slow * (streams or s.streams) // s.budget_us

    def _is_closed(self, level: Level) -> bool:
        return self._clock < self._closed[level]

    def _fit(self, s: _Sane, cap: Level) -> Level:
        """The best level that may be entered."""
        for level in reversed(Level):
            if Level.PASS_THROUGH < level <= cap and self._costs[level] and not self._is_closed(level):  # noqa: SIM102
                if self._load(level, s, self.slow) <= _C["enter_permille"]:
                    return level
        return Level.PASS_THROUGH

    def _reason(self, s: _Sane, cap: Level, why: Reason) -> Reason:
        better = [level for level in Level if level > self.level and self._costs[level]]
        if not better:
            return Reason.NONE
        if better[0] > cap:
            return why
        if self._is_closed(better[0]):
            return Reason.FAULT
        idle = self._load(better[0], s, min(self.slow, _IDLE), streams=1)
        return Reason.SIZE_TOO_LARGE if idle > _C["enter_permille"] else Reason.OVER_BUDGET


class _Sane(NamedTuple):
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
    def of(cls, s: Situation) -> _Sane:
        budget = _clamp(s.budget_us, _C["shortest_budget_us"], _C["longest_budget_us"])
        budget = budget if s.budget_us > 0 else _C["budget_us"]
        deadline = s.deadline_us if s.deadline_us > 0 else s.now_us + budget
        width, height = _clamp(s.width, 0, _C["most_side"]), _clamp(s.height, 0, _C["most_side"])
        streams, pressure = _clamp(s.streams, 1, _C["most_streams"]), _clamp(s.pressure, 0, Pressure.CRITICAL)
        return cls(deadline, budget, width * height, max(s.queue, 0), streams, pressure, s.static > 0, _cap(s, pressure))


def _cap(s: Situation, pressure: int) -> tuple[Level, Reason]:
    """The best level that anything but time allows, and the reason for none better: the first of the lowest."""
    best, why = Level.QUALITY, Reason.NONE
    for applies, level, reason in (
        (min(s.width, s.height) < 1, Level.PASS_THROUGH, Reason.SIZE_TOO_SMALL),
        (max(s.width, s.height) > _C["most_side"], Level.PASS_THROUGH, Reason.SIZE_TOO_LARGE),
        (s.width * s.height > _C["most_pixels"], Level.PASS_THROUGH, Reason.SIZE_TOO_LARGE),
        (min(s.width, s.height) < _C["least_side"], Level.BICUBIC, Reason.SIZE_TOO_SMALL),
        (s.power >= Power.LOW, Level.PASS_THROUGH, Reason.BATTERY),
        (s.power == Power.BATTERY, Level.TINY, Reason.BATTERY),
        (pressure == Pressure.CRITICAL, Level.BICUBIC, Reason.OVER_BUDGET),
    ):
        if applies and level < best:
            best, why = level, reason
    return best, why


def _clamp(value: int, least: int, most: int) -> int:
    return max(least, min(value, most))


def _whole(value: object, name: str) -> int:
    """A whole number that JavaScript has too. Raises ArgumentTypeError for what is none."""
    try:
        return _clamp(operator.index(value), -_LIMIT, _LIMIT)  # type: ignore[arg-type]
    except TypeError as error:
        raise ArgumentTypeError(f"{name} is {type(value).__name__}: a whole number is expected") from error
