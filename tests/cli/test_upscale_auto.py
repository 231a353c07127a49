"""`upscale -m auto`, which is the default: one line says what it took for a source, and why."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from cli_samples import make_clip, smooth
from PIL import Image, ImageDraw, ImageFont

from pocketsr import UserError, load

Run = Callable[..., object]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    image = Image.new("RGB", (320, 160), (250, 250, 250))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(12)
    for line in range(9):
        draw.text((6, 4 + 17 * line), f"{line} the quick brown fox jumps over the lazy dog", (10, 10, 10), font)
    image.save(tmp_path / "page.png")
    return tmp_path / "page.png"


def test_it_is_the_default_and_says_so(pocketsr: Run, photo: Path) -> None:
    a, b, c = (photo.with_name(name) for name in ("a.png", "b.png", "c.png"))
    done = pocketsr("upscale", photo, "-o", a)
    assert (done.code, done.err) == (0, f"pocketsr: {photo}: lossless PNG: small\n")
    assert pocketsr("upscale", photo, "-o", b, "-m", "auto").err == done.err
    assert pocketsr("upscale", photo, "-o", c, "-m", "small").err == ""
    assert a.read_bytes() == b.read_bytes() == c.read_bytes()
    help_text = " ".join(pocketsr("upscale", "--help").out.split())
    assert "(default: auto)" in help_text


def test_a_jpeg_is_named_with_its_quality(pocketsr: Run, tmp_path: Path) -> None:
    Image.fromarray(smooth(64, 80)).save(tmp_path / "photo.jpg", quality=71)
    done = pocketsr("upscale", tmp_path / "photo.jpg", "-o", tmp_path / "big.png")
    assert done.code == 0
    assert done.err.startswith(f"pocketsr: {tmp_path / 'photo.jpg'}: JPEG of quality 71: ")
    assert done.err.count("\n") == 1


def test_text_is_named(pocketsr: Run, page: Path) -> None:
    done = pocketsr("upscale", page, "-o", page.with_name("big.png"))
    assert done.err.startswith(f"pocketsr: {page}: text and windows in lossless PNG: s")


def test_a_folder_chooses_file_by_file(pocketsr: Run, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(smooth(20, 30)).save(folder / "a.png")
    Image.fromarray(smooth(64, 80)).save(folder / "b.jpg", quality=50)
    make_clip(folder / "c.mp4", frames=4, width=48, height=32)
    (folder / "d.jpg").write_bytes(b"\xff\xd8\xffbroken")
    done = pocketsr("upscale", folder, "-o", tmp_path / "out")
    assert done.code == 2
    lines = done.err.splitlines()
    for name, why in (("a.png", "lossless PNG: small"), ("b.jpg", "JPEG of quality 50: "), ("c.mp4", "H.264 of QP ")):
        assert sum(line.startswith(f"pocketsr: {folder / name}: {why}") for line in lines) == 1, done.err
    assert sum(str(folder / "d.jpg") in line for line in lines) == 1  # its error, and no choice


def test_an_error_stays_one_line(pocketsr: Run, photo: Path, clip: Path) -> None:
    for source, target in ((photo, photo.with_name("there.png")), (clip, clip.with_name("there.mp4"))):
        target.write_bytes(b"mine")
        done = pocketsr("upscale", source, "-o", target)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert target.read_bytes() == b"mine"
    broken = photo.with_name("broken.mp4")
    broken.write_bytes(bytes(3000))
    done = pocketsr("upscale", broken, "-o", photo.with_name("out.mp4"))
    assert (done.code, done.err.count("\n")) == (2, 1)


def test_a_video_is_what_the_named_network_makes(pocketsr: Run, clip: Path) -> None:
    a, b = clip.with_name("a.mkv"), clip.with_name("b.mkv")
    done = pocketsr("upscale", clip, "-o", a, "-j", 1)
    assert done.code == 0
    (line,) = [line for line in done.err.splitlines() if line.startswith(f"pocketsr: {clip}: ")]
    network = line.rpartition(": ")[2]
    assert pocketsr("upscale", clip, "-o", b, "-j", 1, "-m", network).code == 0
    assert _frames(a) == _frames(b)


def test_pipes_choose_by_the_first_frame(pocketsr: Run, clip: Path) -> None:
    y4m = clip.with_name("a.y4m")
    assert pocketsr("upscale", clip, "-o", y4m, "-m", "bicubic").code == 0
    pipe = clip.with_name("pipe")
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(y4m.read_bytes(),))
    writer.start()
    done = pocketsr("upscale", pipe, "-o", clip.with_name("out.mkv"))
    writer.join(10)
    assert done.code == 0, done.err
    assert f"pocketsr: {pipe}: raw frames: small" in done.err
    assert len(_frames(clip.with_name("out.mkv"))) == len(_frames(clip))


def test_weights_are_for_named_networks(pocketsr: Run, photo: Path) -> None:
    done = pocketsr("upscale", photo, "-o", photo.with_name("out.png"), "--weights", photo)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "has no network to go to: small has its own" in done.err


def test_without_a_source_there_is_no_auto(pocketsr: Run) -> None:
    done = pocketsr("bench", "speed", "-m", "auto")
    assert (done.code, done.err.count("\n")) == (2, 1)
    with pytest.raises(UserError, match="name a network"):
        load("auto")


def _frames(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [np.ascontiguousarray(frame.to_ndarray()).tobytes() for frame in container.decode(video=0)]
