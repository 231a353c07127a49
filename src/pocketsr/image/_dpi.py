"""The resolution of a picture, as EXIF and the formats say it."""

from __future__ import annotations

import math
import struct
from typing import Any

from PIL import Image

from pocketsr.image import _ifd

__all__ = ["file_dpi", "honest", "resolution", "small"]

_X_RESOLUTION, _RESOLUTION_UNIT = 282, 296


def small(value: object, order: str) -> int:
    """An orientation: 1 where the value is none."""
    numbers = value.numbers(order) if isinstance(value, _ifd.Value) else ()
    return int(numbers[0]) if numbers and numbers[0] in range(1, 9) else 1


def resolution(tags: _ifd.Directory, order: str) -> tuple[float, float] | None:
    """Dots per inch as EXIF says them; None where it doesn't, or not in numbers."""
    unit = tags.get(_RESOLUTION_UNIT)
    factor = {2: 1.0, 3: 2.54}.get(small(unit, order) if unit else 2)
    sides = [tags.get(tag) for tag in (_X_RESOLUTION, _X_RESOLUTION + 1)]
    rationals = [side.data for side in sides if isinstance(side, _ifd.Value) and (side.kind, side.count) == (5, 1)]
    if factor is None or len(rationals) < 2:
        return None
    pairs = [struct.unpack(f"{order}II", data) for data in rationals]
    return None if any(below == 0 for _, below in pairs) else (
        pairs[0][0] / pairs[0][1] * factor, pairs[1][0] / pairs[1][1] * factor
    )  # fmt: skip


def file_dpi(name: str, image: Image.Image) -> tuple[float, float] | None:
    """What Pillow read, where that isn't made up: in JPEG without a unit it says 1 or 72."""
    if name == "JPEG" and image.info.get("jfif_unit") not in (1, 2):
        return None
    return None if name == "TIFF" else honest(image.info.get("dpi"))


def honest(dpi: Any) -> tuple[float, float] | None:
    try:
        x, y = float(dpi[0]), float(dpi[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError):
        return None
    return (x, y) if all(math.isfinite(side) and 0 < side < 1e6 for side in (x, y)) else None
