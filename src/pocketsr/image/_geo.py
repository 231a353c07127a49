"""Where on earth a GeoTIFF's pixels lie, for pixels that are smaller."""

from __future__ import annotations

import struct
from fractions import Fraction

from pocketsr.image._ifd import DOUBLE, SHORT, Directory, Value

__all__ = ["GEO_TAGS", "rescaled_geo"]

_PIXEL_SCALE, _TIEPOINTS, _TRANSFORMATION, _KEYS = 33550, 33922, 34264, 34735
GEO_TAGS = (_PIXEL_SCALE, _TIEPOINTS, _TRANSFORMATION, _KEYS, 34736, 34737, 42112, 42113)  # GDAL's two with them
_RASTER_TYPE, _PIXEL_IS_POINT = 1025, 2


def rescaled_geo(tags: Directory, order: str, scale: tuple[Fraction, Fraction]) -> Directory:
    """The tags with the same ground under `scale` times the pixels in x and y (OGC 19-008r4, section 7 and annex B).

    A pixel's number means its upper left corner, or its centre where the file says PixelIsPoint: then the first
    centre of the larger picture lies nearer to the corner.
    """
    scales = [float(factor) for factor in scale]
    shifts = [(factor - 1) / 2 if _is_point(tags.get(_KEYS), order) else 0.0 for factor in scales]
    out = dict(tags)
    for tag, width in ((_PIXEL_SCALE, 3), (_TIEPOINTS, 6), (_TRANSFORMATION, 16)):
        value = tags.get(tag)
        if not isinstance(value, Value) or value.kind != DOUBLE or value.count % width:
            continue
        numbers = list(value.numbers(order))
        for at in range(0, len(numbers), width):
            if tag == _PIXEL_SCALE:
                numbers[at : at + 2] = [side / by for side, by in zip(numbers[at : at + 2], scales, strict=True)]
            elif tag == _TIEPOINTS:
                places = zip(numbers[at : at + 2], scales, shifts, strict=True)
                numbers[at : at + 2] = [place * by + shift for place, by, shift in places]
            else:
                for row in range(at, at + 16, 4):
                    x, y = numbers[row] / scales[0], numbers[row + 1] / scales[1]
                    numbers[row : row + 2] = [x, y]
                    numbers[row + 3] -= shifts[0] * x + shifts[1] * y
        out[tag] = Value(DOUBLE, value.count, struct.pack(f"{order}{value.count}d", *numbers))
    return out


def _is_point(keys: object, order: str) -> bool:
    if not isinstance(keys, Value) or keys.kind != SHORT:
        return False
    numbers = keys.numbers(order)
    return any(
        numbers[at] == _RASTER_TYPE and numbers[at + 3] == _PIXEL_IS_POINT for at in range(4, len(numbers) - 3, 4)
    )
