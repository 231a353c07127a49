"""Animated pictures on the command line: by themselves, into and out of videos, in folders and pipes."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from cli_samples import command_line, smooth
from PIL import Image

from pocketsr.engine import load

Run = Callable[..., Any]
TINY = ("-m", "tiny", "-j", "1")


@pytest.fixture
def moving(tmp_path: Path) -> Path:
    load("tiny")
    frames = [Image.fromarray(smooth(20, 30, 40 * index)) for index in range(3)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:], duration=[40, 200, 60], loop=0)
    return tmp_path / "moving.gif"


def durations(file: Any) -> list[int]:
    with Image.open(file) as image:
        made = []
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            made.append(round(image.info["duration"]))
        return made


@pytest.mark.parametrize("name", ["out.gif", "out.webp", "out.apng", "out.png", "out.avif"])
def test_animations(pocketsr: Run, tmp_path: Path, moving: Path, name: str) -> None:
    done = pocketsr("upscale", moving, "-o", tmp_path / name, *TINY)
    assert (done.code, done.out, done.err) == (0, f"{tmp_path / name}: 60x40\n", "")
    assert durations(tmp_path / name) == [40, 200, 60]


def test_to_a_video_and_back(pocketsr: Run, tmp_path: Path, moving: Path) -> None:
    done = pocketsr("upscale", moving, "-o", tmp_path / "out.mp4", "--crf", "12", *TINY)
    assert (done.code, done.out, done.err) == (0, f"{tmp_path / 'out.mp4'}: 60x40\n", "")
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert [round(1000 * frame.time) for frame in made.decode(video=0)] == [0, 40, 240]
    for name in ("back.gif", "back.webp"):
        done = pocketsr("upscale", tmp_path / "out.mp4", "-o", tmp_path / name, "-s", "1.5", *TINY)
        assert (done.code, done.out) == (0, f"{tmp_path / name}: 90x60\n")
        assert durations(tmp_path / name)[:2] == [40, 200]  # of the last frame MP4 has none where there are B-frames


def test_a_part_beside_bicubic_interpolation(pocketsr: Run, tmp_path: Path, moving: Path) -> None:
    done = pocketsr("upscale", moving, "-o", tmp_path / "out.gif", "--start", "0.1", "--compare", *TINY)
    assert (done.code, done.out) == (0, f"{tmp_path / 'out.gif'}: 120x40\n")
    assert durations(tmp_path / "out.gif") == [140, 60]


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("out.jpg", (), "is animated, and out.jpg would hold one picture: use .gif, .webp, .png, .avif or .mp4"),
        ("out.gif", ("--codec", "h264"), "--codec is for videos, and out.gif is an animated picture: leave it out"),
        ("out.gif", ("--deinterlace",), "--deinterlace is for videos and"),
        ("out.gif", ("--start", "5"), "moving.gif ends after 0.30 s, before --start"),
    ],
)
def test_what_animations_are_not(
    pocketsr: Run, tmp_path: Path, moving: Path, name: str, options: tuple[str, ...], line: str
) -> None:  # fmt: skip
    done = pocketsr("upscale", moving, "-o", tmp_path / name, *options, *TINY)
    assert (done.code, done.out) == (2, "")
    assert line in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / name).exists()


def test_animations_in_folders_keep_their_names(pocketsr: Run, tmp_path: Path, moving: Path, clip: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    moving.rename(folder / "moving.gif")
    clip.rename(folder / "clip.mp4")
    Image.fromarray(smooth(8, 8)).save(folder / "still.gif")
    assert pocketsr("upscale", folder, "-o", tmp_path / "out", *TINY).code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip.mp4", "moving.gif", "still.gif.png"]
    (folder / "still.gif").unlink()
    assert pocketsr("upscale", folder, "-o", tmp_path / "gifs", "--format", "gif", *TINY).code == 0
    assert sorted(path.name for path in (tmp_path / "gifs").iterdir()) == ["clip.gif", "moving.gif"]
    assert pocketsr("upscale", folder / "moving.gif", "--benchmark", *TINY).code == 0


def test_animations_in_pipes(moving: Path, clip: Path) -> None:
    def piped(data: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
        command = command_line("upscale", "-", "-o", "-", *options, *TINY)
        return subprocess.run(command, input=data, capture_output=True, check=False)

    done = piped(moving.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"GIF89a")
    assert durations(io.BytesIO(done.stdout)) == [40, 200, 60]
    done = piped(clip.read_bytes(), "--format", "webp")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout[8:12] == b"WEBP"
    done = piped(moving.read_bytes(), "--format", "mkv")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"\x1a\x45\xdf\xa3")
