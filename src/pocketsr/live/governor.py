"""Which network of a ladder makes the next frame, or none, and why: a state machine that keeps frames on time.

It has no clock, no threads and no fractions: times come in as microseconds, shares are thousandths, and every quotient
is of integers that aren't negative, below 2**53. So Python, TypeScript, Kotlin and C decide alike, and all of them
run `tests/live/governor-traces.json` (`tools/governor_traces.py` says how).

The thresholds follow WebRTC's `OveruseFrameDetector` (video/adaptation/overuse_frame_detector.cc): a level is entered
with half the load at which it is left (there 42 % and 85 %), and each climb that fails doubles the wait for the next,
up to 240 s. Other than WebRTC's, this one knows what each level costs: it falls and climbs by as many levels as are
needed at once, and sees before the first frame of another size what that will take. `pressure` has the four states of
the W3C's Compute Pressure and of iOS's `thermalState`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pocketsr.arguments import check_type
from pocketsr.errors import ArgumentError
from pocketsr.live.situation import CONSTANTS, Level, Pressure, Reason, Sane, Situation, clamp, whole

__all__ = ["Decision", "Governor"]

_C = CONSTANTS
_UPWARDS = tuple(Level)[1:]
_FROM_THE_TOP = _UPWARDS[::-1]
_NETWORKS = tuple(level for level in Level if level > Level.BICUBIC)
_IDLE = 1_000  # the slowness of a machine that is as it was when the costs were measured


class Decision(NamedTuple):
    """level: what makes this frame; for Reason.STATIC, what made the result that is shown again."""

    level: Level
    reason: Reason


class Governor:
    """Decides before each frame (`begin`) and learns from its time (`end`).

    us_per_mpx: microseconds for a million pixels of input, of each `Level` in their order, on this machine when it is
        idle; 0 for a level that isn't there. Pass through always is; a network that takes as long as a better one
        here, as `phone` may where dot products of bytes are slow, is as if it weren't.

    `slow` is how many thousandths of that time frames take now. Raises ArgumentError for other than a cost a level.
    """

    def __init__(self, us_per_mpx: Sequence[int]) -> None:
        check_type(us_per_mpx, Sequence, "us_per_mpx", f"a list of {len(Level)} integers")
        if len(us_per_mpx) != len(Level):
            raise ArgumentError(f"{len(us_per_mpx)} costs: {len(Level)} are expected, one a level")
        self._costs = [clamp(whole(cost, "us_per_mpx"), 0, _C["most_us_per_mpx"]) for cost in us_per_mpx]
        least = _C["most_us_per_mpx"] + 1
        for level in _NETWORKS[::-1]:  # so that costs rise with the picture, and a fall is always one to less work
            self._costs[level] = self._costs[level] if self._costs[level] < least else 0
            least = self._costs[level] or least
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
        self._late = False  # the last frame, by its own time and not by that of the one before it
        self._ratios = (_IDLE, _IDLE)  # of the last two frames
        self._faults = [0] * len(Level)
        self._closed = [0] * len(Level)  # until when a level that failed isn't tried
        self._frame: tuple[int, int, int, int] | None = None  # started at, wanted by, the most it may take, predicted

    def begin(self, situation: Situation) -> Decision:
        """What makes the next frame."""
        self._advance(situation.now_us)
        self._frame = None
        s = Sane.of(situation)
        before = self.level
        cap, why = s.cap
        fit = self._fit(s, cap)
        if self._warm >= 0:
            self._warm -= 1
            self.level = self._fit(s, min(cap, Level.BICUBIC)) if self._warm >= 0 else fit
            if self._warm < 0:
                self._change(fit)
        else:
            self._govern(s, cap, fit)
        self._late = False
        if s.static and self._warm < 0 and self.level == before:
            return Decision(self.level, Reason.STATIC)
        most = s.budget_us * _C["leave_permille"] // (1_000 * s.streams)
        self._frame = (situation.now_us, s.deadline_us, most, self._predicted(self.level, s))
        return Decision(self.level, Reason.WARM_UP if self._warm >= 0 else self._reason(s, cap, why))

    def end(self, now_us: int, fault: bool = False) -> None:
        """The frame is done, or failed. Nothing is learnt from frames that this isn't called for."""
        now_us = whole(now_us, "now_us")
        self._advance(now_us)
        if self._frame is None:
            return
        started, deadline, most, predicted = self._frame
        self._frame = None
        if fault:
            self._close(self.level)
        elif self._settle > 0:
            self._settle -= 1
        elif now_us >= started:
            took = min(now_us - started, _C["most_us"])
            self._late = now_us > deadline and took > most
            self._learn(took, predicted)

    def _advance(self, now_us: int) -> None:
        if self._now is not None:
            self._clock += clamp(now_us - self._now, 0, _C["step_us"])
        self._now = now_us

    def _learn(self, took: int, predicted: int) -> None:
        """A single frame that takes long is a hiccup, and moves the mean no more than one of twice its time."""
        ratio = _IDLE  # where nothing was predicted: the machine is believed to have recovered
        if predicted:
            ratio = (took + _C["slack_us"]) * 1_000 // (predicted + _C["slack_us"])
            ratio = clamp(ratio, _C["least_slow_permille"], _C["most_slow_permille"])
        self._ratios = (self._ratios[1], ratio)
        self.slow = (7 * self.slow + min(ratio, 2 * self.slow) + 4) // 8

    def _close(self, level: Level) -> None:
        if level == Level.PASS_THROUGH:
            return
        pause = min(_C["fault_us"] << min(self._faults[level], 8), _C["longest_fault_us"])
        self._faults[level] += 1
        self._closed[level] = self._clock + pause

    def _govern(self, s: Sane, cap: Level, fit: Level) -> None:
        struck = self._struck(s)
        if struck:  # two late frames: what both of them say is no hiccup
            self.slow = max(self.slow, min(self._ratios))
            fit = self._fit(s, min(cap, Level(max(self.level - 1, 0))))
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

    def _struck(self, s: Sane) -> bool:
        """Whether a second frame is late, or was dropped, within the time of a hold."""
        if self._settle > 0 or not (self._late or s.queue):
            return False
        before, self._strike = self._strike, self._clock
        return self._clock - before <= _C["hold_us"]

    def _change(self, level: Level) -> None:
        self.level, self._changed, self._calm = level, self._clock, None
        self._settle, self._strike = _C["settle_frames"], -_C["hold_us"] - 1

    def _predicted(self, level: Level, s: Sane) -> int:
        """Microseconds of a frame on an idle machine."""
        return min(self._costs[level] * s.pixels // 1_000_000, _C["most_us"])

    def _load(self, level: Level, s: Sane, slow: int, streams: int | None = None) -> int:
        """Thousandths of the budget."""
        return self._predicted(level, s) * slow * (streams or s.streams) // s.budget_us

    def _is_closed(self, level: Level) -> bool:
        return self._clock < self._closed[level]

    def _fit(self, s: Sane, cap: Level) -> Level:
        """The best level that may be entered."""
        for level in _FROM_THE_TOP:
            there = level <= cap and self._costs[level] and not self._is_closed(level)
            if there and self._load(level, s, self.slow) <= _C["enter_permille"]:
                return level
        return Level.PASS_THROUGH

    def _reason(self, s: Sane, cap: Level, why: Reason) -> Reason:
        better = next((level for level in _UPWARDS if level > self.level and self._costs[level]), None)
        if better is None:
            return Reason.NONE
        if better > cap:
            return why
        if self._is_closed(better):
            return Reason.FAULT
        idle = self._load(better, s, min(self.slow, _IDLE), streams=1)
        return Reason.SIZE_TOO_LARGE if idle > _C["enter_permille"] else Reason.OVER_BUDGET
