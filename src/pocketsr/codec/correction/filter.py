"""What a correction does to a picture, in exact integers: the same bits on every machine.

For each pixel (y, x) of the low-resolution picture there are 41 taps: the 5x5 of that picture around it, row by row,
then the 4x4 of the upscaled picture around its four pixels (rows 2y-1 .. 2y+2, columns 2x-1 .. 2x+2), row by row;
pictures are continued by repeating their edges. A tap counts as 4 * sample - (sum of the four upscaled pixels), so
flat areas stay what they are whatever the coefficients. Phase p = 2 i + j is the upscaled pixel (2y + i, 2x + j):

    corrected = clip(upscaled + floor((sum over taps of coefficient[p] * tap + 128) / 256))

A coefficient is an integer of -127 .. 127, in steps of 1/64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["COEFFICIENTS", "LARGEST", "PHASES", "STEPS", "TAPS", "Correction", "bands", "corrected", "phases_of"]

STEPS = 64
"""Steps of a coefficient to 1."""
LARGEST = 127
PHASES = 4
_NEAR, _FAR = 5, 4  # windows: of the decoded picture, and of the upscaled one
TAPS = _NEAR * _NEAR + _FAR * _FAR
COEFFICIENTS = PHASES * TAPS

_SCALE = 2
_UNIT = 4 * STEPS  # taps are four times a difference
_BAND = 1 << 15  # pixels at a time: 41 floats each stay in the cache's reach


@dataclass(frozen=True, eq=False)
class Correction:
    """coefficients: (4, 41) int8, phase by phase, in steps of 1/64. Raises ValueError for others."""

    coefficients: NDArray[np.int8]

    def __post_init__(self) -> None:
        if self.coefficients.shape != (PHASES, TAPS) or self.coefficients.dtype != np.int8:
            raise ValueError(f"{PHASES}x{TAPS} coefficients of int8 are expected")
        if int(self.coefficients.min()) < -LARGEST:
            raise ValueError(f"coefficients are -{LARGEST} to {LARGEST}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Correction) and np.array_equal(self.coefficients, other.coefficients)

    def __hash__(self) -> int:
        return hash(self.coefficients.tobytes())


def corrected(
    correction: Correction, decoded: NDArray[Any], upscaled: NDArray[Any], bits: int | None = None
) -> NDArray[Any]:  # fmt: skip
    """`upscaled` (2 H, 2 W) with the correction applied, new memory of its type; `decoded` (H, W) is its source.

    bits: of a sample; default all of the type (uint8 or uint16). Raises ValueError for shapes that don't go together.
    """
    _check(decoded, upscaled)
    most = (1 << (bits or 8 * upscaled.dtype.itemsize)) - 1
    out = upscaled.copy()
    weights: NDArray[Any] = correction.coefficients.astype(_float_for(upscaled))
    for rows, taps in bands(decoded, upscaled):
        # Sums of integers below 2^24 (2^53): exact as floats in any order
        change = np.floor((weights @ taps + _UNIT // 2) / _UNIT)
        for phase, plane in enumerate(phases_of(out[2 * rows.start : 2 * rows.stop])):
            plane[...] = np.clip(plane + change[phase].reshape(plane.shape), 0, most)
    return out


def phases_of(upscaled: NDArray[Any]) -> list[NDArray[Any]]:
    """The four (H, W) views of a plane (2 H, 2 W), in the order of the phases."""
    return [upscaled[i::_SCALE, j::_SCALE] for i in range(_SCALE) for j in range(_SCALE)]


def bands(decoded: NDArray[Any], upscaled: NDArray[Any]) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Rows of `decoded`, and the taps (41, pixels) of these rows, in floats that hold all sums exactly."""
    _check(decoded, upscaled)
    height, width = decoded.shape
    kind = _float_for(upscaled)
    near = np.pad(decoded, _NEAR // 2, mode="edge")
    far = np.pad(upscaled, (_FAR - _SCALE) // 2, mode="edge")
    step = max(1, _BAND // width)
    for top in range(0, height, step):
        count = min(step, height - top)
        taps = np.empty((TAPS, count, width), kind)
        for tap in range(_NEAR * _NEAR):
            y, x = divmod(tap, _NEAR)
            taps[tap] = near[top + y : top + y + count, x : x + width]
        for tap in range(_FAR * _FAR):
            y, x = divmod(tap, _FAR)
            taps[_NEAR * _NEAR + tap] = far[2 * top + y : 2 * (top + count) + y : 2, x : x + 2 * width : 2]
        taps *= 4
        centre = [_NEAR * _NEAR + _FAR * y + x for y in (1, 2) for x in (1, 2)]
        taps -= taps[centre].sum(axis=0) / 4
        yield slice(top, top + count), taps.reshape(TAPS, -1)


def _float_for(plane: NDArray[Any]) -> type[np.floating[Any]]:
    return np.float32 if plane.dtype == np.uint8 else np.float64


def _check(decoded: NDArray[Any], upscaled: NDArray[Any]) -> None:
    twice = tuple(_SCALE * side for side in decoded.shape)
    if decoded.ndim != 2 or upscaled.shape != twice or not decoded.size:
        raise ValueError(f"a plane and one of twice its sides are expected, not {decoded.shape} and {upscaled.shape}")
    if decoded.dtype != upscaled.dtype or upscaled.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"planes of one type, uint8 or uint16, are expected, not {decoded.dtype} and {upscaled.dtype}")
