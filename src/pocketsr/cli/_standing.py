"""What the command line needs of its process: three descriptors, streams that can't end a job, and signals."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, TextIO, cast

__all__ = ["StoppedBySignal", "drop_output", "flush_output", "standing"]

_ENDING = ("SIGTERM", "SIGHUP")  # by name: Windows has no SIGHUP


class StoppedBySignal(KeyboardInterrupt):
    """SIGTERM or SIGHUP came: everything is cleaned up as after Ctrl-C. number: of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Unfailing:
    """A text stream whose reader may go away: what can't be written is dropped, since no job should die of it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def standing() -> Iterator[None]:
    """Inside, standard error never fails, closed descriptors are the null device, and TERM and HUP raise."""
    _fill_descriptors()
    error = sys.stderr
    sys.stderr = cast(TextIO, _Unfailing(error))
    try:
        with _signals():
            yield
    finally:
        with contextlib.suppress(OSError):  # --help too: argparse leaves by SystemExit
            flush_output()
        sys.stderr = error


def flush_output() -> None:
    """Bring standard output to its reader. Raises OSError where that fails; what is left is then dropped."""
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()
        raise


def drop_output() -> None:
    """Send what standard output still holds to nowhere, so that Python's own flush at exit has nothing to say."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _fill_descriptors() -> None:
    """Open the null device as 0, 1 and 2 where they are closed.

    Else the next file that is opened, an output for instance, would be number 2, and FFmpeg's messages would be
    written into it.
    """
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(handle, True)
    os.close(handle)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # print(file=None) would go to standard output
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  lives as long as we


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """TERM and HUP raise StoppedBySignal once, unless they are ignored (nohup). Nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    taken = {number: handler for number, handler in before.items() if handler == signal.SIG_DFL}

    def stop(number: int, _: FrameType | None) -> None:
        for each in taken:  # a second one, as a closing terminal sends it, must not interrupt the cleaning up
            signal.signal(each, signal.SIG_IGN)
        raise StoppedBySignal(number)

    try:
        for number in taken:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)
