"""With the real engine: what the pipeline makes is what the networks make of each plane."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clipmaker import Clip, decode, samples, times

from pocketsr.engine import load, load_chroma, repeat_edges
from pocketsr.video import Siting, Upscaler, VideoOptions, upscale_video


def chroma(siting: Siting) -> Upscaler:
    return load_chroma(2, siting)


@pytest.mark.parametrize("size", [(64, 48), (33, 17), (1, 1), (2, 7)])
@pytest.mark.parametrize(
    ("pix_fmt", "siting"),
    [("yuv420p", "left"), ("yuv422p", "left"), ("yuv444p", "center"), ("yuv420p10le", "left"), ("gray", "center")],
)
def test_planes_go_through_the_networks(tmp_path: Path, size: tuple[int, int], pix_fmt: str, siting: Siting) -> None:
    clip = Clip(width=size[0], height=size[1], pix_fmt=pix_fmt, codec="rawvideo", options={})
    clip.time_base, clip.pts = Fraction(1, 1000), (7, 40, 99)
    source = clip.write(tmp_path / "in.nut")
    upscale_video(source, tmp_path / "out.nut", load("tiny"), chroma, VideoOptions(codec="rawvideo"))
    luma, colour = repeat_edges(load("tiny")), load_chroma(2, siting)
    bits = 10 if "10le" in pix_fmt else None
    for before, after in zip(decode(source), decode(tmp_path / "out.nut"), strict=True):
        assert after.format.name == pix_fmt
        for index, (a, b) in enumerate(zip(samples(before), samples(after), strict=True)):
            expected = (colour if index else luma)(a, bits)
            np.testing.assert_array_equal(b, expected[: b.shape[0], : b.shape[1]])
    assert times(tmp_path / "out.nut") == times(source)


def test_chroma_stays_where_it_lies(tmp_path: Path) -> None:
    """A colour edge and a brightness edge at one place stay at one place, for each siting of the samples."""
    width, height, edge = 64, 32, 32
    x = (np.arange(width) + 0.5 - edge)[None].repeat(height, 0)
    luma = np.clip(128 + 12 * x, 40, 216)  # a ramp through the edge: its middle can be found to a fraction
    for siting, offset in (("left", 0.0), ("center", 0.5)):
        at = np.arange(0, width, 2)[None].repeat(height // 2, 0) + offset + 0.5 - edge
        cb = np.clip(128 + 12 * at, 40, 216)
        planes = [np.round(p).astype(np.uint8) for p in (luma, cb, cb)]
        options = {"chroma_sample_location": siting, "preset": "veryfast", "qp": "0"}
        clip = Clip(width=width, height=height, time_base=Fraction(1, 1000), pts=(0, 40, 80), options=options)
        source = clip.write(tmp_path / "in.mkv", [planes] * 3)
        upscale_video(source, tmp_path / "out.mkv", load("bicubic"), chroma, VideoOptions(crf=1), overwrite=True)
        y, u, _ = (p[p.shape[0] // 2].astype(float) for p in samples(decode(tmp_path / "out.mkv")[1]))
        middle_y = np.interp(128, y, np.arange(2 * width) + 0.5)
        middle_u = np.interp(128, u, np.arange(0, 2 * width, 2) + 0.5 + offset)
        assert middle_y == pytest.approx(2 * edge, abs=0.1)
        assert middle_u == pytest.approx(2 * edge, abs=0.1), siting


def test_a_real_clip(tmp_path: Path, shared_data: Path) -> None:
    """People walking: sharper than the input enlarged by repetition, and every frame at its time."""
    source = shared_data / "clips" / "carphone_pristine.mp4"
    report = upscale_video(source, tmp_path / "out.mp4", load("tiny"), chroma)
    assert times(tmp_path / "out.mp4") == times(source)
    assert report.frames == 120
    assert report.size == (352, 288)
    before, after = (
        samples(decode(source)[50])[0].astype(float),
        samples(decode(tmp_path / "out.mp4")[50])[0].astype(float),
    )
    halved = (after[::2, ::2] + after[1::2, ::2] + after[::2, 1::2] + after[1::2, 1::2]) / 4
    assert np.abs(halved - before).mean() < 2
