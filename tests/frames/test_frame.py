"""A frame is a view of what it is made of, whatever its format."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from av import VideoFrame

from pocketsr import UserError
from pocketsr.frames import Colour, Frame, layout_of
from pocketsr.video.source import _chroma_location


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
    with pytest.raises(UserError, match="pixel format pal8 is not supported"):
        Frame.from_planes("pal8", [y])
    with pytest.raises(UserError, match="is empty"):
        Frame.blank("i420", 0, 4)
    with pytest.raises(UserError, match="is planar"):
        Frame.blank("i420", 4, 4).to_array()
    assert layout_of("nv12").planes == 2


def _where(frame: VideoFrame) -> int:
    return frame.planes[0].buffer_ptr


@pytest.mark.parametrize(
    "pix_fmt",
    ["yuv420p", "nv12", "yuv422p", "yuv444p", "gray", "yuv420p10le", "p010le", "gray16le", "yuv444p16le", "rgb24",
     "rgb48le", "gbrp", "yuyv422", "yuvj420p"],
)  # fmt: skip
@pytest.mark.parametrize("owned", [False, True])
def test_a_frame_goes_to_pyav_as_it_says_it_is(pix_fmt: str, owned: bool) -> None:
    frame = Frame.blank(pix_fmt, 38, 22)
    rng = np.random.default_rng(3)
    for part, samples in zip(frame.layout.components, frame.components, strict=True):
        samples[...] = rng.integers(0, 1 << frame.layout.bits, samples.shape) << part.shift
    first = frame.to_av()
    first.color_range, first.pts, first.time_base = 1, 77, Fraction(1, 90000)
    if owned:
        frame = Frame.from_av(first)
    colour = Colour(9, 16, 9, True)
    for siting in ("center", "topleft", "left"):
        meant = replace(frame, colour=colour, siting=siting, pts=5, time_base=Fraction(1001, 30000), duration=2)
        made = meant.to_av()
        assert (made.pts, made.time_base, made.duration) == (5, Fraction(1001, 30000), 2)
        assert (made.color_primaries, made.color_trc, made.colorspace, made.color_range) == (9, 16, 9, 2)
        subsampled = meant.layout.kind == "yuv" and meant.layout.sub_x
        said = _chroma_location(made)
        assert not subsampled or said == siting or (siting == "left" and said == "unspecified")
        back = Frame.from_av(made, siting)
        assert (back.colour, back.pts, back.time_base, back.duration) == (colour, 5, Fraction(1001, 30000), 2)
        for a, b in zip(meant.components, back.components, strict=True):
            np.testing.assert_array_equal(a, b)
        assert (_where(made) == _where(first)) == owned  # nothing is copied of what PyAV holds
    assert (first.color_range, first.pts, first.time_base) == (1, 77, Fraction(1, 90000))  # and it is left as it was
    assert frame.at(None, None).to_av().pts is None


def test_another_picture_in_the_same_memory_is_copied() -> None:
    made = VideoFrame(16, 8, "gray")
    frame = Frame.from_av(made)
    frame.planes[0][...] = np.arange(8, dtype=np.uint8)[:, None]
    lower = replace(frame, height=4, planes=(frame.planes[0][4:],))
    copied = lower.to_av()
    assert (copied.width, copied.height) == (16, 4)
    assert copied.to_ndarray()[:, 0].tolist() == [4, 5, 6, 7]


def test_what_frames_have_in_common() -> None:
    a, b = (Frame.blank("i420", 8, width) for width in (6, 8))
    assert a.format != b.format
    assert a.format == a.at(3, None).format
    assert (str(a.format), a.format.pix_fmt, a.format.width) == ("8x6 yuv420p", "yuv420p", 8)
