"""What is used of OpenCV, typed, and one line where it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.errors import UserError

__all__ = [
    "Map", "Plane32", "averaged", "cosines", "eroded", "extended", "filtered", "from_cosines", "lacks_memory",
    "opencv", "places", "resampled", "threads_of",
]  # fmt: skip

_NO_MEMORY = -4  # cv2.Error.StsNoMem
Plane32 = NDArray[np.float32]
Map = tuple[NDArray[Any], NDArray[Any]]
"""Where to read, as OpenCV wants it: made by `places`."""


@cache
def opencv() -> Any:
    """The module `cv2`. Raises UserError where it is not installed."""
    try:
        import cv2
    except ImportError as error:
        raise UserError(f"fusing several frames needs OpenCV ({error}): pip install 'pocketsr[burst]'") from error
    return cv2


def lacks_memory(error: Exception) -> bool:
    """Whether this is OpenCV's way of saying what Python calls a MemoryError."""
    return getattr(error, "code", None) == _NO_MEMORY and type(error).__module__ == "cv2"


@contextmanager
def threads_of(count: int | None) -> Iterator[None]:
    """OpenCV on so many threads; None: on as many as it likes."""
    if count is None:
        yield
        return
    before = opencv().getNumThreads()
    opencv().setNumThreads(count)
    try:
        yield
    finally:
        opencv().setNumThreads(before)


def places(x: NDArray[Any], y: NDArray[Any]) -> Map:
    """Places by their x and y, of one shape, in pixels of what is read; pixel centres are whole numbers.

    Converted once to OpenCV's steps of 1/32 pixel, since each is read from many times.
    """
    cv2 = opencv()
    made = cv2.convertMaps(x.astype(np.float32), y.astype(np.float32), cv2.CV_16SC2)
    return made[0], made[1]


def resampled(plane: NDArray[Any], at: Map, *, outside: float | None = None) -> Plane32:
    """`plane` read at fractional places by bicubic interpolation; beyond its edges mirrored, or `outside`.

    OpenCV's cubic (5.0) has a = -0.75.
    """
    cv2 = opencv()
    border = cv2.BORDER_REFLECT if outside is None else cv2.BORDER_CONSTANT
    made: Plane32 = cv2.remap(plane, at[0], at[1], cv2.INTER_CUBIC, borderMode=border, borderValue=outside or 0.0)
    return made


def filtered(plane: Plane32, taps: Plane32, anchor: int) -> Plane32:
    """Correlation with `taps` along both axes, mirrored at the edges: tap `anchor` lies on the pixel."""
    cv2 = opencv()
    made: Plane32 = cv2.sepFilter2D(
        plane, cv2.CV_32F, taps, taps, anchor=(anchor, anchor), borderType=cv2.BORDER_REFLECT
    )
    return made


def averaged(plane: Plane32, side: int) -> Plane32:
    """The mean of side x side pixels around each."""
    cv2 = opencv()
    made: Plane32 = cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT)
    return made


def eroded(plane: Plane32, side: int) -> Plane32:
    """The least of side x side pixels around each."""
    made: Plane32 = opencv().erode(plane, np.ones((side, side), np.uint8))
    return made


def cosines(plane: Plane32) -> Plane32:
    """The discrete cosine transform (DCT-II, orthonormal) of a plane of even sides."""
    made: Plane32 = opencv().dct(plane)
    return made


def extended(plane: Plane32, down: int, across: int) -> Plane32:
    """With so many rows and columns more at the end, mirrored."""
    cv2 = opencv()
    made: Plane32 = cv2.copyMakeBorder(plane, 0, down, 0, across, cv2.BORDER_REFLECT)
    return made


def from_cosines(coefficients: Plane32) -> Plane32:
    """The inverse of `cosines`."""
    made: Plane32 = opencv().idct(coefficients)
    return made
