"""What a picture's file says of how much was lost in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pocketsr.image.looking import look_at_animation, look_at_image
from pocketsr.source import Hints

Y, X = np.mgrid[:96, :120]
RGB = np.stack([(X * 2) % 256, (Y * 2) % 256, (X + Y) % 256], axis=-1).astype(np.uint8)
PICTURE = Image.fromarray(RGB)


@pytest.mark.parametrize("quality", [30, 50, 71, 90, 100])
def test_jpeg_says_its_quality(tmp_path: Path, quality: int) -> None:
    PICTURE.save(tmp_path / "a.jpg", quality=quality)
    hints = look_at_image(tmp_path / "a.jpg").hints
    assert (hints.codec, hints.lossless, hints.moving) == ("jpeg", False, False)
    assert hints.jpeg_quality == pytest.approx(quality, abs=1)


def test_turned_grey_and_progressive_ones_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    PICTURE.convert("L").save(tmp_path / "a.jpg", quality=60, progressive=True, exif=exif)
    assert look_at_image(tmp_path / "a.jpg").hints.jpeg_quality == pytest.approx(60, abs=1)


@pytest.mark.parametrize(
    ("name", "options", "codec", "lossless"),
    [
        ("a.png", {}, "png", True), ("a.webp", {"lossless": True}, "webp", True),
        ("a.webp", {"quality": 60}, "webp", False),
        ("a.tif", {}, "tiff", True), ("a.tif", {"compression": "jpeg"}, "tiff", False), ("a.bmp", {}, "bmp", True),
        ("a.jp2", {}, "jpeg2000", None),
    ],
)  # fmt: skip
def test_formats(tmp_path: Path, name: str, options: dict, codec: str, lossless: bool | None) -> None:
    PICTURE.save(tmp_path / name, **options)
    hints = look_at_image(tmp_path / name).hints
    assert replace(hints, qp=None) == Hints(codec, lossless=lossless)
    assert (hints.qp is not None) == ((codec, lossless) == ("webp", False))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_modes(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(RGB[..., 0].astype(np.uint16) * 257) if mode == "I;16" else PICTURE.convert(mode)
    picture.save(tmp_path / "a.png")
    seen = look_at_image(tmp_path / "a.png")
    assert (seen.hints, seen.strength) == (Hints("png", lossless=True), 0.0)


def test_the_first_page_of_several(tmp_path: Path) -> None:
    PICTURE.save(tmp_path / "a.tif", save_all=True, append_images=[PICTURE.convert("L")])
    assert look_at_image(tmp_path / "a.tif").hints == Hints("tiff", lossless=True)


def test_animations(tmp_path: Path) -> None:
    other = PICTURE.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    for name, options, lossless in (("a.gif", {}, True), ("a.webp", {"quality": 50}, False), ("a.png", {}, True)):
        PICTURE.save(tmp_path / name, save_all=True, append_images=[other], **options)
        seen = look_at_animation(tmp_path / name)
        assert seen is not None
        assert (seen.hints.codec, seen.hints.lossless) == (name[2:], lossless)
