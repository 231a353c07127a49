"""What cameras and image files do to LR pictures."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from pocketsr.data.pairs import Plane
from pocketsr.pixels import rgb_to_luma

__all__ = ["add_jpeg", "add_noise"]


def add_noise(lr: Plane, sigma_levels: float, rng: np.random.Generator) -> Plane:
    """Studio luma or R'G'B' with white Gaussian noise of this standard deviation in levels, rounded and clipped."""
    noisy = lr + sigma_levels * rng.standard_normal(lr.shape, np.float32)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def add_jpeg(lr: Plane, quality: int) -> Plane:
    """Studio luma (H, W) or R'G'B' (H, W, 3) as it comes back from a JPEG file of this quality (1..95, the IJG scale).

    JPEG quantizes luma of 0..255 (JFIF), so studio luma is stretched to that and back. Colour has chroma at half size
    both ways, as most files have.
    """
    if lr.ndim == 3:
        return _through_jpeg(lr, quality)
    full = np.clip(np.rint((lr.astype(np.float32) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
    return np.rint(rgb_to_luma(_through_jpeg(full, quality))).astype(np.uint8)


def _through_jpeg(pixels: Plane, quality: int) -> Plane:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return np.array(Image.open(file, formats=("JPEG",)))
