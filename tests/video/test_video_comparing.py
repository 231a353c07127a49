"""Two enlargements side by side: as players show them, in every kind of samples."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clipmaker import Clip, Repeat, decode, samples, upscale

ONE = 1 << 16
TURNS = {
    0: (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30),
    3: (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30),  # a phone's portrait: to the right by 90 degrees
    2: (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30),
    1: (0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30),
}
LABEL = 40  # rows


@pytest.mark.parametrize("turns", TURNS)
def test_side_by_side_is_meant_as_it_is_seen(tmp_path: Path, turns: int) -> None:
    def turned(_: Any, stream: Any) -> None:
        stream.set_display_matrix(TURNS[turns])

    source = Clip(width=160, height=128, pts=range(0, 2 * 512, 512)).write(tmp_path / "in.mp4", setup=turned)
    alone, both = tmp_path / "alone.mp4", tmp_path / "both.mp4"
    upscale(source, alone, crf=0)
    report = upscale(source, both, crf=0, beside=Repeat(2), name="net")
    assert report.size == ((320, 512) if turns % 2 else (640, 256))
    for one, two in zip(decode(alone), decode(both), strict=True):
        plain, joined = (np.rot90(samples(frame)[0], turns) for frame in (one, two))
        assert joined.shape == (plain.shape[0], 2 * plain.shape[1])
        width = plain.shape[1]
        for pane in (joined[:, :width], joined[:, width:]):
            np.testing.assert_array_equal(pane[LABEL:], plain[LABEL:])
            assert (pane[:12, :24] != plain[:12, :24]).mean() > 0.8


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuva420p", "bgr0", "gbrp10le", "gray", "yuv444p12le"])
def test_kinds_of_samples(tmp_path: Path, pix_fmt: str) -> None:
    source = Clip(width=160, height=128, pix_fmt=pix_fmt, codec="ffv1", options={}, pts=range(2), rate=Fraction(25))
    source.time_base = Fraction(1, 25)
    path = source.write(tmp_path / "in.mkv")
    alone, both = tmp_path / "alone.mkv", tmp_path / "both.mkv"
    for target, how in ((alone, {}), (both, {"beside": Repeat(2)})):
        upscale(path, target, codec="ffv1", **how)
    for one, two in zip(decode(alone), decode(both), strict=True):
        assert one.format.name == two.format.name
        for plane, joined in zip(samples(one), samples(two), strict=True):
            width = plane.shape[1]
            np.testing.assert_array_equal(joined[LABEL:, :width], plane[LABEL:])
            np.testing.assert_array_equal(joined[LABEL:, width:], plane[LABEL:])


def test_the_shape_of_pixels_stays(tmp_path: Path) -> None:
    source = Clip(tags={"sample_aspect_ratio": Fraction(4, 3)}, pts=range(0, 2 * 512, 512)).write(tmp_path / "in.mp4")
    upscale(source, tmp_path / "out.mp4", beside=Repeat(2))
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert made.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
