"""Noise and JPEG on LR planes."""

from __future__ import annotations

import numpy as np

from pocketsr.data import add_jpeg, add_noise
from pocketsr.pixels import psnr


def test_noise_has_the_deviation_that_was_asked_for_and_repeats() -> None:
    grey = np.full((200, 200), 128, np.uint8)
    noisy = add_noise(grey, 5.0, np.random.default_rng(0))
    # Rounding adds 1/12 to the variance; 40,000 samples give the deviation to 0.4 %, four times that is allowed
    assert abs(noisy.astype(float).std() / np.sqrt(25 + 1 / 12) - 1) < 0.014
    assert abs(noisy.mean() - 128) < 0.1  # 4 * 5 / 200
    np.testing.assert_array_equal(noisy, add_noise(grey, 5.0, np.random.default_rng(0)))
    np.testing.assert_array_equal(add_noise(grey, 0.0, np.random.default_rng(0)), grey)


def test_noise_is_clipped_not_wrapped() -> None:
    for level in (0, 255):
        noisy = add_noise(np.full((50, 50), level, np.uint8), 3.0, np.random.default_rng(0))
        assert np.abs(noisy.astype(int) - level).max() < 20


def test_jpeg_keeps_studio_range_and_loses_more_at_lower_quality() -> None:
    for level in (16, 126, 235):  # flat: the DC coefficient alone, a step of at most 1/8 level at quality 95
        flat = np.full((16, 24), level, np.uint8)
        assert np.abs(add_jpeg(flat, 95).astype(int) - level).max() <= 1
    rows, columns = np.mgrid[:61, :77]  # no multiple of 8
    picture = (128 + 50 * np.sin(columns / 3) * np.cos(rows / 4)).astype(np.uint8)
    fine, coarse = add_jpeg(picture, 90), add_jpeg(picture, 20)
    assert fine.shape == coarse.shape == picture.shape
    assert psnr(fine, picture) > psnr(coarse, picture) + 5
    assert psnr(coarse, picture) > 25
