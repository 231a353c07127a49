"""What cannot be upscaled or written is one clear line, and no file is harmed."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_fakes import Nearest
from PIL import Image

from pocketsr.errors import UserError
from pocketsr.image import upscale_image_file
from pocketsr.report import Report


def _upscale(source: Path, target: Path | None, **more: Any) -> Report:
    return upscale_image_file(source, target, Nearest(), Nearest(), **more)


def _pixels(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(3).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def _animation(path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), (value, 0, 0)) for value in (0, 100, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def _truncated(path: Path) -> None:
    data = io.BytesIO()
    Image.fromarray(_pixels(64, 64, 3)).save(data, "PNG")
    path.write_bytes(data.getvalue()[:3000])


BAD_INPUTS: dict[str, tuple[str, Any, str]] = {
    "missing": ("a.png", lambda _: None, "no such file"),
    "folder": ("a.png", lambda path: path.mkdir(), "is a folder"),
    "text renamed": ("a.png", lambda path: path.write_text("hello, this is text"), "not an image"),
    "zero length": ("a.png", lambda path: path.write_bytes(b""), "is empty"),
    "truncated": ("a.png", _truncated, "broken image"),
    "animated GIF": ("a.gif", _animation, "holds 3 frames"),
    "animated WebP": ("a.webp", _animation, "holds 3 frames"),
    "APNG": ("a.png", _animation, "holds 3 frames"),
    "multi-page TIFF": ("a.tif", _animation, "holds 3 pages"),
    "float TIFF": ("a.tif", lambda path: Image.new("F", (4, 4)).save(path), "not supported"),
}


@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_bad_input_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    name, make, said = BAD_INPUTS[kind]
    make(tmp_path / name)
    with pytest.raises(UserError, match=said) as caught:
        _upscale(tmp_path / name, tmp_path / "out.png")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("b.gif", "end the name in one of .png"),
        ("b", "end the name in one of .png"),
        ("a.png", "is the input itself"),
        ("there.png", "exists already: pass -y"),
        ("folder.png", "is a folder"),
        ("nowhere/b.png", "there is no folder"),
        ("b.jpg", "holds none: write PNG, WEBP or TIFF"),
        ("b.bmp", "holds none"),
    ],
)
def test_bad_output_is_one_clear_line(tmp_path: Path, target: str, said: str) -> None:
    Image.fromarray(_pixels(4, 4, 4)).save(tmp_path / "a.png")
    (tmp_path / "there.png").write_text("precious")
    (tmp_path / "folder.png").mkdir()
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(UserError, match=said):
        _upscale(tmp_path / "a.png", tmp_path / target, overwrite=target == "a.png")
    assert (tmp_path / "a.png").read_bytes() == before
    assert (tmp_path / "there.png").read_text() == "precious"


def test_16_bits_do_not_fit_in_jpeg(tmp_path: Path) -> None:
    Image.fromarray(_pixels(4, 4, dtype=np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="write PNG or TIFF"):
        _upscale(tmp_path / "a.png", tmp_path / "b.jpg")


def test_result_too_large_for_its_format(tmp_path: Path) -> None:
    Image.new("L", (8192, 1)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="16384x2 and WEBP holds at most 16383"):
        _upscale(tmp_path / "a.png", tmp_path / "b.webp")


@pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_stops_the_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    Image.fromarray(_pixels(4, 4, 3)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("old")

    def fail(_image: Image.Image, file: Any, **_: Any) -> None:
        file.write(b"half of it")
        raise stop

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(UserError if isinstance(stop, OSError) else KeyboardInterrupt) as caught:
        _upscale(tmp_path / "a.png", tmp_path / "b.png", overwrite=True)
    if isinstance(stop, OSError):
        assert str(caught.value) == f"{tmp_path / 'b.png'} can't be written: No space left on device"
    assert (tmp_path / "b.png").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".avif", ".jp2", ".tga", ".ppm", ".qoi"])
def test_a_full_disk_is_called_that_by_every_format(tmp_path: Path, suffix: str) -> None:
    resource = pytest.importorskip("resource")
    Image.fromarray(_pixels(120, 120, 3)).save(tmp_path / "a.png")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        with pytest.raises(UserError, match="can't be written: File too large"):
            _upscale(tmp_path / "a.png", tmp_path / f"b{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
