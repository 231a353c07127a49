"""Pixels as arrays: colour, resize, metrics (NumPy only), and the files they are read from (`pictures`, Pillow)."""

from __future__ import annotations

from pocketsr.pixels.colour import Matrix, luma_to_grey, rgb_to_luma, rgb_to_ycbcr, ycbcr_to_rgb
from pocketsr.pixels.metrics import psnr, ssim
from pocketsr.pixels.resize import cubic, imresize, resized

__all__ = [
    "Matrix", "cubic", "imresize", "luma_to_grey", "psnr", "resized", "rgb_to_luma", "rgb_to_ycbcr", "ssim",
    "ycbcr_to_rgb",
]  # fmt: skip
