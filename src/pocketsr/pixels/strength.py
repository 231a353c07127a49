"""How far a picture is from what it was before an encoder, a camera or a file changed it, as one number."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["STRONGEST_RMS", "strength_between", "strength_of"]

STRONGEST_RMS = 12.0
"""Levels: what counts as 1. H.264 at 150 kbit/s and 640x360 comes near it, JPEG of quality 30 to about half of it."""


def strength_of(rms_levels: float) -> float:
    """The strength of a degradation, 0..1, by the root mean square of what it changed, in levels of 255.

    log2(1 + rms), so that what is nearly clean is told apart as finely as what is badly broken; beyond
    `STRONGEST_RMS` it stays 1.
    """
    return min(1.0, math.log2(1.0 + rms_levels) / math.log2(1.0 + STRONGEST_RMS))


def strength_between(clean: NDArray[np.uint8], degraded: NDArray[np.uint8]) -> float:
    """`strength_of` what lies between two pictures of one shape."""
    difference = degraded.astype(np.float32) - clean
    return strength_of(float(np.sqrt(np.mean(np.square(difference)))))
