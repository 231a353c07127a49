"""Sections of a video that are decoded, and encoded, by themselves."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Section", "Tally"]


@dataclass(frozen=True)
class Section:
    """Pictures shown from `start` until before `end`, decoded from the packets `first` until before `last`.

    number: 0, 1, .. in the order of showing.
    start, end: in units of the stream's time base; None: the video's beginning, its end.
    first, last: packets of the stream that hold something, counted from 0. The last ones may belong to the next section
        too: pictures before its key frame that need both. None: to the end.
    frames: how many pictures the packets announce.
    """

    number: int
    start: int | None
    end: int | None
    first: int
    last: int | None
    frames: int

    def __contains__(self, pts: int) -> bool:
        return (self.start is None or pts >= self.start) and (self.end is None or pts < self.end)


@dataclass(frozen=True)
class Tally:
    """What came of a section's pictures, or of a whole video's.

    frames: how many there are. replaced: repeat a neighbour, since they couldn't be decoded. late: were moved, since
    times must increase. leading: left out at the beginning, since they need what was cut off before. end: when the last
    one ends, in units of the stream's time base.
    """

    frames: int = 0
    replaced: int = 0
    late: int = 0
    leading: int = 0
    end: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.frames + other.frames, self.replaced + other.replaced, self.late + other.late,
            self.leading + other.leading, max(self.end, other.end),
        )  # fmt: skip
