"""Colour conversion against the printed figures of the standards."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pocketsr.pixels import Matrix, luma_to_grey, rgb_to_luma, rgb_to_ycbcr, ycbcr_to_rgb

MATRICES: tuple[Matrix, ...] = ("bt601", "bt709", "bt2020")


def test_bt601_studio_is_matlabs_rgb2ycbcr() -> None:
    """The matrix as MATLAB documents it (R, G, B of 0..1 to Y, Cb, Cr)."""
    primaries = np.eye(3) * 255
    expected = np.array([[65.481, -37.797, 112.0], [128.553, -74.203, -93.786], [24.966, 112.0, -18.214]])
    assert_allclose(rgb_to_ycbcr(primaries) - [16, 128, 128], expected, atol=5e-4)


@pytest.mark.parametrize(("matrix", "luma"), [("bt601", 0.299), ("bt709", 0.2126), ("bt2020", 0.2627)])
def test_red_by_hand(matrix: Matrix, luma: float) -> None:
    red = np.array([255.0, 0, 0])
    assert_allclose(rgb_to_ycbcr(red, matrix, full_range=True)[[0, 2]], [255 * luma, 255.5], atol=1e-9)
    assert_allclose(rgb_to_ycbcr(red, matrix)[[0, 2]], [16 + 219 * luma, 240], atol=1e-9)


@pytest.mark.parametrize("matrix", MATRICES)
def test_grey_axis_and_range(matrix: Matrix) -> None:
    greys = np.array([0.0, 128, 255])[:, None].repeat(3, axis=1)
    assert_allclose(
        rgb_to_ycbcr(greys, matrix),
        [[16, 128, 128], [16 + 128 * 219 / 255, 128, 128], [235, 128, 128]],
        atol=1e-9,
    )
    assert_allclose(rgb_to_ycbcr(greys, matrix, full_range=True)[:, 0], [0, 128, 255], atol=1e-9)


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("full_range", [True, False])
def test_round_trip(matrix: Matrix, full_range: bool) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    back = ycbcr_to_rgb(rgb_to_ycbcr(rgb, matrix, full_range), matrix, full_range)
    assert back.dtype == np.float32
    assert_allclose(back, rgb, atol=2e-4)  # float32 keeps 24 bits of 255
    exact = ycbcr_to_rgb(rgb_to_ycbcr(rgb.astype(np.float64), matrix, full_range), matrix, full_range)
    assert exact.dtype == np.float64
    assert_allclose(exact, rgb, atol=1e-11)


def test_luma_of_colour_and_of_grey() -> None:
    image = np.array([[[10, 20, 30], [7, 7, 7]]], np.uint8)
    expected = 16 + (65.481 * 10 + 128.553 * 20 + 24.966 * 30) / 255
    assert_allclose(rgb_to_luma(image), [[expected, 16 + 7 * 219 / 255]], atol=1e-4)
    assert_allclose(rgb_to_luma(image[..., 0]), [[16 + 10 * 219 / 255, 16 + 7 * 219 / 255]], atol=1e-9)


def test_luma_goes_back_to_grey() -> None:
    grey = np.arange(256, dtype=np.uint8)[None]
    assert np.array_equal(luma_to_grey(rgb_to_luma(grey)), grey)
    assert luma_to_grey(np.array([0, 16, 89, 235, 255], np.uint8)).tolist() == [
        0,
        0,
        85,
        255,
        255,
    ]
