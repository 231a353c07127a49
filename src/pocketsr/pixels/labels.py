"""A line of text over a picture: white on a dark box, in whatever planes the picture is stored."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["label_mask", "stamp"]

_LEAST, _LINE = 10, 24  # pixels of a line at least; lines in a picture's height
_BOX = 0.35  # how much of the picture shows through the box


@cache
def label_mask(text: str, width: int, height: int) -> NDArray[np.float32]:
    """How white each pixel of a label is, 0 (the box) to 1 (ink), for a picture of width x height: (h, w).

    Not larger than the picture, and of an even number of rows and columns where that has room for two.
    """
    from PIL import Image, ImageDraw, ImageFont

    size = max(_LEAST, height // _LINE)
    font = ImageFont.load_default(size)
    margin = max(2, size // 4)
    left, top, right, bottom = (int(side) for side in font.getbbox(text))
    box = (right - left + 2 * margin, bottom - top + 2 * margin)
    image = Image.new("L", ((box[0] + 1) & ~1, (box[1] + 1) & ~1))
    ImageDraw.Draw(image).text((margin - left, margin - top), text, fill=255, font=font)
    mask = np.asarray(image, np.float32) / np.float32(255)
    return mask[: max(height & ~1, 1), : max(width & ~1, 1)]


def stamp(
    plane: NDArray[Any], mask: NDArray[np.float32], ink: int, box: int, *, opaque: bool = False
) -> None:  # fmt: skip
    """Draw a label into the top left corner of a plane (H, W), in place, between the levels `box` and `ink`.

    opaque: nothing of the plane shows through, as is right for alpha and chroma.
    """
    height, width = mask.shape
    corner = plane[:height, :width]
    mask = mask[: corner.shape[0], : corner.shape[1]]
    below = np.float32(box) if opaque else box + (corner.astype(np.float32) - box) * np.float32(_BOX)
    corner[...] = np.rint(below + (ink - below) * mask).astype(plane.dtype)
