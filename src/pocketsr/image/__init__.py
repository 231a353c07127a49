"""Image upscaling: arrays and files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pocketsr.image._formats import IMAGE_SUFFIXES, check_fits, is_image_file, is_written, target_format

if TYPE_CHECKING:
    from pocketsr.image._alpha import fill_hidden_colour
    from pocketsr.image._animated import ANIMATION_SUFFIXES, is_animation
    from pocketsr.image._array import from_planes, to_planes, upscale_array, upscale_image
    from pocketsr.image._decode import Picture, decode
    from pocketsr.image._file import Chosen, upscale_image_file, write_picture
    from pocketsr.image._memory import free_bytes, growth_of

__all__ = [
    "ANIMATION_SUFFIXES",
    "IMAGE_SUFFIXES",
    "Chosen",
    "Picture",
    "check_fits",
    "decode",
    "fill_hidden_colour",
    "free_bytes",
    "from_planes",
    "growth_of",
    "is_animation",
    "is_image_file",
    "is_written",
    "target_format",
    "to_planes",
    "upscale_array",
    "upscale_image",
    "upscale_image_file",
    "write_picture",
]

# Imported when they are asked for: to see that a file is a video, nobody needs Pillow.
_LATER = {
    "upscale_array": "_array", "upscale_image": "_array", "from_planes": "_array", "to_planes": "_array",
    "fill_hidden_colour": "_alpha",
    "Chosen": "_file", "upscale_image_file": "_file", "write_picture": "_file",
    "Picture": "_decode", "decode": "_decode",
    "free_bytes": "_memory", "growth_of": "_memory",
    "ANIMATION_SUFFIXES": "_animated", "is_animation": "_animated",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = found
    return found
