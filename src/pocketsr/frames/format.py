"""What frames have in common: their size, their pixel format, and what their samples mean."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, get_args

from pocketsr.arguments import check_text, check_type, check_whole
from pocketsr.engine import Siting
from pocketsr.errors import ArgumentError

__all__ = ["NO_COLOUR", "UNSPECIFIED", "Colour", "FrameFormat", "check_common", "check_size"]

_SITINGS: tuple[Siting, ...] = get_args(Siting)
_MOST_CODE = 2**31 - 1  # H.273 has 255, FFmpeg numbers of its own above: what a file says must not end a run
_MOST_SIDE = 2**26  # pixels, as in the networks
UNSPECIFIED = 2  # in ITU-T H.273, whatever the question


@dataclass(frozen=True)
class Colour:
    """What the samples of a frame mean: code points of ITU-T H.273, where 2 is unspecified.

    full_range: whether samples use all levels (JPEG) or the studio range (16..235 of 255); None is unspecified.
    Raises ArgumentError and ArgumentTypeError for what is no code point.
    """

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    full_range: bool | None = None

    def __post_init__(self) -> None:
        for name in ("primaries", "transfer", "matrix"):
            check_whole(getattr(self, name), name, 0, _MOST_CODE)
        if self.full_range is not None:
            check_type(self.full_range, bool, "full_range", "True, False or None")


NO_COLOUR = Colour()
"""Nothing specified."""


@dataclass(frozen=True)
class FrameFormat:
    """The format that successive frames share, until it changes.

    pix_fmt: the pixel format, as FFmpeg names it.
    width, height: in pixels.
    colour, siting, time_base: as in `Frame`.
    Raises ArgumentError and ArgumentTypeError for what no frame can have.
    """

    pix_fmt: str
    width: int
    height: int
    colour: Colour = NO_COLOUR
    siting: Siting = "left"
    time_base: Fraction | None = None

    def __post_init__(self) -> None:
        check_text(self.pix_fmt, "pix_fmt")
        check_common(self)

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.pix_fmt}"


class _Told(Protocol):
    """What a frame and its format both say."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def colour(self) -> Colour: ...
    @property
    def siting(self) -> Siting: ...
    @property
    def time_base(self) -> Fraction | None: ...


def check_size(width: int, height: int) -> None:
    if type(width) is int and type(height) is int and 0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE:
        return
    for side, what in ((width, "width"), (height, "height")):
        check_whole(side, what, -(2**63), 2**63 - 1)
    if min(width, height) < 1:
        raise ArgumentError(f"a frame of {width}x{height} pixels is empty")
    if max(width, height) > _MOST_SIDE:
        raise ArgumentError(f"a frame of {width:,}x{height:,} pixels: {_MOST_SIDE:,} a side are the most")


def check_common(what: _Told) -> None:
    """What a frame and its format both say."""
    check_size(what.width, what.height)
    check_type(what.colour, Colour, "colour", "a pocketsr.Colour")
    if what.siting not in _SITINGS:
        raise ArgumentError(f"siting is {what.siting!r}: one of {', '.join(_SITINGS)} is expected")
    if what.time_base is not None:
        check_type(what.time_base, Fraction, "time_base", "a Fraction of a second")
