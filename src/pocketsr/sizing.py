"""Which size is asked for, and how it is reached: passes of the network, then a resize of what they made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from pocketsr.arguments import check_type, check_whole
from pocketsr.errors import ArgumentError, ArgumentTypeError

__all__ = ["MOST_PIXELS", "Plan", "Shape", "Size", "Sized", "as_size", "kept_aspect", "plain_plan", "plan"]

_LARGEST_FACTOR = 16
_MOST_SIDE = 2**16
MOST_PIXELS = 2**30
"""Of a picture of a size that was asked for: 32768 x 32768."""
_MOST_PASSES = 4
_NEAR = Fraction(99, 100)
_MOST_SHRUNK = 32  # times, in one resize: swscale (FFmpeg 8.1) has no filters longer than 256 samples
_MOST_ASPECT = 2**16 - 1  # what H.264 and others have room for

Sized: TypeAlias = "Size | float | Fraction | tuple[int | None, int | None]"
"""A size as callers name it: see `as_size`."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a picture: width and height in pixels; aspect and turned as for `Size.of`."""

    width: int
    height: int
    aspect: Fraction | None = None
    turned: bool = False


@dataclass(frozen=True)
class Size:
    """The size of the output. One of these is given:

    factor: how many times as large as the input, in each direction, more than 1 to 16.
    width, height: in pixels, 1 to 65,536: both, or one, and the other follows from the picture's shape.
    fit: (width, height) of a box; the result is the largest of the picture's shape in it. The box is turned for a video
        that players turn by 90 degrees.

    Sides that follow are rounded to the nearest that the pixel format allows: even ones where chroma is subsampled.
    Raises ArgumentError and ArgumentTypeError for others.
    """

    factor: Fraction | None = None
    width: int | None = None
    height: int | None = None
    fit: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        given = [self.factor is not None, self.width is not None or self.height is not None, self.fit is not None]
        if sum(given) != 1:
            raise ArgumentError("a size is one of: a factor; a width, a height or both; a box to fit in")
        if self.factor is not None:
            object.__setattr__(self, "factor", _checked_factor(self.factor))
        for side, what in ((self.width, "width"), (self.height, "height")):
            if side is not None:
                check_whole(side, what, 1, _MOST_SIDE)
        if self.fit is not None:
            check_type(self.fit, tuple, "fit", "(width, height)")
            if len(self.fit) != 2:
                raise ArgumentError(f"fit is {self.fit!r}: (width, height) is expected")
            for side, what in zip(self.fit, ("width to fit in", "height to fit in"), strict=True):
                check_whole(side, what, 1, _MOST_SIDE)

    @property
    def exact(self) -> bool:
        """Whether both sides are given, whatever the input's shape."""
        return self.width is not None and self.height is not None

    def of(
        self, width: int, height: int, *, aspect: Fraction | None = None, turned: bool = False,
        multiples: tuple[int, int] = (1, 1),
    ) -> tuple[int, int]:  # fmt: skip
        """Width and height of the output for an input of width x height pixels.

        aspect: width of a pixel by its height; None: 1. turned: whether players turn the picture by 90 degrees.
        multiples: what the sides that follow are multiples of.
        """
        if self.width is not None and self.height is not None:
            made = self.width, self.height
        elif self.width is not None:
            made = self.width, _rounded(Fraction(height * self.width, width), multiples[1])
        elif self.height is not None:
            made = _rounded(Fraction(width * self.height, height), multiples[0]), self.height
        elif self.factor is not None:
            made = _rounded(width * self.factor, multiples[0]), _rounded(height * self.factor, multiples[1])
        else:
            made = self._within(width, height, aspect or Fraction(1), turned, multiples)
        if max(made) > _MOST_SIDE or made[0] * made[1] > MOST_PIXELS:
            raise ArgumentError(
                f"{width}x{height} would become {made[0]:,}x{made[1]:,} pixels: {_MOST_SIDE:,} a side and "
                f"{MOST_PIXELS / 1e6:.0f} million in all are the most"
            )
        return made

    def growth(self, shape: Shape | None) -> float | None:
        """How many times as large a picture of this shape becomes, in each direction: the root of its area's growth.

        None where that depends on the shape, and it isn't known. Raises ArgumentError as `of` does.
        """
        if self.factor is not None:
            return float(self.factor)
        if shape is None:
            return None
        width, height = self.of(shape.width, shape.height, aspect=shape.aspect, turned=shape.turned)
        return math.sqrt(width * height / (shape.width * shape.height))

    def _within(
        self, width: int, height: int, aspect: Fraction, turned: bool, multiples: tuple[int, int]
    ) -> tuple[int, int]:
        assert self.fit is not None
        across, down = reversed(self.fit) if turned else self.fit
        factor = min(across / (width * aspect), Fraction(down, height))
        return (
            _rounded(width * factor, multiples[0], most=across / aspect),
            _rounded(height * factor, multiples[1], most=Fraction(down)),
        )


@dataclass(frozen=True)
class Plan:
    """The way from a size to another.

    scale: of the network. passes: how often the picture goes through it. middle: the size after that.
    """

    scale: int
    passes: int
    source: tuple[int, int]
    target: tuple[int, int]

    @property
    def middle(self) -> tuple[int, int]:
        factor = self.scale**self.passes
        return self.source[0] * factor, self.source[1] * factor

    @property
    def resizes(self) -> bool:
        return self.middle != self.target

    @property
    def plain(self) -> bool:
        """Whether the network alone does it, in one pass."""
        return self.passes == 1 and not self.resizes

    def words(self, network: str) -> str:
        """In one line: "2x by small, then 1280x720 to 1920x1080 by bicubic"."""
        parts = []
        if self.passes:
            times = {1: "", 2: " twice"}.get(self.passes, f" {self.passes} times")
            parts.append(f"{self.scale}x by {network}{times}")
        if self.resizes:
            (a, b), (c, d) = self.middle, self.target
            parts.append(f"{a}x{b} to {c}x{d} by bicubic")
        return ", then ".join(parts) or "the size stays as it is"


def plan(size: Size | None, scale: int, width: int, height: int, **about: Any) -> Plan:
    """How a picture of width x height pixels reaches `size` by a network of `scale`; None: by one pass.

    A pass more is made as long as what is left is a whole one. At 3 times the size, a second pass and shrinking was
    worth -0.1 to 0.24 dB over bicubic, for five times the work (`small`, four clips).

    about: as for `Size.of`. Raises ArgumentError for what is too large, or too small for one resize.
    """
    if size is None:
        return plain_plan(scale, width, height)
    target = size.of(width, height, **about)
    area = Fraction(target[0] * target[1], width * height)
    passes = 0
    # A side that was rounded to an even number makes a whole factor a little less.
    while (
        scale > 1 and passes < _MOST_PASSES and (area > 1 if passes == 0 else area > scale ** (2 * passes + 2) * _NEAR)
    ):
        passes += 1
    made = Plan(scale, passes, (width, height), target)
    while made.passes > 1 and made.middle[0] * made.middle[1] > MOST_PIXELS:
        made = Plan(scale, made.passes - 1, (width, height), target)
    shrunk = max(Fraction(have, want) for have, want in zip(made.middle, target, strict=True))
    if shrunk > _MOST_SHRUNK:
        raise ArgumentError(
            f"{width}x{height} to {target[0]}x{target[1]}: more than {_MOST_SHRUNK} times as small in one direction"
        )
    return made


def plain_plan(scale: int, width: int, height: int) -> Plan:
    """One pass of the network."""
    return Plan(scale, 1, (width, height), (width * scale, height * scale))


def as_size(size: Sized | None) -> Size | None:
    """What callers name a size by: a `Size`; a factor; (width, height), of which one may be None, to follow.

    Raises ArgumentError and ArgumentTypeError for anything else.
    """
    if size is None or isinstance(size, Size):
        return size
    if isinstance(size, tuple | list):
        if len(size) != 2:
            raise ArgumentError(f"size has {len(size)} sides: (width, height) is expected")
        return Size(width=size[0], height=size[1])
    if isinstance(size, bool) or not (isinstance(size, int | float | Fraction) or hasattr(size, "__float__")):
        raise ArgumentTypeError(
            f"size is of type {type(size).__name__}: a factor, (width, height) or a pocketsr.Size is expected"
        )
    return Size(factor=_checked_factor(size))


def kept_aspect(aspect: Fraction | None, source: tuple[int, int], target: tuple[int, int]) -> Fraction | None:
    """The pixel aspect under which a picture of `target` pixels has the shape of one of `source`.

    The same as before where the shapes differ by rounding alone. Raises ArgumentError where no aspect would do.
    """
    (a, b), (c, d) = source, target
    if abs(c - Fraction(a * d, b)) < 2 or abs(d - Fraction(b * c, a)) < 2:
        return aspect
    made = (aspect or Fraction(1)) * Fraction(a * d, b * c)
    near = made.limit_denominator(min(_MOST_ASPECT, 10_000))
    if not 1 <= near.numerator <= _MOST_ASPECT or abs(near / made - 1) > Fraction(1, 100):
        raise ArgumentError(f"{a}x{b} to {c}x{d}: no shape of pixels would keep that of the picture: use fit")
    return near


def _checked_factor(factor: Any) -> Fraction:
    dimensions = getattr(factor, "ndim", 0)
    try:
        number = float(factor)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(factor, bool) or dimensions or not 1 < number <= _LARGEST_FACTOR:
        raise ArgumentError(f"a factor of {factor}: more than 1 to {_LARGEST_FACTOR} is expected")
    return Fraction(number).limit_denominator(10_000)


def _rounded(side: Fraction, multiple: int, most: Fraction | None = None) -> int:
    """The nearest multiple, at least one of them, and not above `most` where there is one."""
    count = math.floor(side / multiple + Fraction(1, 2))
    if most is not None:
        count = min(count, math.floor(most / multiple))
    return max(count, 1) * multiple
