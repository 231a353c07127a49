"""The scheduling of this process's threads is the user's: encoders that change it are corrected."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["keep_scheduling"]

_TASKS = Path("/proc/self/task")


@contextmanager
def keep_scheduling() -> Iterator[None]:
    """Around the opening of an encoder: the thread that opens it, and those that it starts, keep this thread's policy.

    On Linux SVT-AV1 (4.1.0, in PyAV 18.1.0) puts the caller and its own threads on SCHED_FIFO with priority 99 where
    the user is root, and nothing undoes it: all threads and processes started later inherit it, and starve the machine
    (`findings/svt-av1-makes-the-caller-real-time.sh`). Elsewhere this does nothing.
    """
    if not hasattr(os, "sched_getscheduler") or not _TASKS.is_dir():
        yield
        return
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    before = _policies()
    try:
        yield
    finally:
        for task, now in _policies().items():
            if now != before.get(task, policy):
                with suppress(OSError):  # it has ended since, or it isn't allowed: then nobody changed it either
                    os.sched_setscheduler(task, before.get(task, policy), param)


def _policies() -> dict[int, int]:
    """The policy of each thread of this process; one that ends meanwhile is left out."""
    found = {}
    for task in _TASKS.iterdir():
        with suppress(OSError):
            found[int(task.name)] = os.sched_getscheduler(int(task.name))
    return found
