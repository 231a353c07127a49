from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_fakes import Nearest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from pocketsr.image import is_image_file, upscale_image_file
from pocketsr.report import Report

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _upscale(source: Path, target: Path | None, **more: Any) -> Report:
    return upscale_image_file(source, target, Nearest(), Nearest(), **more)


def _pixels(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(3).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def _big(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp", ".tif", ".tiff"])
@pytest.mark.parametrize("shape", [(7, 5, 3), (1, 1, 3), (6, 9)])
def test_lossless_formats_lose_nothing(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    pixels = _pixels(*shape)
    Image.fromarray(pixels).save(tmp_path / f"a{suffix}", lossless=True)
    report = _upscale(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}")
    got = _read(tmp_path / f"b{suffix}")
    if got.ndim > len(shape):  # WebP holds no grey
        got = got[..., 0]
    assert np.array_equal(got, _big(pixels))
    assert report.size[::-1] == got.shape[:2]
    assert report.warnings == []
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_jpeg_comes_out_close_and_without_subsampling(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 32 * 24 * 3).reshape(24, 32, 3).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.png")
    _upscale(tmp_path / "a.png", tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.format == "JPEG"
        assert all(layer[1:3] == (1, 1) for layer in image.layer)  # type: ignore[attr-defined]
        assert np.abs(np.asarray(image).astype(int) - _big(smooth)).max() <= 12


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_stays_16_bit(tmp_path: Path, suffix: str) -> None:
    pixels = _pixels(5, 8, dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / f"a{suffix}")
    _upscale(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}")
    got = _read(tmp_path / f"b{suffix}")
    assert got.dtype == np.uint16
    assert np.abs(got.astype(int) - _big(pixels)).max() <= 1  # the rounding of the studio-range plane


def test_big_endian_16_bit_grey(tmp_path: Path) -> None:
    pixels = _pixels(5, 8, dtype=np.uint16)
    Image.frombytes("I;16B", (8, 5), pixels.astype(">u2").tobytes()).save(tmp_path / "a.tif")
    _upscale(tmp_path / "a.tif", tmp_path / "b.png")
    assert np.abs(_read(tmp_path / "b.png").astype(int) - _big(pixels)).max() <= 1


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_alpha_is_upscaled(tmp_path: Path, suffix: str) -> None:
    pixels = _pixels(5, 8, 4) | 1
    Image.fromarray(pixels).save(tmp_path / f"a{suffix}", lossless=True, exact=True)
    _upscale(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}")
    assert np.array_equal(_read(tmp_path / f"b{suffix}"), _big(pixels))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBX"])
def test_other_kinds_of_pixels(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(_pixels(6, 7, 3)).convert(mode if mode not in ("PA", "LA") else "RGBA")
    if mode in ("PA", "LA"):
        image.putalpha(Image.fromarray(_pixels(6, 7) | 1))
        image = image.quantize(16) if mode == "PA" else image.convert("LA")
    path = tmp_path / ("a.tif" if mode == "RGBX" else "a.png")
    image.save(path)
    _upscale(path, tmp_path / "b.png")
    with Image.open(path) as source:
        alpha = source.has_transparency_data
        want = np.asarray(source.convert("RGBA" if alpha else "L" if mode in ("1", "L") else "RGB"))
    assert np.array_equal(_read(tmp_path / "b.png"), _big(want))


def test_palette_with_a_transparent_entry(tmp_path: Path) -> None:
    image = Image.new("P", (4, 2))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((0, 0), 1)
    image.save(tmp_path / "a.png", transparency=0)
    _upscale(tmp_path / "a.png", tmp_path / "b.png")
    got = _read(tmp_path / "b.png")
    assert got[0, 0].tolist() == [200, 100, 50, 255]
    assert got[3, 7].tolist() == [200, 100, 50, 0]  # hidden colour follows what is visible


def test_cmyk_becomes_rgb_with_a_warning(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=100)
    report = _upscale(tmp_path / "a.jpg", tmp_path / "b.png")
    assert len(report.warnings) == 1
    assert "CMYK" in report.warnings[0]
    assert np.abs(_read(tmp_path / "b.png").astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_profile_exif_resolution_and_orientation(tmp_path: Path, suffix: str) -> None:
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:8, :16] = 255  # the top left quarter is white; turned by 90 degrees it is the top right one
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Maker"
    exif.get_ifd(ExifTags.IFD.Exif).update({40962: 32, 40963: 16, ExifTags.Base.FocalLength: 50.0})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N"})
    Image.fromarray(pixels).save(
        tmp_path / f"a{suffix}",
        exif=exif.tobytes(),
        icc_profile=ICC,
        dpi=(300, 300),
        quality=100,
        lossless=True,
    )
    _upscale(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}")
    with Image.open(tmp_path / f"b{suffix}") as image:
        assert image.size == (32, 64)
        turned = np.asarray(image)[..., 0]
        assert turned[:32, 16:].min() > 240
        assert turned[:, :16].max() < 15
        assert image.info["icc_profile"] == ICC
        if suffix != ".webp":
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        kept = image.getexif()
        details = kept.get_ifd(ExifTags.IFD.Exif)
        assert kept.get(ExifTags.Base.Orientation, 1) == 1
        assert kept[ExifTags.Base.Make] == "Maker"
        assert (details[40962], details[40963]) == (32, 64)
        assert details[ExifTags.Base.FocalLength] == 50.0
        assert kept.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"


def test_exif_of_a_tiff_does_not_describe_the_old_file(tmp_path: Path) -> None:
    image = Image.fromarray(_pixels(10, 12, 3))
    image.save(tmp_path / "a.tif", compression="tiff_lzw", tiffinfo={270: "words"})
    _upscale(tmp_path / "a.tif", tmp_path / "b.tif")
    with Image.open(tmp_path / "b.tif") as image:
        image.load()
        assert image.size == (24, 20)
        assert image.getexif()[270] == "words"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_xmp_is_kept_and_does_not_turn_the_picture_again(tmp_path: Path, suffix: str) -> None:
    text = PngImagePlugin.PngInfo()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6" dc:title="words"/>'
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    Image.fromarray(_pixels(4, 6, 3)).save(tmp_path / "a.png", pnginfo=text)
    _upscale(tmp_path / "a.png", tmp_path / f"b{suffix}")
    with Image.open(tmp_path / f"b{suffix}") as image:
        kept = image.info["xmp"]
    kept = kept if isinstance(kept, bytes) else kept.encode()
    assert b"words" in kept
    assert b'tiff:Orientation="1"' in kept


def test_what_a_format_cannot_hold_is_named(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "x" * 70_000
    Image.fromarray(_pixels(4, 6, 3)).save(tmp_path / "a.png", icc_profile=ICC, exif=exif.tobytes())
    assert [*_upscale(tmp_path / "a.png", tmp_path / "b.bmp").warnings] == [
        f"{tmp_path / 'b.bmp'}: BMP cannot hold the colour profile and EXIF data of the input"
    ]
    assert "EXIF data" in _upscale(tmp_path / "a.png", tmp_path / "b.jpg").warnings[0]


def test_lossy_webp_stays_lossy_and_lossless_lossless(tmp_path: Path) -> None:
    pixels = _pixels(40, 40, 3)
    for lossless, chunk in ((False, b"VP8 "), (True, b"VP8L")):
        Image.fromarray(pixels).save(tmp_path / "a.webp", lossless=lossless, icc_profile=ICC)
        _upscale(tmp_path / "a.webp", tmp_path / "b.webp", overwrite=True)
        assert chunk in (tmp_path / "b.webp").read_bytes()


def test_nothing_is_written_without_a_target(tmp_path: Path) -> None:
    Image.fromarray(_pixels(4, 4, 3)).save(tmp_path / "a.png")
    report = _upscale(tmp_path / "a.png", None)
    assert min(stage.p50 for stage in (report.decode_ms, report.upscale_ms, report.encode_ms)) > 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_an_image_is_known_by_its_content_then_its_name(tmp_path: Path) -> None:
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    (tmp_path / "photo").write_bytes((tmp_path / "a.png").read_bytes())
    (tmp_path / "text.JPG").write_text("text")
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    names = ("a.png", "photo", "text.JPG", "clip.mp4", "missing.webp", "missing.mkv")
    assert [is_image_file(tmp_path / name) for name in names] == [True, True, True, False, True, False]


def test_phone_pictures_of_several_parts(tmp_path: Path) -> None:
    picture = Image.fromarray(_pixels(6, 8, 3))
    picture.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[Image.new("RGB", (3, 3))])
    report = _upscale(tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert report.size == (16, 12)
    assert report.warnings == [f"{tmp_path / 'a.jpg'}: only the first of its 2 pictures is upscaled"]


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_broken_exif_does_not_cost_the_picture(tmp_path: Path, suffix: str) -> None:
    pixels = _pixels(6, 8, 3)
    Image.fromarray(pixels).save(tmp_path / f"a{suffix}", exif=b"Exif\0\0garbage!!garbage", lossless=True)
    report = _upscale(tmp_path / f"a{suffix}", tmp_path / "b.png")
    assert report.warnings == [f"{tmp_path / ('a' + suffix)}: its EXIF data is broken and was left out"]
    assert np.array_equal(_read(tmp_path / "b.png"), _big(pixels))


def test_broken_cmyk_profile_falls_back_to_the_plain_formula(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=100, icc_profile=b"garbage")
    _upscale(tmp_path / "a.jpg", tmp_path / "b.png")
    assert np.abs(_read(tmp_path / "b.png").astype(int) - (255, 0, 0)).max() <= 3
