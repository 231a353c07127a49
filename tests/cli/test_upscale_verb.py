from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from cli_samples import command_line
from PIL import Image

from pocketsr.models import resolve

Run = Callable[..., Any]
STAGES = ("decode_ms", "upscale_ms", "encode_ms")


def _size(path: Path) -> tuple[int, int, int]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return len(frames), frames[0].width, frames[0].height


@pytest.mark.parametrize("model", ["tiny", "small", "bicubic"])
def test_image(pocketsr: Run, photo: Path, model: str) -> None:
    out = photo.with_name("big.png")
    done = pocketsr("upscale", photo, "-o", out, "-m", model, "-s", 2, "-j", 1)
    assert (done.code, done.out, done.err) == (0, f"{out}: 44x30\n", "")  # no bar when piped
    with Image.open(out) as image, Image.open(photo) as source:
        assert image.size == (44, 30)
        small = np.asarray(image).astype(int).reshape(15, 2, 22, 2, 3).mean(axis=(1, 3))
        assert np.abs(small - np.asarray(source)).mean() < 12  # it is that picture, larger


def test_video(pocketsr: Run, clip: Path) -> None:
    out = clip.with_name("big.mp4")
    done = pocketsr("upscale", clip, "-o", out, "-m", "tiny", "--crf", 20, "--preset", "ultrafast", "--codec", "h264")
    assert (done.code, done.out, done.err) == (0, f"{out}: 96x64\n", "")
    assert _size(out) == (12, 96, 64)


def test_onnx_file(pocketsr: Run, photo: Path) -> None:
    network = photo.with_name("mine.onnx")
    shutil.copy(resolve("tiny"), network)
    out, same = photo.with_name("a.png"), photo.with_name("b.png")
    assert pocketsr("upscale", photo, "-o", out, "-m", network).code == 0
    assert pocketsr("upscale", photo, "-o", same, "-m", "tiny").code == 0
    assert out.read_bytes() == same.read_bytes()


@pytest.mark.parametrize("kind", ["photo", "clip"])
def test_benchmark_json(pocketsr: Run, photo: Path, clip: Path, kind: str) -> None:
    source = {"photo": photo, "clip": clip}[kind]
    before = sorted(source.parent.iterdir())
    done = pocketsr("upscale", source, "--benchmark", "--json", "-m", "tiny")
    assert (done.code, done.err) == (0, "")
    figures = json.loads(done.out)  # fails if anything else is printed
    assert done.out.count("\n") == 1
    assert set(figures) == {"frames", "seconds", "fps", "computed_share", *STAGES}
    assert figures["frames"] == (1 if kind == "photo" else 12)
    assert figures["fps"] == pytest.approx(figures["frames"] / figures["seconds"], rel=0.01)
    for stage in STAGES:
        assert set(figures[stage]) == {"p50", "p99"}
        assert 0 < figures[stage]["p50"] <= figures[stage]["p99"]
    assert sorted(source.parent.iterdir()) == before


def test_benchmark_table(pocketsr: Run, clip: Path) -> None:
    done = pocketsr("upscale", clip, "--benchmark", "-m", "tiny")
    assert done.code == 0
    assert "12 frames in" in done.out
    *table, computed = done.out.splitlines()[1:]
    assert [line.split()[0] for line in table] == ["stage", "decode", "upscale", "encode"]
    assert "of the blocks computed" in computed


def test_existing_output_needs_y(pocketsr: Run, photo: Path, clip: Path) -> None:
    for source, name in ((photo, "there.png"), (clip, "there.mp4")):
        out = source.with_name(name)
        out.write_text("precious")
        refused = pocketsr("upscale", source, "-o", out, "-m", "tiny")
        assert refused.code == 2
        assert "-y" in refused.err
        assert out.read_text() == "precious"
        assert pocketsr("upscale", source, "-o", out, "-m", "tiny", "-y").code == 0
        assert out.stat().st_size > len("precious")


def test_warnings_are_one_line_each(pocketsr: Run, tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4)).save(tmp_path / "a.jpg")
    done = pocketsr("upscale", tmp_path / "a.jpg", "-o", tmp_path / "b.png", "-m", "tiny")
    assert done.code == 0
    assert done.err == f"pocketsr: warning: {tmp_path / 'a.jpg'}: converted from CMYK to RGB\n"


def test_default_network_is_small(pocketsr: Run, photo: Path) -> None:
    a, b = photo.with_name("a.png"), photo.with_name("b.png")
    assert pocketsr("upscale", photo, "-o", a).code == 0
    assert pocketsr("upscale", photo, "-o", b, "-m", "small").code == 0
    assert a.read_bytes() == b.read_bytes()


def test_progress_on_a_terminal(clip: Path) -> None:
    command = command_line("upscale", clip, "-o", clip.with_name("out.mp4"), "-m", "tiny")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = ""
    with contextlib.suppress(OSError):  # the terminal is gone when the program is
        while part := os.read(ours, 65536):
            shown += part.decode()
    os.close(ours)
    printed, _ = running.communicate()
    assert running.returncode == 0
    assert printed.endswith(b"out.mp4: 96x64\n")
    assert "clip.mp4: 100%" in shown
    assert "12/12" in shown
    assert "frames/s" in shown
