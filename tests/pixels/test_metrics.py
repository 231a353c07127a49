"""PSNR and SSIM on values worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pocketsr.pixels import psnr, ssim

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def test_psnr_by_hand() -> None:
    zero = np.zeros((2, 2), np.uint8)
    assert psnr(zero, zero + 1) == pytest.approx(48.1308036, abs=1e-6)  # 20 log10(255)
    assert psnr(zero, np.array([[0, 0], [0, 2]], np.uint8)) == pytest.approx(48.1308036, abs=1e-6)  # mse = 1
    assert psnr(zero + 255, zero) == pytest.approx(0)  # and no uint8 wrap-around
    assert psnr(np.zeros(1), np.full(1, 0.1), peak=1.0) == pytest.approx(20)


def test_psnr_of_equal_images_is_infinite() -> None:
    assert psnr(np.ones((3, 3)), np.ones((3, 3))) == math.inf


def test_ssim_of_an_image_with_itself_is_one() -> None:
    image = np.random.default_rng(0).uniform(0, 255, (20, 15))
    assert ssim(image, image) == pytest.approx(1, abs=1e-12)


def test_ssim_of_flat_images_is_the_luminance_term() -> None:
    a, b = np.full((12, 12), 100.0), np.full((12, 12), 130.0)
    assert ssim(a, b) == pytest.approx((2 * 100 * 130 + C1) / (100**2 + 130**2 + C1), abs=1e-12)


def test_ssim_of_one_window_by_hand() -> None:
    """An impulse v in the middle of one window weighs w there: mean w v, variance w (1 - w) v^2."""
    w = 1 / sum(math.exp(-(i**2) / 4.5) for i in range(-5, 6)) ** 2
    image, black, v = np.zeros((11, 11)), np.zeros((11, 11)), 200.0
    image[5, 5] = v
    mean, variance = w * v, w * (1 - w) * v * v
    assert ssim(image, black) == pytest.approx(C1 / (mean**2 + C1) * C2 / (variance + C2), abs=1e-12)


def test_ssim_of_one_window_with_its_negative() -> None:
    """x and 255 - x: equal variances, covariance of the other sign."""
    image = np.zeros((11, 11))
    image[5, 5] = 255
    w = 1 / sum(math.exp(-(i**2) / 4.5) for i in range(-5, 6)) ** 2
    mean, variance = 255 * w, w * (1 - w) * 255**2
    luminance = (2 * mean * (255 - mean) + C1) / (mean**2 + (255 - mean) ** 2 + C1)
    structure = (C2 - 2 * variance) / (C2 + 2 * variance)
    assert ssim(image, 255 - image) == pytest.approx(luminance * structure, abs=1e-12)


def test_ssim_counts_every_whole_window() -> None:
    """A corrupt corner pixel touches one window of the 2 x 3 of a 12x13 image, by the corner's weight."""
    image = np.full((12, 13), 50.0)
    other = image.copy()
    other[0, 0] += 100
    weight = (math.exp(-25 / 4.5) / sum(math.exp(-(i**2) / 4.5) for i in range(-5, 6))) ** 2
    mean, variance = 50 + 100 * weight, weight * (1 - weight) * 100**2
    window = (2 * 50 * mean + C1) / (50**2 + mean**2 + C1) * C2 / (variance + C2)
    assert ssim(image, other) == pytest.approx((5 + window) / 6, abs=1e-12)


def test_ssim_agrees_with_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(1)
    a = rng.integers(0, 256, (40, 33), np.uint8)
    b = np.clip(a + rng.normal(0, 20, a.shape), 0, 255).astype(np.uint8)
    theirs = metrics.structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert ssim(a, b) == pytest.approx(theirs, abs=1e-7)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_shapes_must_agree(metric: Any) -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        metric(np.zeros((12, 12)), np.zeros((12, 13)))


def test_ssim_needs_a_whole_window() -> None:
    with pytest.raises(ValueError, match="11x11"):
        ssim(np.zeros((10, 20)), np.zeros((10, 20)))
