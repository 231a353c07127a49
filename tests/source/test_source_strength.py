"""What is estimated comes near to what was done, and any array can be looked at."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageFilter
from source_pictures import PHOTOS, large, photo

from pocketsr.pixels import imresize, rgb_to_luma
from pocketsr.pixels.strength import strength_between
from pocketsr.source import Hints, estimate_strength, jpeg_quality, look
from pocketsr.source.tiles import luma_tiles

QUALITIES = (30, 40, 50, 60, 70, 80, 90, 95)


def through(rgb: np.ndarray, kind: str, **options: object) -> tuple[np.ndarray, dict]:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, kind, **options)
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB")), getattr(image, "quantization", {})


def luma(rgb: np.ndarray) -> np.ndarray:
    return np.rint(rgb_to_luma(rgb)).astype(np.uint8)


@pytest.mark.parametrize("name", PHOTOS)
def test_jpeg(name: str) -> None:
    clean = photo(name)
    known, unknown = [], []
    for quality in QUALITIES:
        made, tables = through(clean, "JPEG", quality=quality)
        truth = strength_between(luma(clean), luma(made))
        hints = Hints("jpeg", lossless=False, jpeg_quality=jpeg_quality(tables))
        known.append(abs(estimate_strength(luma(made), hints) - truth))
        unknown.append(abs(estimate_strength(luma(made)) - truth))
    assert max(known) < 0.15
    assert np.mean(known) < 0.06
    assert np.mean(unknown) < 0.2
    assert np.mean(known) < np.mean(unknown)


@pytest.mark.parametrize("name", PHOTOS)
def test_webp(name: str) -> None:
    clean = photo(name)
    wrong = []
    for quality in (30, 50, 70, 90):
        made, _ = through(clean, "WEBP", quality=quality)
        truth = strength_between(luma(clean), luma(made))
        wrong.append(abs(estimate_strength(luma(made), Hints("webp", lossless=False)) - truth))
    assert max(wrong) < 0.35
    assert np.mean(wrong) < 0.2


def test_better_quality_is_less_strength() -> None:
    for name in PHOTOS:
        found = []
        for quality in QUALITIES:
            made, tables = through(photo(name), "JPEG", quality=quality)
            found.append(estimate_strength(made, Hints("jpeg", lossless=False, jpeg_quality=jpeg_quality(tables))))
        assert max(after - before for before, after in pairwise(found)) < 0.007, found  # the fit is a polynomial


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("quality", [85, 92])
def test_what_a_blur_took_is_no_loss(name: str, quality: int) -> None:
    """`photo`, told a blur as strength, took what was left: up to 0.3 dB from soft photographs as JPEG of 92."""
    soft = np.asarray(Image.fromarray(photo(name)).filter(ImageFilter.GaussianBlur(0.7)))
    made, tables = through(soft, "JPEG", quality=quality)
    found = estimate_strength(luma(made), Hints("jpeg", lossless=False, jpeg_quality=jpeg_quality(tables)))
    assert found == pytest.approx(strength_between(luma(soft), luma(made)), abs=0.08)


@pytest.mark.parametrize("name", PHOTOS)
def test_lossless_pictures_are_what_they_were(name: str) -> None:
    assert look(photo(name), Hints("png", lossless=True)).strength == 0.0


@pytest.mark.parametrize("shift", [0, 1, 3, 6])
def test_a_lossless_picture_that_was_a_jpeg(shift: int) -> None:
    """Cut out of a JPEG: its blocks begin anywhere."""
    for name in PHOTOS:
        for quality, most in ((40, 0.2), (80, 0.3)):
            made, _ = through(photo(name), "JPEG", quality=quality)
            cut = made[shift:, shift:]
            truth = strength_between(luma(photo(name)), luma(made))
            assert abs(look(cut, Hints("png", lossless=True)).strength - truth) < most, (name, quality)


@pytest.mark.parametrize("name", PHOTOS)
def test_blocks_that_an_old_video_left_are_no_jpeg(name: str) -> None:
    """Steps between blocks of 16 pixels, which a frame keeps when it is shrunk; all within them is as fine as it was.
    The large picture has them too: what takes them away makes it worse."""
    big = large(name).astype(np.float64)
    rows, columns = -(-big.shape[0] // 16), -(-big.shape[1] // 16)
    steps = np.random.default_rng(5).choice([-4.0, -2.0, 2.0, 4.0], (rows, columns, 1))
    blocks = np.kron(steps, np.ones((16, 16, 1)))[: big.shape[0], : big.shape[1]]
    frame = imresize(np.clip(np.rint(big + blocks), 0, 255).astype(np.uint8), 0.5)
    assert look(frame, Hints("png", lossless=True)).strength == 0.0


def test_any_array_can_be_looked_at() -> None:
    rng = np.random.default_rng(0)
    shapes = [(1, 1), (1, 5000), (5000, 1), (7, 9), (31, 33), (32, 32), (8, 8, 3), (40, 50, 4), (3000, 4000)]
    for shape in shapes:
        for pixels in (rng.integers(0, 256, shape, np.uint8), np.full(shape, 255, np.uint8)):
            for hints in (Hints(), Hints("h264", True, False, None, 30.0, 0.1), Hints("jpeg", False, False, 1.0)):
                seen = look(pixels, hints)
                assert 0.0 <= seen.strength <= 1.0
                assert np.isfinite(seen.blockiness)


def test_a_fine_quantizer_broke_nothing() -> None:
    """However broken the frames were that were encoded with it."""
    for name in PHOTOS:
        made, _ = through(photo(name), "JPEG", quality=10)
        for codec in ("h264", "vp9"):
            assert estimate_strength(luma(made), Hints(codec, True, False, qp=0.0)) < 0.2
        assert estimate_strength(luma(made), Hints("h264", True, False, qp=45.0)) > 0.4


def test_hints_that_cannot_be_are_bounded() -> None:
    grey = photo("camera")[..., 0]
    for number in (-1e9, 0.0, 1e9):
        for hints in (
            Hints("jpeg", jpeg_quality=number), Hints("h264", True, qp=number), Hints("vp9", True, qp=number),
            Hints("av1", True, bits_per_pixel=number), Hints("no such codec", True, qp=number, bits_per_pixel=number),
        ):  # fmt: skip
            assert 0.0 <= estimate_strength(grey, hints) <= 1.0


def test_bits_and_types_do_not_count() -> None:
    made, _ = through(photo("coffee"), "JPEG", quality=50)
    grey = made[..., 1]
    of_8 = estimate_strength(grey)
    assert estimate_strength(grey.astype(np.uint16) * 257) == pytest.approx(of_8, abs=1e-4)
    assert estimate_strength(grey.astype(np.uint16) << 2, bits=10) == pytest.approx(of_8, abs=0.01)
    assert estimate_strength(np.dstack([grey] * 3)) == pytest.approx(of_8, abs=1e-4)
    assert estimate_strength(np.dstack([grey] * 3 + [np.zeros_like(grey)])) == pytest.approx(of_8, abs=1e-4)


def test_the_same_picture_gives_the_same() -> None:
    made, _ = through(photo("chelsea"), "JPEG", quality=60)
    grey = np.ascontiguousarray(made[..., 1])
    wide = np.zeros((grey.shape[0], 2 * grey.shape[1]), np.uint8)
    wide[:, ::2] = grey
    assert {look(grey), look(grey.copy()), look(np.asfortranarray(grey)), look(wide[:, ::2])} == {look(grey)}


def test_tiles_are_few_and_spread() -> None:
    y, x = np.mgrid[:2000, :3000]
    tiles = luma_tiles((x * 255 // 2999).astype(np.uint8))
    assert tiles.shape == (36, 32, 32)
    assert tiles.min() < 24
    assert tiles.max() > 231
    assert luma_tiles((y[:64, :64] * 3).astype(np.uint8)).shape == (4, 32, 32)


def test_quality_of_tables() -> None:
    for quality in (1, 10, 30, 49, 50, 51, 75, 95, 100):
        _, tables = through(photo("camera"), "JPEG", quality=quality)
        assert jpeg_quality(tables) == pytest.approx(quality, abs=1)
    assert jpeg_quality({}) is None
    assert jpeg_quality({0: [1] * 63}) is None
    assert jpeg_quality({0: [0] * 64}) == 100.0
    assert jpeg_quality({3: [65_535] * 64}) == 1.0
