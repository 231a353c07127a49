"""What cameras and image files do to LR pictures."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from pocketsr.data.pairs import Plane
from pocketsr.pixels import rgb_to_luma

__all__ = ["add_jpeg", "add_noise"]


def add_noise(lr: Plane, sigma_levels: float, rng: np.random.Generator) -> Plane:
    """Studio luma with white Gaussian noise of this standard deviation in levels of 0..255, rounded and clipped."""
    noisy = lr + sigma_levels * rng.standard_normal(lr.shape, np.float32)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def add_jpeg(lr: Plane, quality: int) -> Plane:
    """Studio luma as it comes back from a JPEG file of this quality (1..95, the IJG scale).

    JPEG quantizes luma of 0..255 (JFIF), so it is stretched to that and back.
    """
    full = np.clip(np.rint((lr.astype(np.float32) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(full).save(file, "JPEG", quality=quality)
    return np.rint(rgb_to_luma(np.asarray(Image.open(file, formats=("JPEG",))))).astype(np.uint8)
