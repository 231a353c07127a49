"""The coefficients that bring an upscaled picture nearest to its original, by least squares, as integers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.codec.correction.filter import LARGEST, PHASES, STEPS, TAPS, Correction, bands, phases_of

__all__ = ["Sums", "fit"]

_UNIT = 4 * STEPS
_RIDGE = 1e-3  # of the mean energy of a tap: a pull towards "no change", where the picture doesn't say
_EXACT = 1e-6  # squared levels a pixel that count as none
_FLOOR = 1e-2  # squared steps a pixel, so that a black picture has an answer too


@dataclass
class Sums:
    """What least squares needs to know of pictures: products of taps, summed over pixels.

    gram: (41, 41), taps by taps. cross: (41, 4), taps by what is missing to the original. energy: what is missing,
    squared. pixels: low-resolution ones. All in levels, of taps in units that integer coefficients are multiplied with.
    """

    gram: NDArray[np.float64] = field(default_factory=lambda: np.zeros((TAPS, TAPS)))
    cross: NDArray[np.float64] = field(default_factory=lambda: np.zeros((TAPS, PHASES)))
    energy: float = 0.0
    pixels: float = 0.0

    @classmethod
    def of(cls, decoded: NDArray[Any], upscaled: NDArray[Any], original: NDArray[Any]) -> Sums:
        """Of one picture: (H, W), (2 H, 2 W) and (2 H, 2 W). Raises ValueError for shapes that don't go together."""
        if original.shape != upscaled.shape:
            raise ValueError(f"the original is {original.shape}, what it is compared with {upscaled.shape}")
        sums = cls()
        for rows, taps in bands(decoded, upscaled):
            both = (slice(2 * rows.start, 2 * rows.stop),)
            missing = original[both].astype(taps.dtype) - upscaled[both]
            wanted = np.stack([plane.reshape(-1) for plane in phases_of(missing)], axis=1)
            sums.gram += taps @ taps.T
            sums.cross += taps @ wanted
            sums.energy += float(np.sum(np.square(wanted, dtype=np.float64)))
            sums.pixels += taps.shape[1]
        sums.gram /= _UNIT * _UNIT
        sums.cross /= _UNIT
        return sums

    def add(self, other: Sums, keep: float = 1.0) -> None:
        """Add `other`, after what was there is multiplied by `keep` (0..1)."""
        self.gram = keep * self.gram + other.gram
        self.cross = keep * self.cross + other.cross
        self.energy = keep * self.energy + other.energy
        self.pixels = keep * self.pixels + other.pixels

    def gain_db(self, correction: Correction | None) -> float:
        """What a correction gains in PSNR on these pictures, before its output is rounded and clipped."""
        if correction is None:
            return 0.0
        q = correction.coefficients.astype(np.float64).T  # 41 4
        left = self.energy + float(np.sum(q * (self.gram @ q)) - 2 * np.sum(q * self.cross))
        least = _EXACT * max(self.pixels, 1)  # a picture that was right already has no energy
        return float(10 * np.log10((self.energy + least) / (max(left, 0.0) + least)))


def fit(sums: Sums) -> Correction | None:
    """The best correction for these pictures, drawn towards none; None where rounded coefficients gain nothing.

    Coefficients are rounded one by one, each time those that are left are solved again to make up for it.
    """
    if sums.pixels < TAPS:
        return None
    ridge = _RIDGE * float(np.trace(sums.gram)) / TAPS + _FLOOR * sums.pixels / (_UNIT * _UNIT)
    matrix = sums.gram + ridge * np.eye(TAPS)
    rounded = np.zeros((TAPS, PHASES))
    order = np.argsort(-np.diag(matrix), kind="stable")  # what costs most when it is off comes first
    right = sums.cross.copy()
    for at, tap in enumerate(order):
        rest = order[at:]
        best = np.linalg.solve(matrix[np.ix_(rest, rest)], right[rest])[0]
        rounded[tap] = np.clip(np.rint(best), -LARGEST, LARGEST)
        right -= np.outer(matrix[:, tap], rounded[tap])
    found = Correction(np.ascontiguousarray(rounded.T).astype(np.int8))
    return found if found.coefficients.any() and sums.gain_db(found) > 0 else None
