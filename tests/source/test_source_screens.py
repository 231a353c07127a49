"""Text and windows are told from photographs, from flat pictures and from drawings of gradients."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from source_pictures import PHOTOS, large, page, photo

from pocketsr.source import Hints, look


def jpeg(rgb: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(("size", "ink", "paper"), [(11, 20, 245), (13, 0, 255), (16, 220, 30), (20, 60, 200)])
def test_pages_are_screens(size: int, ink: int, paper: int) -> None:
    drawn = page(size, ink, paper)
    assert look(drawn, Hints("png", lossless=True)).screen
    assert look(drawn[..., 0]).screen  # grey
    assert look(np.kron(drawn, np.ones((2, 2, 1), np.uint8))).screen  # of a display with small pixels
    # Below, grey letters on grey may pass for a photograph: that loses less than the reverse.
    for quality in (75, 90) if abs(ink - paper) > 150 else (85, 90):
        assert look(jpeg(drawn, quality), Hints("jpeg", lossless=False, jpeg_quality=quality)).screen


@pytest.mark.parametrize("name", PHOTOS)
def test_photographs_are_none(name: str) -> None:
    for rgb in (photo(name), large(name), jpeg(photo(name), 30), 255 - photo(name)):
        assert not look(rgb).screen


def test_other_pictures_are_none() -> None:
    y, x = np.mgrid[:256, :256]
    noise = np.random.default_rng(0).integers(0, 256, (256, 256), np.uint8)
    ramp, wave = ((x + y) // 2).astype(np.uint8), np.rint(127 + 100 * np.sin(x / 9) * np.cos(y / 14)).astype(np.uint8)
    for pixels in (np.zeros((64, 64), np.uint8), np.full((300, 300, 3), 255, np.uint8), ramp, wave, noise):
        assert not look(pixels).screen
