"""A part of a frame as each path shows it at the same bits, kept without loss."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pocketsr.pixels import luma_to_grey

__all__ = ["SIDE", "Still", "cut"]

SIDE = 224
"""Pixels of a side, or less where the clip has less."""


@dataclass(frozen=True)
class Still:
    """figures: of the whole clip on this path. picture: WebP."""

    clip: str
    codec: str
    path: str
    figures: dict[str, Any]
    picture: bytes


def cut(frame: NDArray[np.uint8], original: NDArray[np.uint8]) -> bytes:
    """The square of `frame` (luma, studio range) where the original has most detail: a lossless WebP, full range."""
    height, width = (min(SIDE, side) for side in original.shape)
    y = original.astype(np.float32)
    detail = np.zeros(original.shape, np.float64)
    detail[1:, :] += np.square(np.diff(y, axis=0))
    detail[:, 1:] += np.square(np.diff(y, axis=1))
    sums = np.pad(np.minimum(detail, 900).cumsum(0).cumsum(1), ((1, 0), (1, 0)))  # one hard edge isn't much detail
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(int(np.argmax(inside)), inside.shape)
    part = luma_to_grey(frame[top : top + height, left : left + width])
    file = io.BytesIO()
    Image.fromarray(part).save(file, "WEBP", lossless=True, method=4)
    return file.getvalue()
