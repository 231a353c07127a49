"""Frames that are pushed, and results that are picked up: the newest of each alone."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from pocketsr.errors import ArgumentError
from pocketsr.live.forks import renew_in_children

__all__ = ["Mailbox"]

Taken = TypeVar("Taken")
Made = TypeVar("Made")


class Mailbox(Generic[Taken, Made]):
    """One place for what is to be made next, one for what was made last; a thread of its own serves it.

    serve: a method, called on that thread when something waits. Its object isn't kept alive by the thread: where nobody
        holds it any more, the thread ends.
    """

    def __init__(self, serve: Callable[[], None]) -> None:
        self._serve = weakref.WeakMethod(serve)
        self._changed = threading.Condition()
        self._waiting: Taken | None = None
        self._older = 0  # in whose place `_waiting` came
        self._result: Made | None = None
        self._error: BaseException | None = None
        self._worker: threading.Thread | None = None
        self.closed = False
        self.dropped = 0
        """How many a newer one took the place of."""
        renew_in_children(self)

    def renew(self) -> None:
        """In a child: what waited is the parent's to make."""
        self._changed = threading.Condition()
        self._worker, self._waiting, self._older = None, None, 0

    def push(self, taken: Taken) -> None:
        """Have this made next, in place of what still waits. Raises what went wrong before, once."""
        with self._changed:
            self._raise()
            if self._waiting is not None:
                self._older += 1
                self.dropped += 1
            self._waiting = taken
            if self._worker is None:
                self._worker = threading.Thread(
                    target=_work, args=(self, self._serve), name="pocketsr-governed", daemon=True
                )
                self._worker.start()
            self._changed.notify_all()

    def take(self) -> tuple[Taken, int] | None:
        """What waits, and how many were dropped for it; None where nothing does."""
        with self._changed:
            if self._waiting is None:
                return None
            taken, self._waiting = (self._waiting, self._older), None
            self._older = 0
            return taken

    def put(self, made: Made | None, error: BaseException | None) -> None:
        """A result, or what went wrong."""
        with self._changed:
            self._result, self._error = made or self._result, error or self._error
            self._changed.notify_all()

    def latest(self, timeout: float | None) -> Made | None:
        """The newest result, once; None where there is none within `timeout` seconds. Raises what went wrong, once."""
        with self._changed:
            self._changed.wait_for(lambda: self._result or self._error or self.closed, timeout)
            self._raise()
            made, self._result = self._result, None
            return made

    def _raise(self) -> None:
        if self.closed:
            raise ArgumentError("the stream is closed: make another")
        error, self._error = self._error, None
        if error is not None:
            raise error

    def wait(self) -> bool:
        """Returns when something waits, or False when nothing will any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self.closed)
            return not self.closed

    def close(self, *, wait: bool = True) -> None:
        """What waits is dropped, and the thread ends; with `wait`, it has ended."""
        with self._changed:
            self.closed, self._waiting = True, None
            self._changed.notify_all()
        if wait and self._worker is not None and self._worker is not threading.current_thread():
            self._worker.join()


def _work(box: Mailbox[Taken, Made], method: weakref.WeakMethod[Callable[[], None]]) -> None:
    while box.wait():
        serve = method()
        if serve is None:
            return
        serve()
        del serve  # while it waits, this thread holds nobody
