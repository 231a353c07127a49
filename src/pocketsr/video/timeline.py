"""Which presentation times the demuxer announced, and which of them the decoder still owes a frame for."""

from __future__ import annotations

import heapq
from typing import NamedTuple

__all__ = ["Fields", "Increasing", "Slot", "Timeline"]


class Slot(NamedTuple):
    """A moment that needs a frame, in units of the stream's time base; a duration of 0 is unknown."""

    pts: int
    duration: int


class Timeline:
    """Pairs frames with packets by time.

    A decoder gives frames in the order of presentation. So when a frame comes out, every earlier time that a
    packet announced and no frame has claimed belongs to a frame that could not be decoded.
    """

    def __init__(self) -> None:
        self._owed: list[Slot] = []

    def announce(self, pts: int, duration: int) -> None:
        """A packet that should become a frame was sent to the decoder."""
        heapq.heappush(self._owed, Slot(pts, duration))

    def claim(self, pts: int | None) -> tuple[list[Slot], Slot | None]:
        """A frame came out.

        Args:
            pts: the frame's time; None claims the earliest that is owed (streams without times).

        Returns:
            The earlier slots that nothing claimed, and the frame's own slot (None: nothing announced it).
        """
        if pts is None:
            return [], heapq.heappop(self._owed) if self._owed else None
        lost = []
        while self._owed and self._owed[0].pts < pts:
            lost.append(heapq.heappop(self._owed))
        own = heapq.heappop(self._owed) if self._owed and self._owed[0].pts == pts else None
        return lost, own

    def rest(self) -> list[Slot]:
        """At the end: the slots that nothing claimed."""
        rest = sorted(self._owed)
        self._owed.clear()
        return rest


class Increasing:
    """Times as encoders take them, each later than the one before.

    Attributes:
        count: how many there were. late: how many were moved, by the least amount.
        last: the time of the last one; None before the first. end: when it ends.
    """

    def __init__(self) -> None:
        self.count = self.late = self.end = 0
        self.last: int | None = None

    def take(self, slot: Slot) -> Slot:
        """The slot, or the next free one."""
        self.count += 1
        if self.last is not None and slot.pts <= self.last:
            self.late += 1
            slot = slot._replace(pts=self.last + 1)
        self.last, self.end = slot.pts, slot.pts + slot.duration
        return slot


class Fields:
    """Tells second fields from frames that are lost.

    Broadcasts in H.264 have a packet a field, of which the decoder makes one frame: in the middle between each two
    frames is a slot for which nothing comes out. A frame that is lost makes the gap twice as long as the one before.
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self._gap: int | None = None

    def missing(self, lost: list[Slot], pts: int | None) -> list[Slot]:
        """Those of `lost` that were frames, when the next frame came at `pts` (None: none came any more)."""
        last, gap = self._last, self._gap
        if pts is not None:
            self._gap = None if last is None else pts - last
            self._last = pts
        if len(lost) != 1 or last is None:
            return lost
        usual = gap if gap is not None else self._gap
        length = pts - last if pts is not None else usual
        if length is None or usual is None or length * 4 > usual * 5:
            return lost
        return [] if 0.4 < (lost[0].pts - last) / length < 0.6 else lost
