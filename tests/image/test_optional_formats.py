"""HEIC and JPEG XL where their packages are installed, and what is said where they, or AVIF and JPEG 2000, aren't."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_fakes import Nearest
from PIL import Image, features

from pocketsr.errors import UserError
from pocketsr.image import upscale_image_file
from pocketsr.image._decode import decode
from pocketsr.image._optional import jxl_size, register

PACKAGES = {"heic": ("pillow_heif", "HEIF"), "jxl": ("pillow_jxl", "JXL")}


def smooth(height: int = 40, width: int = 60, channels: int = 3) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    planes = [40 + 3 * x, 200 - 2 * y - x, 90 + x + y, 130 + 2 * x]
    return np.stack(planes[:channels], axis=-1).clip(0, 255).astype(np.uint8)


def available(kind: str) -> str:
    module, name = PACKAGES[kind]
    pytest.importorskip(module, reason="needs pip install 'pocketsr[formats]'")
    register(name)
    return name


@pytest.mark.parametrize("kind", PACKAGES)
@pytest.mark.parametrize("channels", [3, 4])
def test_in_and_out(tmp_path: Path, kind: str, channels: int) -> None:
    name = available(kind)
    pixels = smooth(channels=channels)
    exact: dict[str, Any] = {"lossless": True} if kind == "jxl" else {"quality": 100, "chroma": 444}
    Image.fromarray(pixels).save(tmp_path / f"in.{kind}", format=name, **exact)
    np.testing.assert_allclose(decode(tmp_path / f"in.{kind}").pixels, pixels, atol=0 if kind == "jxl" else 6)
    big = pixels.repeat(2, axis=0).repeat(2, axis=1)
    for target in (f"out.{kind}", "out.png"):
        report = upscale_image_file(tmp_path / f"in.{kind}", tmp_path / target, Nearest(), Nearest())
        assert report.size == (120, 80)
        assert np.abs(decode(tmp_path / target).pixels.astype(int) - big).mean() < 4


def test_what_goes_along_into_jpeg_xl_and_heic(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a photograph"
    Image.fromarray(smooth()).save(tmp_path / "in.jpg", exif=exif)
    for kind in PACKAGES:
        name = available(kind)
        upscale_image_file(tmp_path / "in.jpg", tmp_path / f"out.{kind}", Nearest(), Nearest())
        with Image.OPEN[name][0]((tmp_path / f"out.{kind}").open("rb"), "") as made:
            assert b"a photograph" in made.info["exif"]


@pytest.mark.parametrize("kind", PACKAGES)
def test_broken_ones_are_one_line(tmp_path: Path, kind: str) -> None:
    name = available(kind)
    Image.fromarray(smooth()).save(tmp_path / f"whole.{kind}", format=name)
    content = (tmp_path / f"whole.{kind}").read_bytes()
    (tmp_path / f"in.{kind}").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=rf"in\.{kind}"):
        decode(tmp_path / f"in.{kind}")


def test_sizes_of_jpeg_xl_are_known_before_it_is_decoded(tmp_path: Path) -> None:
    # not small: 18 bits of height and width (selector 2), no ratio
    bits, at = 0, 0
    for value, count in ((0, 1), (2, 2), (200_000 - 1, 18), (0, 3), (2, 2), (150_000 - 1, 18)):
        bits |= value << at
        at += count
    (tmp_path / "bomb.jxl").write_bytes(b"\xff\x0a" + bits.to_bytes(16, "little"))
    assert jxl_size(tmp_path / "bomb.jxl") == (150_000, 200_000)
    # small, 5 bits of height over 8, ratio 5: 16:9
    (tmp_path / "small.jxl").write_bytes(b"\xff\x0a" + (1 | (8 << 1) | (5 << 6)).to_bytes(16, "little"))
    assert jxl_size(tmp_path / "small.jxl") == (128, 72)
    boxes = b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x14ftypjxl \0\0\0\0jxl \0\0\0\0jxlc"
    (tmp_path / "boxed.jxl").write_bytes(boxes + (tmp_path / "small.jxl").read_bytes())
    assert jxl_size(tmp_path / "boxed.jxl") == (128, 72)
    (tmp_path / "none.jxl").write_bytes(b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40))
    with pytest.raises(ValueError, match="no codestream"):
        jxl_size(tmp_path / "none.jxl")
    available("jxl")
    with pytest.raises(UserError, match=r"bomb\.jxl has 150000x200000 pixels, and 1074 million are the most"):
        decode(tmp_path / "bomb.jxl")


@pytest.mark.parametrize(
    ("name", "head", "called", "mend"),
    [
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC", r"it needs pillow-heif: pip install 'pocketsr\[f"),
        ("a.jxl", b"\xff\x0a" + bytes(30), "JPEG XL", r"it needs pillow-jxl-plugin: pip install 'pocketsr\[formats\]'"),
        ("a.avif", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "AVIF", "it needs a Pillow with AVIF: pip install -U pillow"),
        ("a.jp2", b"\xff\x4f\xff\x51\0" + bytes(30), "JPEG 2000", "it needs a Pillow with JPEG 2000: pip install -U"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, head: bytes, called: str, mend: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(features, "check", lambda _: False)
    (tmp_path / name).write_bytes(head)
    with pytest.raises(UserError, match=rf"{name} is a {called} picture, which is not supported \({mend}"):
        decode(tmp_path / name)
    Image.fromarray(smooth()).save(tmp_path / "in.png")
    with pytest.raises(UserError, match=rf"cannot write out{Path(name).suffix}: {mend}"):
        upscale_image_file(tmp_path / "in.png", tmp_path / f"out{Path(name).suffix}", Nearest(), Nearest())
