"""Quantizers: their steps, and what error they leave in a picture."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pocketsr.source.vp8 import VP8_STEPS

__all__ = ["expected_rms", "jpeg_quality", "jpeg_steps", "step_of_qp"]

# Luma quantization of JPEG's annex K (ITU-T T.81, table K.1), row by row.
_ANNEX_K = np.array([
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
], np.float32)  # fmt: skip
_LARGEST_STEP = 255  # of a baseline file; tables of 16 bits go to 65,535, for qualities below 10
_KEPT = 0.3  # share of a step's error that a coefficient has which became 0: most were nearly so


def jpeg_quality(tables: Mapping[int, Sequence[int]]) -> float | None:
    """Which quality of the IJG's scale (1..100) comes nearest to a file's luma quantization; None: there is no table.

    Other programs' tables are none of that scale: they get the quality whose table has as large a sum.

    tables: as Pillow's JPEG reader gives them in `quantization`: by number, of 64 steps each.
    """
    table = tables.get(0, next(iter(tables.values()), ()))
    if len(table) != 64:
        return None
    total = float(np.clip(np.asarray(table, np.float64), 1, _LARGEST_STEP).sum())
    return float(1 + np.abs(_sums() - total).argmin())


@functools.cache
def _sums() -> NDArray[np.float64]:
    """Of the steps in the tables of qualities 1 to 100."""
    return np.array([np.rint(np.minimum(jpeg_steps(quality), _LARGEST_STEP)).sum() for quality in range(1, 101)])


def jpeg_steps(quality: float) -> NDArray[np.float32]:
    """The 64 luma steps, row by row, of a quality on the IJG's scale."""
    quality = min(100.0, max(1.0, quality))
    percent = 5000.0 / quality if quality < 50.0 else 200.0 - 2.0 * quality
    steps: NDArray[np.float32] = np.maximum(np.float32(1.0), _ANNEX_K * np.float32(percent / 100.0))
    return steps


def step_of_qp(codec: str, qp: float) -> float | None:
    """The step, in levels, that quantizers of H.264, VP9, AV1 and AVIF, MPEG-2 and WebP have on coefficients of an
    orthonormal transform.

    None for other codecs. VP9's table (its specification, section 8.6.1), which is AV1's too, is followed by a line and
    an exponential.
    """
    if codec == "h264":
        return 0.625 * math.pow(2.0, min(qp, 87.0) / 6.0)  # doubles every 6, and is 1 at 4
    if codec in ("vp9", "av1", "avif"):
        index = min(qp, 255.0)
        return (index + 7.0) / 8.0 if index <= 95.0 else 102.0 / 8.0 * math.pow(2.0, (index - 95.0) * 0.02603)
    if codec == "mpeg2":
        return max(1.0, qp)  # of inter blocks: MPEG-4 without a matrix, and MPEG-2 with its flat one
    if codec == "webp":
        index = min(qp, len(VP8_STEPS) - 1.0)
        return 0.5 * float(np.interp(index, np.arange(len(VP8_STEPS)), VP8_STEPS))  # VP8's transform doubles
    return None


def expected_rms(coefficients: NDArray[np.float32], steps: NDArray[np.float32] | float) -> float:
    """Root mean square, in levels, of the error that a quantizer left in blocks whose coefficients came out of it.

    A coefficient that is there has an error that is evenly spread over a step; one that became 0 has less.

    coefficients: (N, 64) of orthonormal 8x8 transforms. steps: of all, or one for each.
    """
    there = np.mean(np.abs(coefficients) > 0.5 * np.asarray(steps, np.float32), axis=0, dtype=np.float32)
    error = np.square(steps) / 12.0 * (_KEPT + (1.0 - _KEPT) * there)
    return float(np.sqrt(np.mean(error)))
