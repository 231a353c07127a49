"""Ctrl-C, SIGTERM and SIGHUP, noted and acted on between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["interruptions"]

# by name: Windows has no SIGHUP
_NUMBERS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def interruptions() -> Iterator[list[int]]:
    """A list that the first Ctrl-C, SIGTERM or SIGHUP puts its number into; the second one acts as usual.

    One that is ignored (as SIGHUP under nohup) stays ignored.

    Outside the main thread, where Python lets nobody handle signals, the list stays empty.
    """
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in _NUMBERS}
    before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}

    def note(number: int, _: FrameType | None) -> None:
        seen.append(number)
        signal.signal(number, before[number])

    try:
        for number in before:
            signal.signal(number, note)
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
