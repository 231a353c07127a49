"""Standard input and output, FIFOs and sockets, read and written piece by piece, so that a wait can be ended."""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import threading
from types import TracebackType
from typing import Self

__all__ = ["Inflow", "Outflow"]

_WAIT_S = 0.2  # between looks at whether the work was called off
_PIECE = 4096  # bytes: where a pipe is ready for writing, this much goes in without waiting (PIPE_BUF)


class _Flow:
    """A descriptor, which is closed by `close`; `name` is for messages."""

    def __init__(self, handle: int, name: str) -> None:
        self.name = name
        self._handle = handle
        self._stopped = threading.Event()

    def close(self) -> None:
        os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Inflow(_Flow):
    """What comes through a descriptor, read once: for PyAV, which takes anything with `read` and `name`.

    Args:
        handle: the descriptor, which is closed by `close`.
        name: for messages.
    """

    def __init__(self, handle: int, name: str) -> None:
        super().__init__(handle, name)
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read: `size` of them, or fewer where it ends before."""
        while len(self._ahead) < size and (more := self._read(size - len(self._ahead))):
            self._ahead += more
        return self._ahead[:size]

    def read(self, size: int = 2**20) -> bytes:
        """The next bytes, at least one, at most `size`; none at the end, or once `stop` was called."""
        if self._ahead:
            taken, self._ahead = self._ahead[:size], self._ahead[size:]
            return taken
        return self._read(size)

    def _read(self, size: int) -> bytes:
        while not self._stopped.is_set():
            if _ready(self._handle, reading=True):
                return os.read(self._handle, size)
        return b""

    def stop(self) -> None:
        """End a `read` that waits in another thread, as if nothing more came."""
        self._stopped.set()


class Outflow(_Flow):
    """A descriptor to write to: for PyAV and Pillow, which take anything with `write`. It can't be sought in.

    A reader that went away is a BrokenPipeError, from every write from then on.
    """

    def __init__(self, handle: int, name: str) -> None:
        super().__init__(handle, name)
        self._whole = stat.S_ISREG(os.fstat(handle).st_mode)
        self.broken = False

    def write(self, data: bytes) -> int:
        view = memoryview(data).cast("B")
        at = 0
        while at < len(view):
            if self._stopped.is_set():
                raise OSError(errno.ECANCELED, "called off", self.name)
            if self._whole or _ready(self._handle, reading=False):
                try:
                    at += os.write(self._handle, view[at:] if self._whole else view[at : at + _PIECE])
                except BrokenPipeError:
                    self.broken = True
                    raise
        return len(view)

    def flush(self) -> None:
        """Nothing is held back."""

    def stop(self) -> None:
        """End a `write` that waits in another thread, with an OSError."""
        self._stopped.set()


def _ready(handle: int, *, reading: bool) -> bool:
    """Whether a descriptor can be read from, or written to, without waiting; waits for a moment."""
    if sys.platform == "win32":
        return True  # select takes sockets alone there: a read or write waits until it is done
    sets = ([handle], []) if reading else ([], [handle])
    return any(select.select(*sets, [], _WAIT_S))
