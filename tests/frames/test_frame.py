"""A frame is a view of what it is made of, whatever its format."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from av import VideoFrame

from pocketsr import UserError
from pocketsr.frames import Colour, Frame, layout_of


def test_planes_and_their_size() -> None:
    y, u, v = np.zeros((5, 7), np.uint8), np.ones((3, 4), np.uint8), np.full((3, 4), 2, np.uint8)
    frame = Frame.from_planes("i420", [y, u, v], pts=3, time_base=Fraction(1, 30))
    assert (frame.width, frame.height, frame.layout.name) == (7, 5, "yuv420p")
    assert [(part.shape, int(part[0, 0])) for part in frame.components] == [((5, 7), 0), ((3, 4), 1), ((3, 4), 2)]
    y[4, 6] = 9
    assert next(frame.components)[4, 6] == 9  # no copy
    assert repr(frame) == "<Frame 7x5 yuv420p, pts 3>"


def test_semi_planar_and_packed_components_are_views() -> None:
    luma = np.arange(48, dtype=np.uint8).reshape(6, 8)
    pairs = np.arange(24, dtype=np.uint8).reshape(3, 4, 2)
    y, u, v = Frame.from_planes("nv12", [luma, pairs]).components
    np.testing.assert_array_equal(u, pairs[..., 0])
    np.testing.assert_array_equal(v, pairs[..., 1])
    assert np.shares_memory(y, luma)
    assert np.shares_memory(v, pairs)
    rgb = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    frame = Frame.from_array("bgr", rgb)
    for colour, part in zip((2, 1, 0), frame.components, strict=True):
        np.testing.assert_array_equal(part, rgb[..., colour])
    assert np.shares_memory(frame.to_array(), rgb)
    np.testing.assert_array_equal(frame.to_array(), rgb)


@pytest.mark.parametrize("pix_fmt", ["nv12", "yuv420p", "yuv422p10le", "p010le", "gray", "rgb24", "yuyv422", "gbrp"])
def test_the_bytes_of_a_camera_and_frames_of_pyav_agree(pix_fmt: str) -> None:
    width, height = 38, 22
    blank = Frame.blank(pix_fmt, width, height)
    size = sum(plane.nbytes for plane in blank.planes)
    data = np.random.default_rng(1).integers(0, 4, size, np.uint8).tobytes()
    frame = Frame.from_buffer(pix_fmt, data, width, height, colour=Colour(1, 1, 1, True), pts=5)
    av_frame = frame.to_av()
    assert av_frame.format.name == pix_fmt
    assert (av_frame.colorspace, av_frame.color_range, av_frame.pts) == (1, 2, 5)
    back = Frame.from_av(av_frame)
    assert back.colour == frame.colour
    for a, b in zip(frame.components, back.components, strict=True):
        np.testing.assert_array_equal(a, b)
    assert back.to_av() is av_frame


def test_a_view_of_pyavs_frame_writes_into_it() -> None:
    made = VideoFrame(16, 8, "yuv420p")
    for part in Frame.from_av(made).components:
        part[...] = 77
    assert set(made.to_ndarray().ravel().tolist()) == {77}


def test_what_does_not_fit_is_said() -> None:
    y = np.zeros((4, 4), np.uint8)
    with pytest.raises(UserError, match="yuv420p has 3 planes, 2 are given"):
        Frame.from_planes("i420", [y, y])
    with pytest.raises(UserError, match=r"plane 1 of yuv420p is \(1, 2\) uint8.*needs \(2, 2\)"):
        Frame.from_planes("i420", [y, y[:1, :2], y])
    with pytest.raises(UserError, match="yuv420p10le has rows of uint16"):
        Frame.from_planes("yuv420p10le", [y])
    with pytest.raises(UserError, match="has 24 bytes, 16 are given"):
        Frame.from_buffer("i420", y, 4, 4)
    with pytest.raises(UserError, match="pixel format pal8 is not taken"):
        Frame.from_planes("pal8", [y])
    with pytest.raises(UserError, match="is empty"):
        Frame.blank("i420", 0, 4)
    with pytest.raises(UserError, match="is planar"):
        Frame.blank("i420", 4, 4).to_array()
    assert layout_of("nv12").planes == 2
