"""imresize against values worked out by hand and against a plain dense definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from pocketsr.pixels import cubic, imresize

# Keys' kernel at quarter steps, by hand: 1.5x^3 - 2.5x^2 + 1 and -0.5x^3 + 2.5x^2 - 4x + 2.
NEAR, MID, FAR, EDGE = 0.8671875, 0.2265625, -0.0703125, -0.0234375  # |x| = 0.25, 0.75, 1.25, 1.75


def dense(size: int, scale: float, antialias: bool) -> NDArray[np.float64]:
    """The (out, size) matrix of one axis, straight from the definition: one entry at a time."""
    out = math.ceil(size * scale)
    shrink = min(scale, 1.0) if antialias else 1.0
    matrix = np.zeros((out, size))
    for o in range(out):
        centre = (o + 0.5) / scale - 0.5
        halo = math.ceil(2 / shrink) + 1
        for i in range(math.floor(centre) - halo, math.floor(centre) + halo + 1):
            mirrored = i % (2 * size)
            mirrored = mirrored if mirrored < size else 2 * size - 1 - mirrored
            matrix[o, mirrored] += cubic(np.array((centre - i) * shrink))
    return matrix / matrix.sum(axis=1, keepdims=True)


def test_kernel_by_hand() -> None:
    at = np.array([0, 0.25, 0.75, 1, 1.25, 1.75, 2, 3, -0.25])
    assert_array_equal(cubic(at), [1, NEAR, MID, 0, FAR, EDGE, 0, 0, NEAR])


def test_enlarging_an_impulse_by_hand() -> None:
    row = np.zeros((1, 9))
    row[0, 4] = 1
    # Output 8 and 9 lie a quarter left and right of pixel 4, 6 and 11 1.25 away, and so on.
    expected = [0, 0, 0, 0, 0, EDGE, FAR, MID, NEAR, NEAR, MID, FAR, EDGE, 0, 0, 0, 0, 0]
    assert_allclose(imresize(row, 2)[0], expected, atol=1e-15)


def test_shrinking_an_impulse_by_hand() -> None:
    row = np.zeros((1, 16))
    row[0, 8] = 1
    # The kernel is twice as wide and half as high; output k lies at 2k + 0.5.
    by_distance = {0.5: NEAR, 1.5: MID, 2.5: FAR, 3.5: EDGE}
    expected = np.array([by_distance.get(abs(2 * k + 0.5 - 8), 0) / 2 for k in range(8)])
    assert_allclose(imresize(row, 0.5)[0], expected, atol=1e-15)


def test_border_is_mirrored() -> None:
    # Output 0 of x2 lies at -0.25: taps 0 and -1 = 0 again, then 1 and -2 = 1 again.
    row = np.array([[10.0, 30.0, 0.0, 0.0, 0.0]])
    assert_allclose(imresize(row, 2)[0, 0], (NEAR + MID) * 10 + (FAR + EDGE) * 30, atol=1e-12)


def test_without_antialiasing_only_four_taps_count() -> None:
    row = np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 100.0, 0.0, 0.0]])
    assert imresize(row, 0.5, antialias=False)[0, 1] == 0  # at 2.5: pixel 5 is 2.5 away
    assert imresize(row, 0.5)[0, 1] == FAR / 2 * 100


@pytest.mark.parametrize("scale", [0.5, 2, 3, 1 / 3, 1.5, 0.7])
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 3), (7, 13), (12, 5)])
@pytest.mark.parametrize("antialias", [True, False])
def test_equals_the_dense_definition(size: tuple[int, int], scale: float, antialias: bool) -> None:
    image = np.random.default_rng(7).uniform(0, 255, size)
    expected = dense(size[0], scale, antialias) @ image @ dense(size[1], scale, antialias).T
    assert_allclose(imresize(image, scale, antialias=antialias), expected, atol=1e-10)


def test_colour_planes_are_independent() -> None:
    image = np.random.default_rng(1).integers(0, 256, (9, 6, 3), np.uint8)
    whole = imresize(image, 0.5)
    assert whole.shape == (5, 3, 3)
    for channel in range(3):
        assert_array_equal(whole[..., channel], imresize(image[..., channel], 0.5))


def test_uint8_is_rounded_after_each_pass() -> None:
    image = np.random.default_rng(3).integers(0, 256, (16, 16), np.uint8)

    def rounded(x: NDArray[Any]) -> NDArray[Any]:
        return np.clip(np.floor(x + 0.5), 0, 255)

    rows = rounded(dense(16, 0.5, True) @ image)
    twice = rounded(rows @ dense(16, 0.5, True).T)
    once = rounded(imresize(image.astype(np.float64), 0.5))
    result = imresize(image, 0.5)
    assert result.dtype == np.uint8
    assert_array_equal(result, twice)
    assert not np.array_equal(result, once)


def test_halves_round_up_and_overshoot_is_clipped() -> None:
    step = np.array([[0, 0, 0, 255, 255, 255]], np.uint8)
    foot = round(255 * (MID + EDGE))  # 52; one pixel further out lies 255 * FAR = -18, and above 255 by as much
    assert_array_equal(imresize(step, 2)[0], [0, 0, 0, 0, 0, foot, 255 - foot, 255, 255, 255, 255, 255])
    assert imresize(np.array([[1, 2]], np.uint8), 0.5)[0, 0] == 2  # exactly 1.5
