"""Kinds of pixels and of files: right, or refused in words."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_fakes import Nearest, add_chunks, chunks_of, make_tiff, png_of
from PIL import Image

from pocketsr.errors import UserError
from pocketsr.image import _memory, is_image_file, upscale_image_file
from pocketsr.image._decode import decode
from pocketsr.image._ifd import Value

RNG = np.random.default_rng(5)


def _upscale(source: Path, target: Path, **more: Any) -> tuple[str, ...]:
    return tuple(upscale_image_file(source, target, Nearest(), Nearest(), **more).warnings)


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def _big(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


def _png(path: Path, rows: np.ndarray, depth: int, colour: int, *more: tuple[bytes, bytes], width: int = 0) -> None:
    """A PNG whose rows are these bytes (H, bytes)."""
    header = struct.pack(">IIBBBBB", width or rows.shape[1], rows.shape[0], depth, colour, 0, 0, 0)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    path.write_bytes(png_of([(b"IHDR", header), *more, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", [0, 1])
def test_16_bit_grey_that_counts_from_white_or_black(tmp_path: Path, order: str, photometric: int) -> None:
    pixels = RNG.integers(0, 65536, (5, 7), np.uint16)
    (tmp_path / "a.tif").write_bytes(make_tiff(pixels, order=order, photometric=photometric))
    if order == ">" and photometric == 0:  # Pillow has no such mode
        with pytest.raises(UserError, match="of a kind that is not supported: unknown pixel mode"):
            _upscale(tmp_path / "a.tif", tmp_path / "b.png")
        return
    _upscale(tmp_path / "a.tif", tmp_path / "b.png")
    want = pixels if photometric else 65535 - pixels
    assert np.abs(_read(tmp_path / "b.png").astype(int) - _big(want)).max() <= 1


def test_8_bit_grey_that_counts_from_white(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (5, 7), np.uint8)
    (tmp_path / "a.tif").write_bytes(make_tiff(pixels, photometric=0))
    _upscale(tmp_path / "a.tif", tmp_path / "b.png")
    assert np.array_equal(_read(tmp_path / "b.png"), _big(255 - pixels))


@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_colour_is_kept_however_it_lies(tmp_path: Path, planar: int, order: str) -> None:
    pixels = RNG.integers(0, 65536, (5, 7, 3) if planar == 1 else (3, 5, 7), np.uint16)
    (tmp_path / "a.tif").write_bytes(make_tiff(pixels, order=order, photometric=2, planar=planar))
    _upscale(tmp_path / "a.tif", tmp_path / "b.tif")
    made = decode(tmp_path / "b.tif").pixels
    inner = pixels if planar == 1 else pixels.transpose(1, 2, 0)
    assert np.abs(made.astype(int) - _big(inner.astype(int))).max() <= 3


def test_8_bit_planes(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (3, 5, 7), np.uint8)
    (tmp_path / "a.tif").write_bytes(make_tiff(pixels, photometric=2, planar=2))
    _upscale(tmp_path / "a.tif", tmp_path / "b.png")
    assert np.array_equal(_read(tmp_path / "b.png"), _big(pixels.transpose(1, 2, 0)))


@pytest.mark.parametrize(
    ("photometric", "extra", "said"),
    [
        (8, {}, "CIELAB"),
        (6, {}, "subsampled YCbCr without compression"),
        (2, {50706: Value(1, 4, b"\1\4\0\0")}, "camera's raw file"),
        (2, {254: Value(4, 1, b"\1\0\0\0"), 330: Value(4, 1, b"\x08\0\0\0")}, "camera's raw file"),
    ],
)
def test_tiffs_that_would_be_read_wrongly(tmp_path: Path, photometric: int, extra: Any, said: str) -> None:
    pixels = RNG.integers(0, 256, (6, 8, 3), np.uint8)
    (tmp_path / "a.tif").write_bytes(make_tiff(pixels, photometric=photometric, extra=extra))
    with pytest.raises(UserError, match=said):
        _upscale(tmp_path / "a.tif", tmp_path / "b.png")


def test_a_transparent_level_of_16_bit_grey(tmp_path: Path) -> None:
    pixels = (np.arange(20).reshape(4, 5) * 3000).astype(">u2")
    for level, used in ((3000, True), (1, False)):
        _png(tmp_path / "a.png", pixels.view(np.uint8), 16, 0, (b"tRNS", struct.pack(">H", level)), width=5)
        if used:
            _upscale(tmp_path / "a.png", tmp_path / "b.png")
            made = decode(tmp_path / "b.png").pixels
            assert made.dtype == np.uint16
            assert np.array_equal(made[..., 3] == 0, _big(pixels == level))
            (tmp_path / "b.png").unlink()
            continue
        _upscale(tmp_path / "a.png", tmp_path / "b.png")
        assert np.abs(_read(tmp_path / "b.png").astype(int) - _big(pixels.astype(int))).max() <= 1


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_transparent_level_of_low_precision(tmp_path: Path, depth: int) -> None:
    """Eight pixels, of which those at the highest level are transparent."""
    top = (1 << depth) - 1
    levels = np.array([0, top, 0, top, top, 0, 0, top])
    bits = "".join(f"{level:0{depth}b}" for level in levels)
    row = np.frombuffer(int(bits, 2).to_bytes(depth, "big"), np.uint8)[None]
    _png(tmp_path / "a.png", row, depth, 0, (b"tRNS", struct.pack(">H", top)), width=8)
    _upscale(tmp_path / "a.png", tmp_path / "b.png")
    assert np.array_equal(_read(tmp_path / "b.png")[..., 3], _big(np.where(levels == top, 0, 255)[None]))


def test_bmp_of_5_6_5_bits(tmp_path: Path) -> None:
    values = np.array([[0xF800, 0x07E0, 0x001F, 0xFFFF]], "<u2")
    header = struct.pack("<IiiHHIIiiII", 40, 4, -1, 1, 16, 3, 8, 2835, 2835, 0, 0) + struct.pack(
        "<III", 0xF800, 0x7E0, 0x1F
    )
    body = header + values.tobytes()
    (tmp_path / "a.bmp").write_bytes(b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 14 + len(header)) + body)
    _upscale(tmp_path / "a.bmp", tmp_path / "b.png")
    assert _read(tmp_path / "b.png")[0, ::2].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]


def test_pam_and_pnm_of_16_bits(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_bytes(b"P6 2 1 65535\n" + struct.pack(">6H", 1000, 60000, 7, 300, 301, 302))
    _upscale(tmp_path / "a.ppm", tmp_path / "b.ppm")
    assert (
        np.abs(decode(tmp_path / "b.ppm").pixels[0, ::2].astype(int) - ((1000, 60000, 7), (300, 301, 302))).max() <= 3
    )
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 65535\n" + struct.pack(">HH", 1000, 60000))
    _upscale(tmp_path / "a.pgm", tmp_path / "b.png")
    assert np.abs(_read(tmp_path / "b.png")[0, ::2].astype(int) - (1000, 60000)).max() <= 1


def test_adobe_cmyk_is_not_its_negative(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.jpg", quality=100)
    assert len(_upscale(tmp_path / "a.jpg", tmp_path / "b.png")) == 1
    assert _read(tmp_path / "b.png").min() >= 250


@pytest.mark.parametrize(
    "suffix", [".avif", ".jp2", ".j2k", ".tga", ".ppm", ".qoi", ".gif", ".pcx", ".sgi", ".dds", ".ico"]
)
def test_every_format_that_pillow_reads(tmp_path: Path, suffix: str) -> None:
    picture = Image.new("RGB", (16, 16), (0, 190, 30))
    picture.save(tmp_path / f"a{suffix}")
    assert is_image_file(tmp_path / f"a{suffix}")
    _upscale(tmp_path / f"a{suffix}", tmp_path / "b.png")
    got = _read(tmp_path / "b.png")
    assert got.shape[:2] == (32, 32)
    assert np.abs(got[..., :3].astype(int) - (0, 190, 30)).max() <= 6


@pytest.mark.parametrize("suffix", [".avif", ".jp2", ".j2k", ".tga", ".ppm", ".qoi", ".dib", ".jfif"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_every_format_that_is_written(tmp_path: Path, suffix: str, mode: str) -> None:
    colour = {"L": 120, "RGB": (0, 190, 30), "RGBA": (0, 190, 30, 128)}[mode]
    Image.new(mode, (16, 12), colour).save(tmp_path / "a.png")
    if mode == "RGBA" and suffix in (".ppm", ".dib", ".jfif"):
        with pytest.raises(UserError, match="holds none"):
            _upscale(tmp_path / "a.png", tmp_path / f"b{suffix}")
        return
    assert _upscale(tmp_path / "a.png", tmp_path / f"b{suffix}") == ()
    with Image.open(tmp_path / f"b{suffix}") as image:
        got = np.asarray(image.convert(mode)).astype(int)
    assert got.shape[:2] == (24, 32)
    assert np.abs(got - np.array(colour)).max() <= 6


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC picture, which is not supported"),
        ("a.jpg", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC picture"),
        ("a.jxl", b"\xff\x0a" + bytes(30), "JPEG XL picture, which is not supported"),
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "PostScript picture, which is not"),
        ("a.eps", b"\xc5\xd0\xd3\xc6" + bytes(30), "PostScript"),
        ("a.cr2", b"II*\0\x10\0\0\0CR\2\0" + bytes(30), "raw picture"),
        ("a.svg", b"<svg/>", "SVG picture"),
    ],
)
def test_what_is_not_read_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_image_file(tmp_path / name)
    with pytest.raises(UserError, match=said):
        _upscale(tmp_path / name, tmp_path / "b.png")


def test_no_text_starts_ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name in ("a.png", "a.eps", "a.tga", "a.pcx", "a"):
        (tmp_path / name).write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
        with pytest.raises(UserError):
            _upscale(tmp_path / name, tmp_path / "b.png")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("suffix", "width", "most"), [("jpg", 32760, 65500), ("webp", 8192, 16383), ("avif", 16400, 32768)]
)
def test_what_a_format_cannot_hold_is_refused_before_the_work(
    tmp_path: Path, suffix: str, width: int, most: int
) -> None:
    Image.new("L", (width, 1)).save(tmp_path / "a.png")
    net = Nearest()
    with pytest.raises(UserError, match=f"holds at most {most} a side: write PNG or TIFF instead"):
        upscale_image_file(tmp_path / "a.png", tmp_path / f"b.{suffix}", net, net)
    assert net.seen == []


def test_more_than_the_memory_is_refused_before_it_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("1", (16320, 12240)).save(tmp_path / "a.png")
    monkeypatch.setattr(_memory, "free_bytes", lambda: 2_000_000_000)
    with pytest.raises(
        UserError, match=r"16320x12240 pixels: upscaling it takes 3\.3 GB of memory, and 2\.0 GB are free"
    ):
        _upscale(tmp_path / "a.png", tmp_path / "b.png")


def test_a_header_that_promises_too_much(tmp_path: Path) -> None:
    _png(tmp_path / "a.png", np.zeros((1, 9), np.uint8), 8, 2, width=3)
    chunks = chunks_of((tmp_path / "a.png").read_bytes())
    header = struct.pack(">II", 2**31 - 1, 2**31 - 1) + chunks[0][1][8:]
    (tmp_path / "a.png").write_bytes(png_of([(b"IHDR", header), *chunks[1:]]))
    with pytest.raises(UserError, match="1074 million are the most"):
        _upscale(tmp_path / "a.png", tmp_path / "b.png")


def test_texts_that_unpack_to_gigabytes_are_never_unpacked(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "plain.png")
    bomb = zlib.compress(bytes(40_000_000), 9)
    said = [(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb), (b"iCCP", b"p\0\0" + bomb), (b"zTXt", b"k\0\0" + bomb)]
    (tmp_path / "a.png").write_bytes(add_chunks((tmp_path / "plain.png").read_bytes(), said))
    assert _upscale(tmp_path / "a.png", tmp_path / "b.png") == (
        f"{tmp_path / 'a.png'}: its iCCP data is damaged and was left out",
    )
    assert (b"zTXt", b"k\0\0" + bomb) in chunks_of((tmp_path / "b.png").read_bytes())
