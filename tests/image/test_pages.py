"""TIFF files of several pages: every one of them, in and out."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_fakes import Nearest, make_tiff
from PIL import Image

from pocketsr.errors import UserError
from pocketsr.image import upscale_image_file
from pocketsr.image._decode import decode
from pocketsr.image._ifd import Value
from pocketsr.image._pages import TiffWriter, open_pages

RNG = np.random.default_rng(5)


def pictures() -> list[np.ndarray]:
    """Of several kinds and sizes."""
    return [
        RNG.integers(0, 256, (6, 8, 3), np.uint8),
        RNG.integers(0, 256, (5, 9), np.uint8),
        RNG.integers(0, 65536, (4, 7, 3), np.uint16),
        np.dstack([RNG.integers(0, 256, (3, 3, 3), np.uint8), np.full((3, 3), 100, np.uint8)]),
    ]


def joined(path: Path, pages: list[bytes]) -> Path:
    with path.open("w+b") as file:
        writer = TiffWriter(file)
        for page in pages:
            writer.add(page)
    return path


def number(value: int) -> Value:
    return Value(4, 1, struct.pack("<I", value))


def big(pixels: np.ndarray) -> np.ndarray:
    return pixels.repeat(2, axis=0).repeat(2, axis=1)


def upscale(source: Path, target: Path | None, **how: Any) -> Any:
    return upscale_image_file(source, target, Nearest(), Nearest(), **how)


def read(path: Path) -> list[np.ndarray]:
    pages = open_pages(path)
    assert pages is not None
    return [decode(path, page=page).pixels for page in pages]


def test_every_page(tmp_path: Path) -> None:
    made = [
        make_tiff(pixels, photometric=2 if pixels.ndim == 3 else 1,
                  extra={338: Value(3, 1, b"\2\0")} if pixels.shape[2:] == (4,) else {})
        for pixels in pictures()
    ]  # fmt: skip
    source = joined(tmp_path / "in.tif", made)
    wanted = [decode(_alone(tmp_path, page)).pixels for page in made]
    for found, page in zip(read(source), wanted, strict=True):
        np.testing.assert_array_equal(found, page)
    report = upscale(source, tmp_path / "out.tif")
    assert (report.frames, report.size) == (4, (16, 12))
    for found, page in zip(read(tmp_path / "out.tif"), wanted, strict=True):
        assert found.dtype == page.dtype
        assert np.abs(found.astype(int) - big(page).astype(int)).max() <= 3
    assert upscale(source, None).frames == 4


def _alone(folder: Path, page: bytes) -> Path:
    path = folder / "alone.tif"
    path.write_bytes(page)
    return path


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "group4"])
def test_pages_of_other_programs(tmp_path: Path, compression: str) -> None:
    mode = "1" if compression == "group4" else "RGB"
    frames = [Image.fromarray(RNG.integers(0, 256, (40 + 8 * i, 64, 3), np.uint8)).convert(mode) for i in range(3)]
    frames[0].save(tmp_path / "in.tif", save_all=True, append_images=frames[1:], compression=compression)
    report = upscale(tmp_path / "in.tif", tmp_path / "out.tif")
    assert report.frames == 3
    with Image.open(tmp_path / "in.tif") as old, Image.open(tmp_path / "out.tif") as new:
        assert new.n_frames == 3
        for index in range(3):
            old.seek(index)
            new.seek(index)
            pixels = np.asarray(old.convert("L" if mode == "1" else "RGB")).astype(int)
            assert np.abs(np.asarray(new).astype(int) - big(pixels)).max() <= 3


def test_what_a_page_says_goes_along(tmp_path: Path) -> None:
    exact = {305: Value(2, 4, b"abc\0"), 282: Value(5, 1, struct.pack("<II", 300, 1)), 296: Value(3, 1, b"\2\0")}
    pages = [make_tiff(RNG.integers(0, 256, (4, 4), np.uint8), extra=extra) for extra in ({}, exact)]
    source = joined(tmp_path / "in.tif", pages)
    upscale(source, tmp_path / "out.tif")
    with Image.open(tmp_path / "out.tif") as made:
        assert 305 not in made.tag_v2
        made.seek(1)
        assert made.tag_v2[305] == "abc"


def test_smaller_copies_and_masks_are_left_out(tmp_path: Path) -> None:
    full, small = RNG.integers(0, 256, (8, 8), np.uint8), RNG.integers(0, 256, (4, 4), np.uint8)
    pages = [make_tiff(full), make_tiff(small, extra={254: number(1)}), make_tiff(full, extra={254: number(4)})]
    source = joined(tmp_path / "in.tif", pages)
    report = upscale(source, tmp_path / "out.png")
    assert (report.frames, report.size) == (1, (16, 16))
    assert report.warnings == [f"{source}: left out: 2 smaller copies and masks"]
    assert np.abs(np.asarray(Image.open(tmp_path / "out.png")).astype(int) - big(full)).max() <= 1


def test_other_formats_hold_one_page(tmp_path: Path) -> None:
    source = joined(tmp_path / "in.tif", [make_tiff(RNG.integers(0, 256, (4, 4), np.uint8))] * 3)
    with pytest.raises(UserError, match=r"in\.tif holds 3 pages, and PNG one picture: write \.tif"):
        upscale(source, tmp_path / "out.png")
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


def test_hostile_pages(tmp_path: Path) -> None:
    page = make_tiff(RNG.integers(0, 256, (4, 4), np.uint8))
    source = joined(tmp_path / "in.tif", [page, page])
    content = bytearray(source.read_bytes())
    pages = open_pages(source)
    assert pages is not None
    (count,) = struct.unpack_from("<H", content, pages.offsets[1])
    struct.pack_into("<I", content, pages.offsets[1] + 2 + 12 * count, pages.offsets[0])  # round and round
    source.write_bytes(content)
    assert upscale(source, tmp_path / "out.tif").frames == 2
    with pytest.raises(UserError, match=r"huge\.tif: page 2 is broken: its strips lie outside of the file"):
        upscale(_with_last_count(joined(tmp_path / "huge.tif", [page, page])), tmp_path / "no.tif")
    mixed = joined(tmp_path / "mixed.tif", [page, make_tiff(np.full((4, 4), 2**20, np.uint32))])
    with pytest.raises(UserError, match=r"mixed\.tif"):
        upscale(mixed, tmp_path / "no.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["huge.tif", "in.tif", "mixed.tif", "out.tif"]


def _with_last_count(path: Path) -> Path:
    """The last page claims a strip of two gigabytes."""
    content = bytearray(path.read_bytes())
    at = content.rindex(struct.pack("<HHI", 279, 4, 1))
    struct.pack_into("<I", content, at + 8, 2**31)
    path.write_bytes(content)
    return path
