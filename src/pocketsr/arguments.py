"""What callers hand over, checked where it comes in, so that a mistake is told in the caller's words and at once.

Each raises ArgumentTypeError for a type that isn't accepted (a truth value is no number) and ArgumentError for a value.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from pocketsr.errors import ArgumentError, ArgumentTypeError

__all__ = [
    "as_path",
    "check_callable",
    "check_number",
    "check_strength",
    "check_text",
    "check_threads",
    "check_type",
    "check_whole",
]

_MOST_THREADS = 1024


def as_path(value: Any, what: str) -> Path:
    """`value`, str or os.PathLike of one, as a Path."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str):
        raise _wrong(value, what, "a path (str or pathlib.Path)")
    if "\0" in path:
        raise ArgumentError(f"{what} is {path!r}: a path has no zero byte")
    return Path(path)


def check_threads(threads: Any) -> None:
    """1 to 1024, or None: every core."""
    if threads is not None:
        check_whole(threads, "threads", 1, _MOST_THREADS)


def check_whole(value: Any, what: str, least: int, most: int) -> None:
    """An integer of any integral type (NumPy's too), in a range."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise _wrong(value, what, f"an integer, {least} to {most:,}")
    if not least <= number <= most:
        raise ArgumentError(f"{number:,} {what}: {least} to {most:,} are expected")


def check_number(value: Any, what: str) -> None:
    """A number that can be compared with others, of NumPy or a fraction too."""
    if isinstance(value, bool) or not (isinstance(value, int | float | Fraction) or hasattr(value, "__float__")):
        raise _wrong(value, what, "a number")
    if getattr(value, "ndim", 0):
        raise _wrong(value, what, "a number")


def check_strength(value: Any) -> float:
    """How far a picture is from its clean shrink, 0..1, as a float."""
    check_number(value, "strength")
    if not 0 <= float(value) <= 1:
        raise ArgumentError(f"strength {value}: a number from 0 (clean) to 1 is expected")
    return float(value)


def check_text(value: Any, what: str) -> None:
    """A str."""
    check_type(value, str, what, "a str")


def check_callable(value: Any, what: str, expected: str) -> None:
    """Whatever can be called: `expected` says with what."""
    if not isinstance(value, Callable):  # type: ignore[arg-type]
        raise _wrong(value, what, expected)


def check_type(value: Any, kind: type | tuple[type, ...], what: str, expected: str) -> None:
    """An instance of `kind`, which the message calls `expected`."""
    if not isinstance(value, kind):
        raise _wrong(value, what, expected)


def _wrong(value: object, what: str, expected: str) -> ArgumentTypeError:
    kind = type(value).__name__
    return ArgumentTypeError(f"{what} is {'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}: {expected} is expected")
