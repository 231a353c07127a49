"""What the network for fused frames adds, and where it must add nothing."""

from __future__ import annotations

import numpy as np
import pytest
from burst_scenes import burst_of, scene

from pocketsr.bursts.fuse import fuse
from pocketsr.bursts.refine import refined
from pocketsr.engine import Upscaler
from pocketsr.image import upscale_image
from pocketsr.pixels import psnr, rgb_to_luma


def _db(made: np.ndarray, hr: np.ndarray) -> float:
    return psnr(rgb_to_luma(made)[8:-8, 8:-8], rgb_to_luma(hr)[8:-8, 8:-8])


@pytest.mark.parametrize("count", [2, 8])
@pytest.mark.parametrize(("sigma", "least_db"), [(0.0, 0.0), (5.0, 0.1)])
def test_it_gains(
    small: Upscaler, bicubic: Upscaler, refining: Upscaler, count: int, sigma: float, least_db: float
) -> None:
    hr = scene(160, 192, seed=4)
    frames = burst_of(hr, count, sigma=sigma)
    plain, corrected = (fuse(frames, small, bicubic, refining=each).pixels for each in (None, refining))
    assert _db(corrected, hr) > _db(plain, hr) + least_db


def test_where_no_frame_agrees_nothing_is_corrected(small: Upscaler, bicubic: Upscaler, refining: Upscaler) -> None:
    first, other = scene(80, 96), scene(80, 96, seed=8)
    made = fuse([first, other], small, bicubic, refining=refining).pixels
    np.testing.assert_array_equal(made, upscale_image(first, small))


@pytest.mark.parametrize("level", [0, 16, 90, 255])
@pytest.mark.parametrize("noise", [0.0, 40.0])
def test_flat_areas_stay_exactly(refining: Upscaler, level: float, noise: float) -> None:
    flat = np.full((40, 56), level, np.float32)
    made = refined(refining, flat, flat, np.full_like(flat, 7), noise)
    np.testing.assert_array_equal(made, flat)


def test_flat_pictures_of_16_bits_stay_exactly(small: Upscaler, bicubic: Upscaler, refining: Upscaler) -> None:
    for level in (777, 23130, 65000):
        flat = np.full((40, 44, 3), level, np.uint16)
        plain, corrected = (fuse([flat, flat], small, bicubic, refining=each).pixels for each in (None, refining))
        np.testing.assert_array_equal(corrected, plain)
