"""The size of the output as it is typed: `-s 1.5`, `--size 1920x1080`, `--height 1080`, `--fit screen`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from pocketsr.errors import ArgumentError, UserError
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.sizing import Size

__all__ = ["add_size_arguments", "asked_size", "sides"]

_NAMED = {
    "720p": (1280, 720), "1080p": (1920, 1080), "1440p": (2560, 1440), "2160p": (3840, 2160), "4k": (3840, 2160),
    "4320p": (7680, 4320), "8k": (7680, 4320),
}  # fmt: skip
_OPTIONS = ("scale", "size", "width", "height", "fit")


def add_size_arguments(parser: argparse.ArgumentParser) -> None:
    """Texts, all of them: what is wrong with one is said in one line, by `asked_size`."""
    add = parser.add_argument_group("size, one of these (default: the network's factor)").add_argument
    add("-s", "--scale", metavar="FACTOR", help="how many times as large: 1.5, 2, 3, 4, up to 16")
    add("--size", metavar="WIDTHxHEIGHT", help="exactly this; a video keeps its shape by the shape of its pixels")
    add("--width", metavar="PIXELS", help="this wide; the height follows")
    add("--height", metavar="PIXELS", help="this high; the width follows")
    add("--fit", metavar="BOX", help="the largest that fits in: screen, 1080p, 4k or WIDTHxHEIGHT")


def asked_size(args: argparse.Namespace, screen: Callable[[], tuple[int, int] | None] | None = None) -> Size | None:
    """The size that the options ask for; None where they ask for none. Raises UserError."""
    given = [name for name in _OPTIONS if getattr(args, name) is not None]
    if not given:
        return None
    if len(given) > 1 and set(given) != {"width", "height"}:
        raise UserError(f"{' and '.join(_typed(name) for name in given)}: one of them says the size")
    from pocketsr.sizing import Size

    text = harmless(getattr(args, given[0]), 60).strip()
    try:
        if len(given) == 2:
            return Size(width=_pixels(args.width, "width"), height=_pixels(args.height, "height"))
        match given[0]:
            case "scale":
                return Size(factor=_factor(text))
            case "size":
                width, height = sides(text, "--size")
                return Size(width=width, height=height)
            case "width":
                return Size(width=_pixels(text, "width"))
            case "height":
                return Size(height=_pixels(text, "height"))
        return Size(fit=_box(text, screen))
    except ArgumentError as error:
        raise UserError(f"{_typed(given[0])} {text}: {error}") from None


def _typed(name: str) -> str:
    return "-s" if name == "scale" else f"--{name}"


def _factor(text: str) -> Fraction:
    found = re.fullmatch(r"(\d{1,4}(?:\.\d{0,9})?|\.\d{1,9})x?", text, re.IGNORECASE)
    if found is None:
        raise UserError(f"-s {text}: a factor is expected, as in -s 1.5")
    return Fraction(found[1])


def _pixels(text: object, what: str) -> int:
    found = re.fullmatch(r"(\d{1,18})(?:px)?", str(text).strip(), re.ASCII)
    if found is None:
        mend = f"; or --fit {text}" if str(text).lower() in _NAMED else ""
        raise UserError(f"--{what} {harmless(text, 60)}: a number of pixels is expected, as in --height 1080{mend}")
    return int(found[1])


def sides(text: str, option: str) -> tuple[int, int]:
    """WIDTHxHEIGHT as numbers. Raises UserError."""
    found = re.fullmatch(r"(\d{1,18})\s*[xX×:*]\s*(\d{1,18})", text, re.ASCII)
    if found is None:
        mend = f"; or --fit {text}" if text.lower() in _NAMED and option != "--fit" else ""
        raise UserError(f"{option} {text}: WIDTHxHEIGHT is expected, as in {option} 1920x1080{mend}")
    return int(found[1]), int(found[2])


def _box(text: str, screen: Callable[[], tuple[int, int] | None] | None) -> tuple[int, int]:
    if text.lower() in _NAMED:
        return _NAMED[text.lower()]
    if text.lower() != "screen":
        return sides(text, "--fit")
    from pocketsr.cli._screen import screen_size

    found = (screen or screen_size)()
    if found is None:
        raise UserError("--fit screen: no screen was found: say its size, as in --fit 1920x1080")
    return found
