"""Frames in, frames out, on time: a ladder of networks and the governor that chooses one for each frame."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pocketsr.arguments import check_callable, check_number, check_type
from pocketsr.engine import Plane, Upscaler
from pocketsr.errors import ArgumentError, UserError
from pocketsr.frames import Frame, Heard
from pocketsr.live.forks import renew_in_children
from pocketsr.live.governor import Governor
from pocketsr.live.ladder import SHIPPED, Ladder
from pocketsr.live.mailbox import Mailbox
from pocketsr.live.situation import Level, Power, Pressure, Reason, Situation
from pocketsr.live.stream import as_frame
from pocketsr.live.turns import TURNS, Turns
from pocketsr.sizing import Sized, as_size

if TYPE_CHECKING:
    from types import TracebackType

    from av.video.frame import VideoFrame

__all__ = ["GovernedStream", "Made", "Statistics"]

_LATEST_TIMES = 1024
_log = logging.getLogger("pocketsr")


class Made(NamedTuple):
    """An upscaled frame. took_us: time its level took; 0 where the last result is repeated. late: whether it missed its
    deadline."""

    frame: Frame
    level: Level
    reason: Reason
    took_us: int
    late: bool


@dataclass(frozen=True)
class Statistics:
    """What a stream did so far. p50_us, p99_us: percentiles of the last 1,024 upscaled frames.

    dropped: frames replaced by a newer one before their turn. repeated: frames identical to the previous one.
    """

    frames: int = 0
    late: int = 0
    dropped: int = 0
    repeated: int = 0
    faults: int = 0
    level_changes: int = 0
    p50_us: int = 0
    p99_us: int = 0
    levels: Mapping[Level, int] = field(default_factory=dict)
    reasons: Mapping[Reason, int] = field(default_factory=dict)


class GovernedStream:
    """Upscales frames one by one by the best network that there is time for: `made = stream(frame)`.

    Results are always `scale` times as large as the input, or of the `size` that is asked for, whatever level made
    them. There are two ways to use it: call it with a frame, which is processed on the caller's thread; or `push`
    frames as they arrive and take the `latest` result: a thread of the stream processes them, the newest frame wins,
    and older waiting ones are dropped and counted.

    Args:
        ladder: a network for each level in use, by the level's name (quality, medium, small, tiny, phone, bicubic):
            a shipped one by name, an ONNX file, or what `pocketsr.load` returned; all of one scale.
        fps: frames per second; each must be done before the next one arrives.
        pix_fmt: pixel format of the output, as for `Stream`.
        threads: for each network; default: all cores.
        us_per_mpx: microseconds per million input pixels for each `Level`, in their order; default: measured on this
            machine the first time (a second or two) and stored in the cache folder.
        turns: the streams that share the machine; default: all governed streams of this process.
        clock: returns microseconds.
        size: of the output, as for `Stream`: the same whatever made the frame. What the resize takes counts as the
            level's time.

    Raises UserError for unavailable networks, or networks of different scales.
    """

    def __init__(
        self, ladder: Mapping[str, str | Path | Upscaler] = SHIPPED, *, fps: float = 30, pix_fmt: str | None = None,
        threads: int | None = None, us_per_mpx: Sequence[int] | None = None, turns: Turns = TURNS,
        clock: Callable[[], int] | None = None, size: Sized | None = None,
    ) -> None:  # fmt: skip
        check_number(fps, "fps")
        if not 0.1 <= fps <= 1000:
            raise ArgumentError(f"{fps:g} frames a second: 0.1 to 1000 are expected")
        check_type(turns, Turns, "turns", "a pocketsr.live.Turns")
        if clock is not None:
            check_callable(clock, "clock", "a function that gives microseconds")
        self._budget_us, self._turns, self._clock = round(1e6 / fps), turns, clock or _monotonic_us
        self._place = object()  # what others know of it: they keep no stream alive
        self._ladder = Ladder(ladder, pix_fmt, threads, as_size(size))
        if us_per_mpx is None:
            with turns.turn(self._place):
                us_per_mpx = self._ladder.costs()
        self._governor = Governor(us_per_mpx)
        self.pressure, self.power = Pressure.NOMINAL, Power.MAINS
        self._lock = threading.Lock()  # around one frame
        self._done = Statistics()
        self._levels: Counter[Level] = Counter()
        self._reasons: Counter[Reason] = Counter()
        self._times: deque[int] = deque(maxlen=_LATEST_TIMES)
        self._last: Made | None = None
        self._seen: Frame | None = None  # a copy of what `_last` was made of
        self._heard = Heard()
        self._box: Mailbox[tuple[Frame, int], Made] = Mailbox(self._serve)
        renew_in_children(self)

    def renew(self) -> None:
        """In a child of this process: the frame in hand is the parent's."""
        self._lock, self._seen = threading.Lock(), None

    @property
    def scale(self) -> int:
        """How much larger the frames become."""
        return self._ladder.scale

    def __call__(self, frame: Frame | VideoFrame | Plane) -> Made:
        """The frame, `scale` times as large, with what made it and why. Where Made.reason is static, its samples are
        those of the result before: don't write into them.

        Raises UserError for a format that isn't taken.
        """
        arrived = self._clock()
        taken = self._with_messages(as_frame(frame))
        with self._turns.turn(self._place), self._lock:
            return self._make(taken, arrived, 0)

    def push(self, frame: Frame | VideoFrame | Plane) -> None:
        """Make this frame next, in place of one that still waits. Its memory is read later: don't write into it.

        Raises UserError for a format that isn't taken, also when an earlier frame's wasn't.
        """
        self._box.push((self._with_messages(as_frame(frame)), self._clock()))

    def latest(self, timeout: float | None = 0) -> Made | None:
        """The newest result of what was pushed, once; None where there is none within `timeout` seconds (None: wait).

        Raises what went wrong with a frame, once.
        """
        if timeout is not None:
            check_number(timeout, "timeout")
        return self._box.latest(timeout)

    def hear(self, data: bytes) -> bool:
        """Take a correction that came beside the frames, from the next one on: as `Stream.hear`, for any level."""
        return self._heard.hear(data)

    def _with_messages(self, frame: Frame) -> Frame:
        """With all corrections that are in force now: frames that are dropped bring some too."""
        messages = self._heard.messages_with(frame)
        return frame if messages == frame.messages else replace(frame, messages=messages)

    def _serve(self) -> None:
        made, error = None, None
        with self._turns.turn(self._place), self._lock:
            if (taken := self._box.take()) is None:  # only now: a newer one may have come meanwhile
                return
            (frame, arrived), older = taken
            try:
                made = self._make(frame, arrived, older)
            except BaseException as caught:  # handed to the caller
                error = caught
        self._box.put(made, error)

    def _make(self, frame: Frame, arrived: int, older: int) -> Made:
        if self._box.closed:
            raise ArgumentError("the stream is closed: make another")
        deadline = arrived + self._budget_us
        static = self._seen is not None and _same(frame, self._seen)
        while True:
            started = self._clock()
            level, reason = self._governor.begin(
                Situation(
                    started, deadline, self._budget_us, frame.width, frame.height, older,
                    self._turns.active(self._place, started), self.pressure, self.power, int(static),
                )
            )  # fmt: skip
            if reason == Reason.STATIC and self._last is not None:
                again = self._last.frame.at(frame.pts, frame.time_base)
                return self._count(Made(again, level, reason, 0, started > deadline))
            try:
                big = self._ladder[level](frame)
            except UserError:  # the frame's fault, or the caller's: no level would do better
                raise
            except Exception as error:
                self._governor.end(self._clock(), fault=True)
                self._done = replace(self._done, faults=self._done.faults + 1)
                if level == Level.PASS_THROUGH:
                    raise
                _log.warning("pocketsr: %s failed (%s: %s)", level.name.lower(), type(error).__name__, error)
                continue
            ended = self._clock()
            self._governor.end(ended)
            seen, self._seen = self._seen, None  # whatever interrupts this: they never belong to different frames
            made = self._count(Made(big, level, reason, ended - started, ended > deadline))
            self._seen = _copy(frame, seen)
            return made

    def _count(self, made: Made) -> Made:
        before, done = self._last, self._done
        changed = before is not None and before.level != made.level and before.reason != Reason.WARM_UP
        repeated = made.reason == Reason.STATIC
        self._levels[made.level] += 1
        self._reasons[made.reason] += 1
        if not repeated:
            self._times.append(made.took_us)
        self._done = replace(
            done, frames=done.frames + 1, late=done.late + made.late, repeated=done.repeated + repeated,
            level_changes=done.level_changes + changed,
        )  # fmt: skip
        self._last = made
        return made

    @property
    def statistics(self) -> Statistics:
        """What was done so far."""
        with self._lock:
            times = sorted(self._times) or [0]
            p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
            return replace(
                self._done, dropped=self._box.dropped, p50_us=p50, p99_us=p99, levels=Counter(self._levels),
                reasons=Counter(self._reasons),
            )  # fmt: skip

    def close(self) -> None:
        """Finish the frame in hand, and let go of the networks' memory."""
        self._box.close()
        with self._lock:
            self._ladder.close()
        self._turns.leave(self._place)

    def __del__(self) -> None:
        if box := getattr(self, "_box", None):  # where the constructor got as far
            box.close(wait=False)
            self._turns.leave(self._place)

    def __enter__(self) -> GovernedStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._box.closed else self._governor.level.name.lower().replace("_", " ")
        return f"<GovernedStream x{self._ladder.scale} {state}>"


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000


def _same(frame: Frame, seen: Frame) -> bool:
    alike = (frame.layout, frame.width, frame.height, frame.colour, frame.siting, frame.messages) == (
        seen.layout, seen.width, seen.height, seen.colour, seen.siting, seen.messages,
    )  # fmt: skip
    return alike and all(map(np.array_equal, frame.components, seen.components))


def _copy(frame: Frame, into: Frame | None) -> Frame:
    """The frame's samples in memory of our own: in that of `into` where it is as large."""
    if into is None or (into.layout, into.width, into.height) != (frame.layout, frame.width, frame.height):
        into = Frame.blank(frame.layout.name, frame.width, frame.height)
    for source, target in zip(frame.components, into.components, strict=True):
        target[...] = source
    return replace(into, colour=frame.colour, siting=frame.siting, messages=frame.messages)
