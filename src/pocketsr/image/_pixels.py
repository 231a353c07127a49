"""What Pillow has decoded, as an array of pixels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pocketsr.errors import UserError

__all__ = ["TOO_DEEP", "cmyk_to_rgb", "grey16", "to_array", "turned", "upright"]

TOO_DEEP = (
    "{path} has {bits} bits a colour, of which only 8 would be read: save it with 8 bits, or 16 as PNG or TIFF, first, "
    "or pass its array to pocketsr.upscale_image"
)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WITH_TRANSPARENCY = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa")


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned as its EXIF orientation (1 to 8) asks."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """As `upright`, of an array (H, W[, C])."""
    if orientation in (2, 5, 7):
        pixels = pixels[:, ::-1]
    quarters = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    if orientation == 4:
        return np.ascontiguousarray(pixels[::-1])
    return np.ascontiguousarray(np.rot90(pixels, quarters))


def to_array(path: Any, image: Image.Image) -> NDArray[Any]:
    """(H, W), (H, W, 3) or (H, W, 4) in 8 bits, or (H, W) in 16. Raises UserError for other kinds of pixels."""
    mode = image.mode
    if mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if mode == "I":  # how Pillow opens 16-bit grey of PGM
        values = np.asarray(image)
        if values.min() >= 0 and values.max() <= 0xFFFF:
            return values.astype(np.uint16)
    if image.has_transparency_data and mode in _WITH_TRANSPARENCY:
        rgba = np.asarray(image.convert("RGBA"))
        return rgba if (rgba[..., 3] != 255).any() else rgba[..., :3]
    if mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    if mode in ("P", "RGB", "RGBX", "YCbCr"):
        return np.asarray(image.convert("RGB"))
    raise UserError(f"{path} holds pixels of a kind that is not supported ({mode}): convert it to RGB first")


def grey16(path: Any, values: NDArray[Any], *, bits: int, inverted: bool, hidden: object) -> NDArray[Any]:
    """16-bit grey with its full range and black at 0. hidden: the level that means transparent, or None.

    Pillow (13.0) leaves 12 bits at 0..4095, and grey that counts from white (WhiteIsZero) as it is.
    """
    if isinstance(hidden, int) and (values == hidden).any():
        raise UserError(f"{path} has 16-bit grey with transparency, which is not supported: save it with 8 bits first")
    if bits == 12:
        values = (values << 4) | (values >> 8)
    return 0xFFFF - values if inverted else values


def cmyk_to_rgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """By the file's own profile where it has one that works, else by Pillow's plain formula."""
    if icc is not None:
        try:
            source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")
