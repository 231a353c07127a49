"""What cameras and image files do to LR pictures."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from pocketsr.data.pairs import Plane
from pocketsr.pixels import luma_to_grey, rgb_to_luma

__all__ = ["add_blur", "add_jpeg", "add_noise", "add_webp"]


def add_blur(lr: Plane, sigma: float) -> Plane:
    """Pictures (H, W) or (H, W, 3) through a Gaussian of this standard deviation in pixels, edges repeated."""
    reach = max(1, int(np.ceil(3 * sigma)))
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    taps = (taps / taps.sum()).astype(np.float32)
    soft = lr.astype(np.float32)
    for axis in (0, 1):
        widths = [(0, 0)] * lr.ndim
        widths[axis] = (reach, reach)
        wide = np.pad(soft, widths, mode="edge")
        views = np.lib.stride_tricks.sliding_window_view(wide, 2 * reach + 1, axis=axis)
        soft = views @ taps
    return np.clip(np.rint(soft), 0, 255).astype(np.uint8)


def add_noise(lr: Plane, sigma_levels: float, rng: np.random.Generator) -> Plane:
    """Studio luma or R'G'B' with white Gaussian noise of this standard deviation in levels, rounded and clipped."""
    noisy = lr + sigma_levels * rng.standard_normal(lr.shape, np.float32)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def add_jpeg(lr: Plane, quality: int) -> Plane:
    """Studio luma (H, W) or R'G'B' (H, W, 3) as it comes back from a JPEG file of this quality (1..95, the IJG scale).

    JPEG quantizes luma of 0..255 (JFIF), so studio luma is stretched to that and back. Colour has chroma at half size
    both ways, as most files have.
    """
    return _through(lr, "JPEG", quality=quality, subsampling="4:2:0")


def add_webp(lr: Plane, quality: int) -> Plane:
    """Studio luma (H, W) or R'G'B' (H, W, 3) as it comes back from a lossy WebP file of this quality (0..100)."""
    return _through(lr, "WEBP", quality=quality, method=2)


def _through(lr: Plane, kind: str, **options: Any) -> Plane:
    if lr.ndim == 3:
        return _reopened(lr, kind, options)
    return np.rint(rgb_to_luma(_reopened(luma_to_grey(lr), kind, options))).astype(np.uint8)


def _reopened(pixels: Plane, kind: str, options: dict[str, Any]) -> Plane:
    file = io.BytesIO()
    grey = pixels.ndim == 2
    Image.fromarray(pixels).save(file, kind, **options)
    with Image.open(file, formats=(kind,)) as image:
        return np.array(image.convert("L") if grey and image.mode != "L" else image)
