"""Which size comes out, and by which way."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from pocketsr import ArgumentError, ArgumentTypeError, Size
from pocketsr.sizing import as_size, kept_aspect, plan

EVEN = {"multiples": (2, 2)}


@pytest.mark.parametrize(
    ("size", "source", "about", "expected"),
    [
        (Size(factor=Fraction(3, 2)), (640, 360), EVEN, (960, 540)),
        (Size(factor=Fraction(3, 2)), (427, 241), EVEN, (640, 362)),  # 640.5 and 361.5: the nearest even ones
        (Size(factor=Fraction(3, 2)), (427, 241), {}, (641, 362)),
        (Size(factor=Fraction(3)), (101, 7), {}, (303, 21)),
        (Size(height=1080), (640, 360), EVEN, (1920, 1080)),
        (Size(height=1080), (854, 480), EVEN, (1922, 1080)),
        (Size(width=1920), (854, 480), EVEN, (1920, 1080)),
        (Size(width=1920, height=800), (640, 360), EVEN, (1920, 800)),
        (Size(width=95, height=63), (48, 32), EVEN, (95, 63)),  # as asked
        (Size(fit=(1920, 1080)), (854, 480), EVEN, (1920, 1080)),  # 1079.2 high
        (Size(fit=(1920, 1080)), (640, 480), EVEN, (1440, 1080)),
        (Size(fit=(1920, 1081)), (640, 481), EVEN, (1438, 1080)),  # never larger than the box
        (Size(fit=(1920, 1080)), (360, 640), {**EVEN, "turned": True}, (1080, 1920)),
        (Size(fit=(1920, 1080)), (360, 640), EVEN, (608, 1080)),
        (Size(fit=(1920, 1080)), (720, 576), {**EVEN, "aspect": Fraction(64, 45)}, (1350, 1080)),  # shown 1920 wide
        (Size(fit=(100, 100)), (1, 60), EVEN, (2, 100)),
    ],
)
def test_sides(size: Size, source: tuple[int, int], about: dict[str, Any], expected: tuple[int, int]) -> None:
    assert size.of(*source, **about) == expected


@pytest.mark.parametrize(
    ("size", "source", "words"),
    [
        (1.5, (640, 360), "2x by small, then 1280x720 to 960x540 by bicubic"),
        (2, (640, 360), "2x by small"),
        (3, (640, 360), "2x by small, then 1280x720 to 1920x1080 by bicubic"),
        (4, (640, 360), "2x by small twice"),
        (6, (640, 360), "2x by small twice, then 2560x1440 to 3840x2160 by bicubic"),
        ((None, 1080), (481, 270), "2x by small twice"),
        ((1920, 1078), (481, 270), "2x by small twice, then 1924x1080 to 1920x1078 by bicubic"),  # nearly
        ((640, 360), (1280, 720), "1280x720 to 640x360 by bicubic"),
        ((640, 360), (640, 360), "the size stays as it is"),
        ((None, 16), (1, 1), "2x by small 4 times"),
        ((None, 64), (1, 1), "2x by small 4 times, then 16x16 to 64x64 by bicubic"),
    ],
)
def test_the_way_is_told(size: Any, source: tuple[int, int], words: str) -> None:
    assert plan(as_size(size), 2, *source).words("small") == words


def test_networks_of_other_factors() -> None:
    assert plan(as_size(3), 3, 10, 10).plain
    assert plan(as_size(2), 4, 10, 10).words("x4") == "4x by x4, then 40x40 to 20x20 by bicubic"
    assert plan(as_size(4), 1, 10, 10).words("none") == "10x10 to 40x40 by bicubic"
    assert plan(None, 3, 5, 7).plain


@pytest.mark.parametrize(
    "size",
    [
        0, 1, -2, 16.5, 10**9, float("nan"), float("inf"), np.float32("nan"), np.array([2.0, 3.0]), (0, 9), (9, -1),
        (10**9, 9), (None, None), (1, 2, 3), (2**16 + 1, None),
    ],
)  # fmt: skip
def test_no_size(size: Any) -> None:
    with pytest.raises(ArgumentError):
        as_size(size)


@pytest.mark.parametrize("size", ["1080p", True, object(), (1.5, 2), ("9", 9), {9: 9}, b"2"])
def test_nothing_like_a_size(size: Any) -> None:
    with pytest.raises(ArgumentTypeError):
        as_size(size)


@pytest.mark.parametrize("about", [{}, {"factor": 2, "width": 3}, {"fit": (9, 9), "height": 3}, {"fit": (9,)}])
def test_a_size_is_one_thing(about: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        Size(**about)


@pytest.mark.parametrize(
    ("size", "source", "said"),
    [
        ((None, 1080), (16384, 1), "17,694,720x1,080 pixels: 65,536 a side"),
        ((None, 16384), (1, 16384), None),
        ((65_536, 65_536), (9, 9), "1074 million in all"),
        ((100, 100), (16384, 1), "more than 32 times as small"),
    ],
)
def test_extreme_shapes(size: Any, source: tuple[int, int], said: str | None) -> None:
    if said is None:
        assert plan(as_size(size), 2, *source).target == source
        return
    with pytest.raises(ArgumentError, match=said):
        plan(as_size(size), 2, *source)


def test_pixels_take_the_shape_that_keeps_the_pictures() -> None:
    assert kept_aspect(None, (640, 360), (1920, 1080)) is None
    assert kept_aspect(Fraction(64, 45), (720, 576), (1350, 1080)) == Fraction(64, 45)
    assert kept_aspect(None, (854, 480), (1922, 1080)) is None  # rounding alone
    assert kept_aspect(None, (640, 480), (1920, 1080)) == Fraction(3, 4)
    assert kept_aspect(Fraction(128, 117), (176, 144), (640, 640)) == Fraction(1408, 1053)
    with pytest.raises(ArgumentError, match="no shape of pixels"):
        kept_aspect(None, (1, 16384), (16384, 100))
