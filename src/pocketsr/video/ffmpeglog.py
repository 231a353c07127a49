"""Listens to FFmpeg's log, which is silent otherwise: some things it says nowhere else."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import av.logging
from av.container import InputContainer

__all__ = ["Described", "described", "first_complaint", "listening"]


_lock = threading.Lock()
_levels: list[int] = []  # of all that listen now, in whatever thread
_before: list[tuple[int | None, bool]] = []  # the process's own settings, while anybody listens
_unheard: list[av.logging.Capture] = []  # takes what others' threads say meanwhile


@contextlib.contextmanager
def listening(level: int) -> Iterator[list[tuple[int, str, str]]]:
    """Collects what this thread makes FFmpeg log up to `level`: (level, component, message) each.

    FFmpeg's log level belongs to the process; it is put back when the last of all that listen is done. What other
    threads say meanwhile, which nobody would have heard, goes nowhere: PyAV would hand it to Python's `logging`, from
    within FFmpeg, and a Ctrl-C that came to the main thread there would be lost.
    """
    with _lock:
        if not _levels:
            _before.append((av.logging.get_level(), av.logging.get_skip_repeated()))
            av.logging.set_skip_repeated(False)  # what was said before, to somebody else, is said again
            if av.logging.get_level() is None:
                _unheard.append(av.logging.Capture(local=False))
                _unheard[0].__enter__()
        _levels.append(level)
        av.logging.set_level(max(_levels))
    logs: list[tuple[int, str, str]] = []
    try:
        with av.logging.Capture() as logs:
            yield logs
    finally:
        logs[:] = [entry for entry in logs if entry[0] <= level]  # another thread may have asked for more
        with _lock:
            _levels.remove(level)
            if _levels:
                av.logging.set_level(max(_levels))
            else:
                own, skip = _before.pop()
                av.logging.set_level(own)
                av.logging.set_skip_repeated(skip)
                if _unheard:
                    _unheard.pop().__exit__(None, None, None)


def first_complaint(logs: list[tuple[int, str, str]]) -> str | None:
    """The first line that says something, as FFmpeg's own reason for an error."""
    lines = (line.strip() for _, _, text in logs for line in text.splitlines())
    return next((line.rstrip(".") for line in lines if line), None)


@dataclass(frozen=True)
class Described:
    """What FFmpeg says of a stream and PyAV doesn't.

    codec: FFmpeg's name of the codec, with or without a decoder; "none" where it knows none.
    tag: the four characters by which the file names it; empty where there are none that can be printed.
    crop: columns and rows that the container cuts off before showing: left, right, top, bottom.
    captions: whether closed captions were seen while the file was opened.
    """

    codec: str
    tag: str = ""
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    captions: bool = False

    @property
    def name(self) -> str:
        """What to call the codec in a message."""
        return self.tag or "of no known codec" if self.codec == "none" else self.codec


_STREAM = re.compile(r"  Stream #\d+:(\d+)[^:]*: [A-Z][a-z]+: (\w+)([^\n]*)")
_CROP = re.compile(r"[Cc]ropping: (\d+)/(\d+)/(\d+)/(\d+)")


def described(container: InputContainer) -> dict[int, Described]:
    """By index of the stream, from FFmpeg's own description of the open file.

    PyAV 18.1 gives a stream without a decoder no codec context, and with it no name at all, and has no access to
    the side data of a stream.
    """
    with listening(av.logging.INFO):
        text = cast(Any, container).dumps_format()  # absent from PyAV's own stubs
    found: dict[int, Described] = {}
    parts = re.split(r"^(?=  Stream #)", text, flags=re.M)
    for part in parts:
        head = _STREAM.match(part)
        if head is None:
            continue
        tag = re.search(r"\((\w{3,4}) / 0x[0-9A-F]+\)", head[3])
        crop = _CROP.search(part)
        found[int(head[1])] = Described(
            head[2],
            tag[1] if tag else "",
            tuple(int(number) for number in crop.groups()) if crop else (0, 0, 0, 0),  # type: ignore[arg-type]
            "Closed Captions" in head[3],
        )
    return found
