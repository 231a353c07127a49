"""How noisy a frame is, from itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pocketsr.bursts.opencv import opencv

__all__ = ["noise_of"]

_LAPLACE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / np.float32(6)
"""Of weights whose squares sum to 1 (Immerkaer, "Fast Noise Variance Estimation", 1996): noise stays what it is."""
_MEDIAN = 0.4549  # of the square of a normal variable


def noise_of(luma: NDArray[np.uint16]) -> float:
    """Variance of the noise in luma (257ths of a level), in squared levels; where all is texture, of the texture."""
    cv2 = opencv()
    middle = luma[:4096, :4096].astype(np.float32) * np.float32(1 / 257)
    fine = cv2.filter2D(middle, cv2.CV_32F, _LAPLACE, borderType=cv2.BORDER_REFLECT)
    return float(np.median(np.square(fine))) / _MEDIAN
