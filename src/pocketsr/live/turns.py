"""Streams of one process that share its cores: one at a time, in the order in which they ask."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from pocketsr.live.forks import renew_in_children

__all__ = ["TURNS", "Turns"]

_ACTIVE_US = 2_000_000


class Turns:
    """A fair lock that knows how many take part.

    A network uses all cores. Two at once would each take twice as long, and neither could tell its own work from the
    other's. One after another, each frame's time is its own; who has just had a turn is last in line; and since every
    governor is told how many share the machine, each keeps to its part of the time: streams of the same size end at the
    same level, whoever came first.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: deque[object] = deque()
        self._seen: dict[object, int] = {}
        renew_in_children(self)

    def renew(self) -> None:
        """In a child of this process: nobody of the parent waits here."""
        self._changed, self._line = threading.Condition(), deque()

    @contextmanager
    def turn(self, stream: object) -> Iterator[None]:
        """Waits until all who asked before have had theirs. Not to be nested."""
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            self._seen.setdefault(stream, -_ACTIVE_US - 1)
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._line[0] is ticket)
            yield
        finally:
            with self._changed:
                self._line.remove(ticket)
                self._changed.notify_all()

    def active(self, stream: object, now_us: int) -> int:
        """How many made a frame in the last 2 s, `stream` among them, which does so now."""
        with self._changed:
            self._seen[stream] = now_us
            return sum(now_us - seen <= _ACTIVE_US for seen in list(self._seen.values()))

    def leave(self, stream: object) -> None:
        """`stream` takes part no longer."""
        with self._changed:
            self._seen.pop(stream, None)


TURNS = Turns()
"""Of this process."""
