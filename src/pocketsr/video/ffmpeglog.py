"""Listens to FFmpeg's log, which is silent otherwise: some things it says nowhere else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import av.logging

__all__ = ["listening"]


@contextlib.contextmanager
def listening(level: int) -> Iterator[list[tuple[int, str, str]]]:
    """Collects what this thread makes FFmpeg log up to `level`: (level, component, message) each.

    FFmpeg's log level belongs to the process; it is put back at the end.
    """
    before = av.logging.get_level()
    av.logging.set_level(level)
    try:
        with av.logging.Capture() as logs:
            yield logs
    finally:
        av.logging.set_level(before)
