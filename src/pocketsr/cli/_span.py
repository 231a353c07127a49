"""The part of a video as it is typed: `--start 1:02:03.5 --duration 90`."""

from __future__ import annotations

import argparse
import re
from fractions import Fraction
from typing import TYPE_CHECKING

from pocketsr.errors import ArgumentError, UserError
from pocketsr.names import harmless

if TYPE_CHECKING:
    from collections.abc import Callable

    from pocketsr.frames import Span

__all__ = ["add_span_arguments", "asked_span"]

_TIME = re.compile(r"(?:(?:(\d{1,5}):)?(\d{1,5}):)?(\d{1,8}(?:\.\d{0,9})?|\.\d{1,9})s?", re.ASCII)


def add_span_arguments(add: Callable[..., argparse.Action]) -> None:
    """Texts, for `asked_span`."""
    add("--start", metavar="TIME", help="begin there: seconds, or H:MM:SS; its frames are exact, its sound is cut too")
    add("--duration", metavar="TIME", help="end so much later: seconds, or H:MM:SS")


def asked_span(args: argparse.Namespace) -> Span | None:
    """The part that the options ask for; None where they ask for none. Raises UserError."""
    if args.start is None and args.duration is None:
        return None
    from pocketsr.frames import Span

    start = Fraction(0) if args.start is None else _seconds(args.start, "--start")
    duration = None if args.duration is None else _seconds(args.duration, "--duration")
    try:
        return Span(start, duration)
    except ArgumentError as error:
        raise UserError(f"--start, --duration: {error}") from None


def _seconds(text: str, option: str) -> Fraction:
    found = _TIME.fullmatch(text.strip())
    hours, minutes, seconds = found.groups() if found is not None else (None, None, "")
    wrong = found is None or (minutes is not None and Fraction(seconds) >= 60)
    if wrong or (hours is not None and int(minutes or 0) >= 60):
        raise UserError(
            f"{option} {harmless(text, 60)}: seconds or H:MM:SS are expected, as in {option} 90.5 or {option} 0:01:30.5"
        )
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds)
