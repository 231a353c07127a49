"""A progress bar on a terminal, and nothing elsewhere, not even its import: it takes a sixth of a short run's time."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Protocol, cast

__all__ = ["Bar", "frames_bar", "say"]


class Bar(Protocol):
    """What is used of tqdm's."""

    n: int
    total: int | float | None

    def update(self, by: int) -> object: ...

    def write(self, line: str, file: IO[str]) -> None: ...


class _Silent:
    def __init__(self) -> None:
        self.n, self.total = 0, cast("int | float | None", None)

    def update(self, by: int) -> None:
        self.n += by

    def write(self, line: str, file: IO[str]) -> None:
        print(line, file=file)


def frames_bar(name: str, hidden: bool) -> AbstractContextManager[Bar]:
    """A bar of frames on standard error, or one that shows nothing where that is no terminal, or `hidden`."""
    if hidden or not sys.stderr.isatty():
        return nullcontext(_Above() if _drawn() else _Silent())
    from tqdm import tqdm

    return cast("AbstractContextManager[Bar]", tqdm(desc=name, unit=" frames", file=sys.stderr, dynamic_ncols=True))


def say(line: str) -> None:
    """A line on standard error, above the bars that are there."""
    (_Above() if _drawn() else _Silent()).write(line, sys.stderr)


def _drawn() -> bool:
    """Whether somebody may have drawn a bar: tqdm is there already."""
    return "tqdm" in sys.modules


class _Above(_Silent):
    """Shows nothing itself, and writes above the bars of others."""

    def write(self, line: str, file: IO[str]) -> None:
        from tqdm import tqdm

        tqdm.write(line, file=file)
