"""Threads that run the strips of one frame, and what a call works with, lent to one call at a time."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

__all__ = ["Crew", "Job", "Pool"]

Job = Callable[[], None]

_forks = 0  # that this process is away from the one that imported pocketsr


def _count_fork() -> None:
    global _forks  # noqa: PLW0603  (there is one process)
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


class Crew:
    """Threads that wait for strips; the caller's own thread takes the first one.

    On Linux the waiting threads are kept off the processor that the caller runs on: woken after a pause, they would
    often be put right there and wait for it (measured on two cores: `tiny` 1.1 ms a frame in place of 0.75).
    """

    def __init__(self, size: int) -> None:
        self._jobs: list[SimpleQueue[Job | None]] = [SimpleQueue() for _ in range(size - 1)]
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        self._workers = [
            threading.Thread(target=self._work, args=(jobs, self._done), daemon=True) for jobs in self._jobs
        ]
        for worker in self._workers:
            worker.start()
        self._processors = os.sched_getaffinity(0) if sys.platform == "linux" else set()
        self._current: Callable[[], int] | None = None
        if 1 < size <= len(self._processors):
            self._current = getattr(ctypes.CDLL(None), "sched_getcpu", None)
        self._avoided = -1

    def _spread(self) -> None:
        if sys.platform != "linux" or self._current is None or (here := self._current()) == self._avoided:
            return
        self._avoided = here
        for worker in self._workers:
            try:
                os.sched_setaffinity(worker.native_id or 0, self._processors - {here})
            except OSError:  # not allowed here: the scheduler decides alone
                self._current = None
                return

    @staticmethod
    def _work(jobs: SimpleQueue[Job | None], done: SimpleQueue[BaseException | None]) -> None:
        while (job := jobs.get()) is not None:
            try:
                job()
                done.put(None)
            except BaseException as error:  # handed to the caller
                done.put(error)
            del job  # and with it the frame's memory

    def run(self, jobs: list[Job]) -> None:
        """All of `jobs`, no more than the crew's size. Where this raises, only `finish` may follow."""
        self._spread()
        for queue, job in zip(self._jobs, jobs[1:], strict=False):
            queue.put(job)
        jobs[0]()
        for _ in jobs[1:]:
            if (error := self._done.get()) is not None:
                raise error

    def finish(self) -> None:
        """Returns when the threads have done what they were given, and are gone, whatever interrupts the caller.

        Raises the last of the interruptions then.
        """
        late: BaseException | None = None
        while True:
            try:
                self.close()
                for worker in self._workers:
                    worker.join()
                break
            except BaseException as error:
                late = error
        if late is not None:
            raise late

    def close(self) -> None:
        """Lets the threads go, when they have done what they were given."""
        for queue in self._jobs:
            queue.put(None)

    def __del__(self) -> None:
        self.close()


T = TypeVar("T")


class Pool(Generic[T]):
    """Things that serve one call at a time: a call takes one that is free, or makes one, and puts it back.

    Calls from several threads, or from a signal's handler in the middle of a call, so never meet in one; neither do a
    process and its fork, which has none of the threads that its parent had. What is taken and not put back, since the
    call was interrupted, serves nobody any more. Taking and putting back are single steps of the interpreter: nothing
    is locked, so a fork or an interruption leaves nothing locked.
    """

    def __init__(self, make: Callable[[], T], most: int) -> None:
        self._make, self._most = make, most  # most: how many are kept
        self._free: deque[tuple[int, T]] = deque()

    def take(self) -> T:
        while self._free:
            try:
                forks, thing = self._free.pop()
            except IndexError:  # another thread was quicker
                break
            if forks == _forks:
                return thing
        return self._make()

    def put(self, thing: T) -> None:
        if len(self._free) < self._most:
            self._free.append((_forks, thing))

    def clear(self) -> None:
        """Lets go of all that are free."""
        self._free.clear()
