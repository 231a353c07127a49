"""A line for those who wait."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["note_after"]


@contextmanager
def note_after(seconds: float, line: str) -> Iterator[None]:
    """Says `line` on standard error once the work inside has taken this long; nothing if it ends before."""
    timer = threading.Timer(seconds, print, [f"pocketsr: {line}"], {"file": sys.stderr, "flush": True})
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
