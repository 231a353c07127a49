"""Parts of videos, comparisons and interlaced video, as they are typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from cli_samples import make_clip, smooth
from PIL import Image

from pocketsr import load, upscale_image
from pocketsr.engine import load_chroma

Run = Callable[..., Any]
TINY = ("-m", "tiny", "-j", "1")


def frames_of(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


@pytest.mark.parametrize("part", [("--start", "0.2", "--duration", "0.12"), ("--start=0:00:00.2", "--duration=.12s")])
def test_a_part_of_a_video(pocketsr: Run, tmp_path: Path, clip: Path, part: tuple[str, ...]) -> None:
    whole, out = tmp_path / "whole.mkv", tmp_path / "part.mkv"
    assert pocketsr("upscale", clip, "-o", whole, "--codec", "ffv1", *TINY).code == 0
    done = pocketsr("upscale", clip, "-o", out, "--codec", "ffv1", *part, *TINY)
    assert (done.code, done.out, done.err) == (0, f"{out}: 96x64\n", "")
    wanted = [frame.to_ndarray() for frame in frames_of(whole)[5:8]]
    np.testing.assert_array_equal([frame.to_ndarray() for frame in frames_of(out)], wanted)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--start", "1:75"), "--start 1:75: seconds or H:MM:SS are expected, as in --start 90.5 or --start 0:01:30.5"),
        (("--start", "1:60:00"), "--start 1:60:00: seconds or H:MM:SS are expected"),
        (("--start=-1",), "--start -1: seconds or H:MM:SS are expected"),
        (("--duration", "1e3"), "--duration 1e3: seconds or H:MM:SS are expected"),
        (("--duration", "0"), "--start, --duration: duration 0: more than 0 to 10,000,000 seconds are expected"),
        (("--start", "99999999"), "--start, --duration: start 1e+08: 0 to 10,000,000 seconds are expected"),
        (("--start", "0:00:05"), "ends after 0.48 s, before --start 5"),
    ],
)
def test_parts_that_there_are_not(
    pocketsr: Run, tmp_path: Path, clip: Path, options: tuple[str, ...], line: str
) -> None:  # fmt: skip
    done = pocketsr("upscale", clip, "-o", tmp_path / "out.mp4", *options, *TINY)
    assert (done.code, done.out) == (2, "")
    assert line in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "out.mp4").exists()


def test_a_part_is_of_videos(pocketsr: Run, tmp_path: Path, photo: Path) -> None:
    for option in (("--start", "1"), ("--deinterlace",)):
        done = pocketsr("upscale", photo, "-o", tmp_path / "out.png", *option)
        assert (done.code, done.err) == (
            2, f"pocketsr: {option[0]} is for videos and {photo} is an image: leave it out\n"
        )  # fmt: skip


def test_a_picture_beside_bicubic_interpolation(pocketsr: Run, tmp_path: Path) -> None:
    pixels = smooth(60, 80)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    done = pocketsr("upscale", tmp_path / "photo.png", "-o", tmp_path / "both.png", "--compare", *TINY)
    assert (done.code, done.out) == (0, f"{tmp_path / 'both.png'}: 320x120\n")
    made = np.asarray(Image.open(tmp_path / "both.png"))
    below = slice(30, None)  # the labels
    np.testing.assert_array_equal(made[below, 160:], upscale_image(pixels, load("tiny"))[below])
    bicubic = upscale_image(pixels, load_chroma(scale=2, siting="center"))
    np.testing.assert_array_equal(made[below, :160], bicubic[below])
    for left, other in ((0, bicubic), (160, upscale_image(pixels, load("tiny")))):
        corner = made[:14, left : left + 30]
        assert (corner != other[:14, :30]).any(axis=2).mean() > 0.7
        assert corner.max() > 230  # ink


def test_a_video_beside_bicubic_interpolation(pocketsr: Run, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=3, width=96, height=80)
    alone, both = tmp_path / "alone.mkv", tmp_path / "both.mkv"
    assert pocketsr("upscale", clip, "-o", alone, "--codec", "ffv1", *TINY).code == 0
    done = pocketsr("upscale", clip, "-o", both, "--codec", "ffv1", "--compare", *TINY)
    assert (done.code, done.out) == (0, f"{both}: 384x160\n")
    for one, two in zip(frames_of(alone), frames_of(both), strict=True):
        assert (two.width, two.height, two.format.name) == (384, 160, "yuv420p")
        luma, joined = one.to_ndarray()[:160], two.to_ndarray()[:160]
        np.testing.assert_array_equal(joined[40:, 192:], luma[40:])
        assert (joined[:12, 192:212] != luma[:12, :20]).mean() > 0.9
        assert 0 < np.abs(joined[40:, :192].astype(int) - luma[40:]).mean() < 20


def test_comparisons_keep_the_shape_of_pixels_and_go_to_any_size(pocketsr: Run, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=2, width=96, height=80)
    done = pocketsr("upscale", clip, "-o", tmp_path / "out.mp4", "--compare", "-s", "1.5", *TINY)
    assert (done.code, done.out) == (0, f"{tmp_path / 'out.mp4'}: 288x120\n")
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert made.streams.video[0].sample_aspect_ratio in (None, 1)
    piped = tmp_path / "photo.jpg"
    Image.fromarray(smooth(40, 60)).save(piped)
    done = pocketsr("upscale", piped, "-o", tmp_path / "photo2.jpg", "--compare", "--height", "100", *TINY)
    assert (done.code, done.out) == (0, f"{tmp_path / 'photo2.jpg'}: 300x100\n")
