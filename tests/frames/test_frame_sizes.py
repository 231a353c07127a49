"""Frames of any size: against bicubic resizing written down in double precision, chroma where it lies."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketsr import GovernedStream, Size, Stream, UserError
from pocketsr.engine import Same, load, load_chroma
from pocketsr.frames import Colour, Frame, SizedUpscaler, layout_of
from pocketsr.pixels import cubic, resized
from pocketsr.sizing import Plan, as_size, plan


def weights(size: int, out: int, shift: float) -> NDArray[np.float64]:
    """(out, size): Keys' kernel, a = -0.5, stretched where it shrinks, edge samples repeated."""
    ratio = out / size
    stretch = min(ratio, 1.0)
    table = np.zeros((out, size))
    for row, at in enumerate((np.arange(out) + 0.5) / ratio - 0.5 + shift):
        taps = np.arange(math.floor(at - 2 / stretch), math.ceil(at + 2 / stretch) + 1)
        taken = cubic((at - taps) * stretch)
        np.add.at(table[row], np.clip(taps, 0, size - 1), taken / taken.sum())
    return table


def check(got: NDArray, wanted: NDArray[np.float64], level: float = 1.0) -> None:
    """Within a level; at the edges, where swscale (FFmpeg 8.1) drops the smallest taps, within four."""
    off = np.abs(got - wanted)
    assert off.max() < 4 * level
    assert off[3:-3, 3:-3].max() < level


def by_hand(plane: NDArray[Any], height: int, width: int, y: float = 0.0, x: float = 0.0) -> NDArray[np.float64]:
    rows, columns = weights(plane.shape[0], height, y), weights(plane.shape[1], width, x)
    return rows @ plane.astype(np.float64) @ columns.T


def waves(pix_fmt: str, width: int, height: int, **about: object) -> Frame:
    """Smooth samples that stay off the ends of their range, a wave of its own in each component."""
    frame = Frame.blank(pix_fmt, width, height)
    top = (1 << frame.layout.bits) - 1
    for index, (part, samples) in enumerate(zip(frame.layout.components, frame.components, strict=True)):
        y, x = np.mgrid[: samples.shape[0], : samples.shape[1]]
        wave = 0.5 + 0.3 * np.sin(x / (3 + index) + index) * np.cos(y / (4 - index / 2))
        samples[...] = np.rint(wave * top).astype(frame.layout.dtype) << part.shift
    return Frame.from_planes(pix_fmt, frame.planes, **about)  # type: ignore[arg-type]


SIZES = [((48, 32), (72, 48)), ((48, 32), (36, 22)), ((48, 32), (110, 50)), ((33, 17), (50, 26)), ((64, 24), (20, 24))]


@pytest.mark.parametrize("siting", ["left", "center", "topleft"])
@pytest.mark.parametrize(("source", "target"), SIZES)
def test_chroma_stays_where_it_lies(siting: str, source: tuple[int, int], target: tuple[int, int]) -> None:
    frame = waves("yuv420p", *source, siting=siting)
    out = Frame.blank("yuv420p", *target)
    SizedUpscaler(Same(), lambda _: Same(), frame.layout, "yuv420p", siting, Plan(2, 0, source, target))(frame, out)
    y, u, v = out.components
    check(y, by_hand(next(frame.components), *y.shape))
    for got, had in zip((u, v), list(frame.components)[1:], strict=True):
        across, down = had.shape[1] / got.shape[1], had.shape[0] / got.shape[0]
        x = 0.25 - 0.25 * across if siting != "center" else 0.0
        down = 0.25 - 0.25 * down if siting == "topleft" else 0.0
        check(got, by_hand(had, got.shape[0], got.shape[1], down, x))


@pytest.mark.parametrize(
    "pix_fmt",
    ["gray", "nv12", "yuvj420p", "yuv422p10le", "p010le", "yuyv422", "yuva420p", "rgb24", "bgr0", "gbrp12le", "rgba",
     "rgb48be", "ya8", "yuv444p16le", "yuv440p", "yuv411p", "gray16be"],
)  # fmt: skip
def test_every_format(pix_fmt: str) -> None:
    frame = waves(pix_fmt, 40, 24)
    way = Plan(2, 0, (40, 24), (60, 30))
    out = Frame.blank(pix_fmt, 60, 30)
    SizedUpscaler(Same(), lambda _: Same(), frame.layout, pix_fmt, "left", way)(frame, out)
    level = (1 << frame.layout.bits) / 256
    for part, got, had in zip(frame.layout.components, out.components, frame.components, strict=True):
        if part.role == "chroma" and frame.layout.sub_x > 0:
            shift = (0.5 - 0.5 / (1 << frame.layout.sub_x)) * (1 - had.shape[1] / got.shape[1])
        else:
            shift = 0.0
        check(got >> part.shift, by_hand(had >> part.shift, got.shape[0], got.shape[1], 0.0, shift), level)


def test_the_network_comes_first_and_fewer_bits_last() -> None:
    frame = waves("yuv420p10le", 40, 24)
    way = plan(as_size(1.5), 2, 40, 24)
    out = Frame.blank("yuv420p", *way.target)
    SizedUpscaler(load("tiny"), lambda s: load_chroma(2, s), frame.layout, "yuv420p", "left", way)(frame, out)
    luma = load("tiny")(next(frame.components), 10)
    check(next(out.components), by_hand(luma, 36, 60) / 4, 1.2)


def test_two_passes_are_the_network_on_its_own_result() -> None:
    frame = waves("yuv420p", 40, 24)
    net = load("tiny")
    with Stream("tiny", size=4) as stream:
        big = stream(frame)
    assert (big.width, big.height) == (160, 96)
    y, u, _ = big.components
    np.testing.assert_array_equal(y, net(net(next(frame.components))))
    np.testing.assert_array_equal(u, load_chroma(2, "left")(load_chroma(2, "left")(list(frame.components)[1])))


def test_streams_give_exactly_the_size_that_is_asked_for() -> None:
    colour, base = Colour(1, 13, 5, True), Fraction(1, 25)
    with Stream("tiny", size=(75, 41)) as stream:
        for pix_fmt, size in (("nv12", (40, 24)), ("yuv420p", (64, 36)), ("yuv420p", (150, 82)), ("rgb24", (75, 41))):
            made = stream(waves(pix_fmt, *size, colour=colour, pts=3, time_base=base))
            assert (made.width, made.height, made.layout.name) == (75, 41, pix_fmt)
            assert (made.colour, made.pts, made.time_base) == (colour, 3, base)
        spare = Frame.blank("yuv420p", 75, 41)
        assert stream(waves("yuv420p", 40, 24), spare).planes is spare.planes
        with pytest.raises(UserError, match="64x48"):
            stream(waves("yuv420p", 40, 24), Frame.blank("yuv420p", 64, 48))
    with pytest.raises(UserError, match="closed"):
        stream(waves("nv12", 40, 24))
    with Stream("tiny", size=Size(fit=(99, 99))) as stream:
        assert stream(waves("gray", 40, 24)).height == 59


def test_every_level_of_a_ladder_gives_that_size() -> None:
    costs = [10, 10, 0, 10, 0, 0, 0]
    with GovernedStream({"tiny": "tiny", "bicubic": "bicubic"}, us_per_mpx=costs, size=(96, 54)) as stream:
        seen = {stream(waves("yuv420p", 64, 36 + 2 * (n % 2))).frame.format.width for n in range(6)}
        assert seen == {96}
        assert stream(waves("yuv420p", 64, 36)).frame.height == 54


def test_planes_of_pictures_are_resized_in_double_precision() -> None:
    plane = (waves("gray16le", 50, 40).to_array()).astype(np.uint16)
    assert np.abs(resized(plane, 75, 60)[4:-4, 4:-4] - by_hand(plane, 60, 75)[4:-4, 4:-4]).max() <= 0.51
    assert np.abs(resized(plane, 20, 30)[8:-8, 8:-8] - by_hand(plane, 30, 20)[8:-8, 8:-8]).max() <= 0.51
    white = np.full((9, 7), 255, np.uint8)
    assert (resized(white, 20, 5) == 255).all()


def test_a_plan_is_for_frames_of_its_size() -> None:
    sized = SizedUpscaler(Same(), lambda _: Same(), layout_of("gray"), "gray", "left", Plan(2, 0, (8, 8), (9, 9)))
    with pytest.raises(UserError, match="the plan is from"):
        sized(Frame.blank("gray", 8, 9), Frame.blank("gray", 9, 9))
