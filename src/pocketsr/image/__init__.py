"""Image upscaling: arrays and files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pocketsr.image._formats import IMAGE_SUFFIXES, is_image_file, is_written

if TYPE_CHECKING:
    from pocketsr.image._animated import ANIMATION_SUFFIXES, is_animation
    from pocketsr.image._array import upscale_array, upscale_image
    from pocketsr.image._file import upscale_image_file

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

# Imported when they are asked for: to see that a file is a video, nobody needs Pillow.
_LATER = {
    "upscale_array": "_array", "upscale_image": "_array", "upscale_image_file": "_file",
    "ANIMATION_SUFFIXES": "_animated", "is_animation": "_animated",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = found
    return found
