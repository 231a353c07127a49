"""What an `Upscaler` is given, checked before anything is computed or allocated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.arguments import check_whole
from pocketsr.errors import ArgumentError, ArgumentTypeError, UserError

__all__ = ["check_frame", "new_array", "planes_of"]

_TYPES = (np.uint8, np.uint16, np.float32)  # whatever the order of their bytes
_SIDE = 2**26  # pixels of a result: the C counts in 32 bits, and more is no picture


def check_frame(name: str, channels: int, scale: int, y: Any, bits: Any, out: Any) -> None:
    """Raises ArgumentError or ArgumentTypeError where `name` takes no picture `y`, or `out` not the result."""
    if not isinstance(y, np.ndarray):
        raise ArgumentTypeError(f"the image is {_described(y)}; a NumPy array is expected")
    wanted = "(H, W)" if channels == 1 else f"(H, W, {channels})"
    if y.shape[2:] != (() if channels == 1 else (channels,)) or y.ndim < 2:
        raise ArgumentError(f"the image has the shape {y.shape}; {wanted} is expected by {name}")
    if 0 in y.shape:
        raise ArgumentError(f"the image has the shape {y.shape}: it is empty")
    if y.dtype.type not in _TYPES:
        raise ArgumentTypeError(f"samples are {y.dtype}; uint8, uint16 or float32 is expected")
    if bits is not None:
        check_whole(bits, "bits", 1, 16)
    height, width = y.shape[:2]
    if scale * max(height, width) > _SIDE:
        raise ArgumentError(
            f"the image is {width:,} x {height:,} pixels; up to {_SIDE // scale:,} a side are supported"
        )
    if out is None:
        return
    shape = (scale * height, scale * width, *y.shape[2:])
    if not isinstance(out, np.ndarray) or out.dtype.type is not y.dtype.type or out.shape != shape:
        raise ArgumentError(f"out is {_described(out)}; a writable {shape} {y.dtype} is expected")
    if not out.flags.writeable:
        raise ArgumentError(f"out is read-only; a writable {shape} {y.dtype} is expected")


def planes_of(image: NDArray[Any]) -> NDArray[Any]:
    """(H, W) or (H, W, C) as (C, H, W), without a copy; of what subclasses do when they are indexed, nothing."""
    image = np.asarray(image)
    return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)


def new_array(shape: tuple[int, ...], dtype: np.dtype[Any] | type) -> NDArray[Any]:
    """Uninitialised. Raises UserError where memory is short."""
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError) as error:  # ValueError: more than the address space
        what = f"{' x '.join(f'{side:,}' for side in shape)} {np.dtype(dtype)}"
        raise UserError(f"there is no memory for {what}: take a smaller picture") from error


def _described(thing: object) -> str:
    return f"{thing.shape} {thing.dtype}" if isinstance(thing, np.ndarray) else f"a {type(thing).__name__}"
