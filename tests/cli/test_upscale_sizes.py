"""`upscale` to any size: files of the size that was asked for, said in one line."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

import pocketsr as api
from pocketsr.cli._screen import largest_connected
from pocketsr.cli._size import asked_size
from pocketsr.cli.main import _parser

Run = Callable[..., Any]


def _video(path: Path) -> tuple[int, int, int, Fraction | None]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return len(frames), frames[0].width, frames[0].height, container.streams.video[0].sample_aspect_ratio


@pytest.mark.parametrize(
    ("options", "expected", "said"),
    [
        (["-s", "1.5"], (72, 48, None), "2x by tiny, then 96x64 to 72x48 by bicubic"),
        (["-s", "3"], (144, 96, None), "2x by tiny, then 96x64 to 144x96 by bicubic"),
        (["-s", "4x"], (192, 128, None), "2x by tiny twice"),
        (["--size", "96x96"], (96, 96, Fraction(3, 2)), "96x64 to 96x96 by bicubic, shown with pixels of 3/2"),
        (["--height", "51"], None, "takes no yuv420p of 76x51 (odd): ask for 76x50"),
        (["--height", "50"], (76, 50, None), "2x by tiny, then 96x64 to 76x50 by bicubic"),
        (["--width", "40"], (40, 26, None), "48x32 to 40x26 by bicubic"),
        (["--fit", "100x1000"], (100, 66, None), "2x by tiny twice"),
        (["--fit", "99x1000"], (98, 66, None), "2x by tiny twice"),
        (["--width", "96", "--height", "64"], (96, 64, None), ""),
    ],
)
def test_videos(pocketsr: Run, clip: Path, options: list[str], expected: tuple | None, said: str) -> None:
    done = pocketsr("upscale", clip, "-o", clip.with_name("out.mp4"), "-m", "tiny", "-j", 1, *options)
    if expected is None:
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert said in done.err
        assert not clip.with_name("out.mp4").exists()
        return
    assert done.code == 0, done.err
    assert _video(clip.with_name("out.mp4")) == (12, *expected)
    if "twice" not in said:
        assert (f"clip.mp4: {said}" if said.startswith("2x") or "fit" in said else said) in done.err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-s", "1.5"], (33, 23)), (["-s", "3"], (66, 45)), (["--height", "100"], (147, 100)),
        (["--fit", "720p"], (1056, 720)), (["--size", "147x100"], (147, 100)), (["--width", "11"], (11, 8)),
    ],
)  # fmt: skip
def test_pictures(pocketsr: Run, photo: Path, options: list[str], expected: tuple[int, int]) -> None:
    done = pocketsr("upscale", photo, "-o", photo.with_name("out.png"), "-m", "tiny", "-j", 1, *options)
    assert (done.code, done.err.count("\n")) == (0, 1), done.err
    assert "photo.png: " in done.err
    assert " by bicubic" in done.err
    with Image.open(photo.with_name("out.png")) as image:
        assert image.size == expected


def test_a_turned_photo_keeps_its_data_true(pocketsr: Run, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274], exif[256], exif[257] = 6, 40, 20
    Image.new("RGB", (40, 20), (9, 90, 200)).save(tmp_path / "a.jpg", exif=exif)
    done = pocketsr("upscale", tmp_path / "a.jpg", "-o", tmp_path / "b.jpg", "-m", "tiny", "-j", 1, "--height", 100)
    assert done.code == 0, done.err
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.size == (50, 100)  # upright
        made = image.getexif()
        assert (made[274], made[256], made[257]) == (1, 50, 100)


def test_a_folder(pocketsr: Run, tmp_path: Path, photo: Path, clip: Path) -> None:
    (tmp_path / "in").mkdir()
    photo.rename(tmp_path / "in" / "photo.png")
    clip.rename(tmp_path / "in" / "clip.mp4")
    done = pocketsr("upscale", tmp_path / "in", "-o", tmp_path / "out", "-m", "tiny", "-j", 1, "--height", 80)
    assert done.code == 0, done.err
    assert _video(tmp_path / "out" / "clip.mp4")[1:3] == (120, 80)
    with Image.open(tmp_path / "out" / "photo.png") as image:
        assert image.size == (117, 80)


def test_the_library_takes_sizes_too(tmp_path: Path, clip: Path) -> None:
    grey = np.arange(200, dtype=np.uint8).reshape(10, 20)
    assert api.upscale_image(grey, "tiny", size=1.5).shape == (15, 30)
    assert api.upscale_image(np.dstack([grey] * 4), "tiny", size=(50, 9)).shape == (9, 50, 4)
    assert api.upscale_image(np.dstack([grey] * 3), "tiny", size=(None, 40)).shape == (40, 80, 3)
    assert (api.upscale_image(np.full((8, 8, 4), 255, np.uint8), "tiny", size=1.5) == 255).all()
    report = api.upscale_video(clip, tmp_path / "o.mkv", "tiny", size=api.Size(fit=(100, 100)))
    assert (report.size, report.steps) == ((100, 66), "2x by tiny, then 96x64 to 100x66 by bicubic")
    with pytest.raises(api.ArgumentTypeError, match="size is of type str"):
        api.upscale_video(clip, tmp_path / "p.mkv", "tiny", size="1080p")
    assert not (tmp_path / "p.mkv").exists()


def test_the_screen_is_the_largest_that_is_connected(tmp_path: Path) -> None:
    assert largest_connected(tmp_path) is None
    for name, status, modes in (
        ("card0-DP-1", "connected", "1920x1080\n1280x720\n"), ("card0-HDMI-A-1", "disconnected", ""),
        ("card1-DP-2", "connected", "2560x1440\n3840x2160i\n"), ("card1-DP-3", "connected", ""),
    ):  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / "status").write_text(f"{status}\n")
        (tmp_path / name / "modes").write_text(modes)
    assert largest_connected(tmp_path) == (2560, 1440)
    args = _parser().parse_args(["upscale", "x", "--fit", "screen"])
    assert asked_size(args, lambda: (2560, 1440)) == api.Size(fit=(2560, 1440))
    with pytest.raises(api.UserError, match="--fit screen: no screen was found: say its size"):
        asked_size(args, lambda: None)
