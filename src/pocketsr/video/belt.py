"""A short queue between two threads that can be stopped from outside."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Belt", "Stopped"]

T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 : it is no error
    """The work was called off."""


class Belt(Generic[T]):
    """First in, first out, at most `size` items: a fast stage waits for a slow one, and memory stays flat."""

    def __init__(self, size: int) -> None:
        self._items: deque[T] = deque()
        self._size = size
        self._stopped = False
        self._change = threading.Condition()

    def put(self, item: T) -> None:
        """Waits for room.

        Raises:
            Stopped: `stop` was called.
        """
        with self._change:
            self._change.wait_for(lambda: self._stopped or len(self._items) < self._size)
            if self._stopped:
                raise Stopped
            self._items.append(item)
            self._change.notify_all()

    def get(self) -> T:
        """Waits for an item.

        Raises:
            Stopped: `stop` was called.
        """
        with self._change:
            self._change.wait_for(lambda: self._stopped or bool(self._items))
            if self._stopped:
                raise Stopped
            item = self._items.popleft()
            self._change.notify_all()
            return item

    def stop(self) -> None:
        """Wake both sides with `Stopped` and let go of what is queued."""
        with self._change:
            self._stopped = True
            self._items.clear()
            self._change.notify_all()
