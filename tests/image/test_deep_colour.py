"""Colour of 16 bits: read, upscaled and written with all of them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_fakes import Nearest, add_chunks, chunks_of, make_tiff, png_of
from numpy.typing import NDArray
from PIL import Image

from pocketsr.errors import UserError
from pocketsr.image import upscale_image_file
from pocketsr.image._decode import decode
from pocketsr.image._deep import write_tiff
from pocketsr.image._ifd import Value
from pocketsr.image._tiff import amended, read_tiff

Pixels = NDArray[np.uint16]


def smooth16(height: int = 18, width: int = 25, channels: int = 3) -> Pixels:
    """Levels that differ in their low bytes."""
    y, x = np.mgrid[:height, :width]
    planes = [20_000 + 997 * x + 613 * y, 50_000 - 411 * x + 57 * y, 9_000 + 301 * (x + y), 30_000 + 1_201 * x]
    return np.stack(planes[:channels], axis=-1).astype(np.uint16)


def png16(pixels: Pixels, key: bytes | None = None) -> bytes:
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels.astype(">u2").reshape(height, -1))
    keys = [] if key is None else [(b"tRNS", key)]
    return png_of([(b"IHDR", head), *keys, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])


def short(*numbers: int, order: str = "<") -> Value:
    return Value(3, len(numbers), struct.pack(f"{order}{len(numbers)}H", *numbers))


def pixels_of(path: Path) -> NDArray[Any]:
    return decode(path).pixels


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_png(tmp_path: Path, channels: int) -> None:
    pixels = smooth16(channels=channels)
    (tmp_path / "in.png").write_bytes(png16(pixels))
    wanted = pixels if channels != 2 else np.dstack([pixels[..., :1]] * 3 + [pixels[..., 1:]])
    np.testing.assert_array_equal(pixels_of(tmp_path / "in.png"), wanted)


def test_a_colour_that_means_transparent(tmp_path: Path) -> None:
    pixels = smooth16()
    (tmp_path / "in.png").write_bytes(png16(pixels, pixels[3, 4].astype(">u2").tobytes()))
    made = pixels_of(tmp_path / "in.png")
    assert made.shape == (18, 25, 4)
    assert made[3, 4, 3] == 0
    assert (made[..., 3] == 0).sum() == 1
    np.testing.assert_array_equal(made[..., :3], pixels)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("channels", [3, 4])
def test_tiff(tmp_path: Path, order: str, planar: int, channels: int) -> None:
    pixels = smooth16(channels=channels)
    extra = {338: short(2, order=order)} if channels == 4 else {}
    stored = pixels.transpose(2, 0, 1) if planar == 2 else pixels
    (tmp_path / "in.tif").write_bytes(make_tiff(stored, order=order, photometric=2, planar=planar, extra=extra))
    np.testing.assert_array_equal(pixels_of(tmp_path / "in.tif"), pixels)


@pytest.mark.parametrize("how", ["zlib", "tiles", "predictor", "tiles and predictor", "planes and predictor"])
def test_tiffs_of_other_programs(tmp_path: Path, how: str) -> None:
    tifffile = pytest.importorskip("tifffile")
    pixels = smooth16(40, 50)
    options: dict[str, Any] = {"compression": "zlib", "photometric": "rgb"}
    if "tiles" in how:
        options["tile"] = (16, 32)
    if "predictor" in how:
        options["predictor"] = True
    if "planes" in how:
        options |= {"planarconfig": "separate"}
    stored = pixels.transpose(2, 0, 1) if "planes" in how else pixels
    tifffile.imwrite(tmp_path / "in.tif", stored, **options)
    np.testing.assert_array_equal(pixels_of(tmp_path / "in.tif"), pixels)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
def test_compressions_of_tiff(tmp_path: Path, compression: str) -> None:
    pixels, memory = smooth16(channels=4), io.BytesIO()
    storage = write_tiff(memory, pixels, compression=compression)
    (tmp_path / "in.tif").write_bytes(amended(memory.getvalue(), {}, "<", None, {}, storage))
    np.testing.assert_array_equal(pixels_of(tmp_path / "in.tif"), pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_of_tiff(tmp_path: Path, orientation: int) -> None:
    pixels = smooth16()
    (tmp_path / "in.tif").write_bytes(make_tiff(pixels, photometric=2, extra={274: short(orientation)}))
    (tmp_path / "grey.tif").write_bytes(make_tiff(pixels[..., 0], extra={274: short(orientation)}))
    np.testing.assert_array_equal(pixels_of(tmp_path / "in.tif")[..., 0], pixels_of(tmp_path / "grey.tif"))


def test_premultiplied_and_meaningless_samples_of_tiff(tmp_path: Path) -> None:
    pixels = smooth16(channels=4)
    alpha = pixels[..., 3:].astype(np.float64) / 65535
    dark = np.dstack([np.rint(pixels[..., :3] * alpha).astype(np.uint16), pixels[..., 3]])
    (tmp_path / "in.tif").write_bytes(make_tiff(dark, photometric=2, extra={338: short(1)}))
    made = pixels_of(tmp_path / "in.tif")
    assert np.abs(made.astype(int) - pixels).max() <= 2
    (tmp_path / "x.tif").write_bytes(make_tiff(pixels, photometric=2, extra={338: short(0)}))
    np.testing.assert_array_equal(pixels_of(tmp_path / "x.tif"), pixels[..., :3])


@pytest.mark.parametrize("top", [65535, 1023])
def test_ppm(tmp_path: Path, top: int) -> None:
    pixels = (smooth16() * (top / 65535)).astype(np.uint16)
    (tmp_path / "in.ppm").write_bytes(b"P6\n# deep\n25 18\n%d\n" % top + pixels.astype(">u2").tobytes())
    np.testing.assert_array_equal(pixels_of(tmp_path / "in.ppm"), np.rint(pixels * (65535 / top)))


@pytest.mark.parametrize("name", ["out.png", "out.tif", "out.ppm"])
@pytest.mark.parametrize("channels", [3, 4])
def test_all_bits_are_written(tmp_path: Path, name: str, channels: int) -> None:
    pixels = smooth16(channels=channels)
    (tmp_path / "in.png").write_bytes(png16(pixels))
    if (name, channels) == ("out.ppm", 4):
        with pytest.raises(UserError, match="the input has transparency and PPM holds none"):
            upscale_image_file(tmp_path / "in.png", tmp_path / name, Nearest(), Nearest())
        return
    report = upscale_image_file(tmp_path / "in.png", tmp_path / name, Nearest(), Nearest())
    assert report.size == (50, 36)
    made = pixels_of(tmp_path / name)
    assert made.dtype == np.uint16
    off = np.abs(made.astype(int) - pixels.repeat(2, axis=0).repeat(2, axis=1))
    assert off[..., :3].max() <= 3  # of 65535: luma and chroma have 16 bits
    assert off.max() <= 3
    assert len(np.unique(made & 0xFF)) > 100


def test_what_goes_along(tmp_path: Path) -> None:
    exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # turned to the right
    icc = b"\0" * 12 + b"mntrRGB XYZ " + b"\0" * 104
    chunks = [
        (b"iCCP", b"p\0\0" + zlib.compress(icc)), (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)),
        (b"tEXt", b"Title\0deep"), (b"eXIf", exif),
    ]  # fmt: skip
    (tmp_path / "in.png").write_bytes(add_chunks(png16(smooth16()), chunks))
    upscale_image_file(tmp_path / "in.png", tmp_path / "out.png", Nearest(), Nearest())
    made = dict(chunks_of((tmp_path / "out.png").read_bytes()))
    assert zlib.decompress(made[b"iCCP"].partition(b"\0")[2][1:]) == icc
    assert made[b"pHYs"] == chunks[1][1]
    assert made[b"tEXt"] == b"Title\0deep"
    assert made[b"eXIf"][18:20] == b"\x01\0"
    assert struct.unpack(">II", made[b"IHDR"][:8]) == (36, 50)
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (36, 50)
    upscale_image_file(tmp_path / "in.png", tmp_path / "out.tif", Nearest(), Nearest())
    with Image.open(tmp_path / "out.tif") as image:
        assert (image.size, image.info["icc_profile"]) == ((36, 50), icc)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    with (tmp_path / "out.tif").open("rb") as file:
        assert read_tiff(file, "out.tif", deep=True).bits == 16


def test_what_is_written_is_what_others_read(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    (tmp_path / "in.png").write_bytes(png16(smooth16(channels=4)))
    upscale_image_file(tmp_path / "in.png", tmp_path / "out.tif", Nearest(), Nearest())
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        page = file.pages[0]
        assert (page.photometric.name, page.extrasamples[0].name, page.bitspersample) == ("RGB", "UNASSALPHA", 16)
        np.testing.assert_array_equal(page.asarray(), pixels_of(tmp_path / "out.tif"))


@pytest.mark.parametrize("name", ["out.jpg", "out.webp", "out.jp2", "out.bmp", "out.avif"])
def test_formats_of_8_bits_say_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "in.png").write_bytes(png16(smooth16()))
    with pytest.raises(UserError, match=r"the input has 16 bits and .* 8: write PNG or TIFF instead of"):
        upscale_image_file(tmp_path / "in.png", tmp_path / name, Nearest(), Nearest())
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("kind", ["png", "tif", "ppm"])
def test_broken_ones_are_refused(tmp_path: Path, kind: str) -> None:
    pixels = smooth16()
    whole = {
        "png": png16(pixels),
        "tif": make_tiff(pixels, photometric=2),
        "ppm": b"P6 25 18 65535\n" + pixels.astype(">u2").tobytes(),
    }[kind]
    if kind == "tif":  # its directory stands at the end
        whole = whole.replace(struct.pack("<HHII", 256, 4, 1, 25), struct.pack("<HHII", 256, 4, 1, 2500))
    else:
        whole = whole[: len(whole) // 2]
    (tmp_path / f"in.{kind}").write_bytes(whole)
    with pytest.raises(UserError, match=rf"in\.{kind} (is a broken|has)"):
        decode(tmp_path / f"in.{kind}")


def test_bits_of_another_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "in.tif").write_bytes(make_tiff(smooth16(), photometric=5))
    with pytest.raises(UserError, match=r"in\.tif has 16 bits a colour of a kind of which only 8 would be read"):
        decode(tmp_path / "in.tif")
