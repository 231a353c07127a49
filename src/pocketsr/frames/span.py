"""A part of a video: from a moment on, for so long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from pocketsr.errors import ArgumentError
from pocketsr.frames.frame import Frame

__all__ = ["Span", "cut"]

_MOST_S = 10**7  # four months: FFmpeg's times have room for more


@dataclass(frozen=True)
class Span:
    """The frames whose time t is start <= t < start + duration, in seconds from the beginning; None: to the end.

    Where the first of them is later, the frame that is on show at `start` comes first. Raises ArgumentError for a
    negative start, a duration of nothing, and more than 10,000,000 seconds.
    """

    start: Fraction = Fraction(0)
    duration: Fraction | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start <= _MOST_S:
            raise ArgumentError(f"start {float(self.start):g}: 0 to {_MOST_S:,} seconds are expected")
        if self.duration is not None and not 0 < self.duration <= _MOST_S:
            raise ArgumentError(f"duration {float(self.duration):g}: more than 0 to {_MOST_S:,} seconds are expected")

    @property
    def end(self) -> Fraction | None:
        """Seconds from the beginning; None: the end of the video."""
        return None if self.duration is None else self.start + self.duration


def cut(frames: Iterable[Frame], span: Span) -> Iterator[Frame]:
    """The frames of a span, whose times start at 0. `frames` have times and durations, the first at 0."""
    origin: Fraction | None = None
    for frame in frames:
        assert frame.pts is not None
        assert frame.time_base is not None
        begin = frame.pts * frame.time_base
        stop = begin + (frame.duration or 0) * frame.time_base
        if span.end is not None and begin >= span.end:
            return
        if stop <= span.start:
            continue
        if origin is None:
            origin = max(begin, span.start)
        stop = stop if span.end is None else min(stop, span.end)
        pts = round((max(begin, origin) - origin) / frame.time_base)
        duration = max(1, round((stop - origin) / frame.time_base) - pts)
        yield replace(frame, pts=pts, duration=duration)
