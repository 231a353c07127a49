"""Image upscaling: arrays and files."""

from __future__ import annotations

from pocketsr.image._animated import ANIMATION_SUFFIXES, is_animation
from pocketsr.image._array import upscale_array, upscale_image
from pocketsr.image._file import upscale_image_file
from pocketsr.image._formats import IMAGE_SUFFIXES, is_image_file, is_written

__all__ = [
    "ANIMATION_SUFFIXES",
    "IMAGE_SUFFIXES",
    "is_animation",
    "is_image_file",
    "is_written",
    "upscale_array",
    "upscale_image",
    "upscale_image_file",
]
