"""`upscale --codec-aware`: what it takes where, in a line; and what it can't go with."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import pocketsr.bench
from pocketsr.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "video"))
from coded_parts import coded_parts

FPS = 5


def video(path: Path, parts: Sequence[tuple[int, int]]) -> Path:
    """So many frames of a quantizer."""
    with Image.open(Path(pocketsr.bench.__file__).parent / "picture.webp") as image:
        photo = np.asarray(image.convert("L"))[100:196:2, ::2]
    return coded_parts(path, photo, parts, width=64, fps=FPS, step=1)


def test_a_line_says_what_it_took(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source, target = video(tmp_path / "in.ts", [(25, 3), (25, 48)]), tmp_path / "out.mkv"
    assert main(["upscale", str(source), "-o", str(target), "--codec-aware"]) == 0
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("pocketsr: ")]
    assert len(said) == 1
    first, then = said[0].removeprefix(f"pocketsr: {source}: ").split("; from 0:05 on ")
    assert first.startswith("H.264 of QP ")
    assert then.startswith(("H.264 of QP 4", "H.264 of QP 5"))
    assert first.endswith(": small")
    assert then.endswith((": small-call", ": bicubic"))
    with av.open(target) as container:
        frames = list(container.decode(video=0))
    assert (len(frames), frames[0].width, frames[0].height) == (50, 128, 96)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["-m", "small"], "leave out -m"),
        (["--strength", "0.5"], "leave out --strength"),
        (["--start", "1"], "leave out --start"),
        (["--ray"], "--ray"),
    ],
)
def test_what_it_cannot_go_with(
    more: list[str], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    source = tmp_path / "in.mp4"
    source.write_bytes(b"anything")
    assert main(["upscale", str(source), "-o", str(tmp_path / "out.mkv"), "--codec-aware", *more]) == 2
    assert said in capfd.readouterr().err
    assert not (tmp_path / "out.mkv").exists()


def test_it_is_for_video_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    picture, text = tmp_path / "in.png", tmp_path / "in.mp4"
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(picture)
    text.write_text("no video")
    assert main(["upscale", str(picture), "-o", str(tmp_path / "out.png"), "--codec-aware"]) == 2
    assert "is an image" in capfd.readouterr().err
    assert main(["upscale", "-", "-o", str(tmp_path / "out.mkv"), "--codec-aware"]) == 2
    assert "leave it out for pipes" in capfd.readouterr().err
    assert main(["upscale", str(text), "-o", str(tmp_path / "out.mkv"), "--codec-aware"]) == 2
    assert capfd.readouterr().err.count("\n") == 1
