"""PSNR and SSIM as this field publishes them, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["psnr", "ssim"]

_WINDOW, _SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03


def psnr(image: NDArray[Any], reference: NDArray[Any], peak: float = 255.0) -> float:
    """10 log10(peak^2 / mean squared error) in dB over all elements; infinite where both are equal."""
    _same_shape(image, reference)
    mse = float(np.mean(np.square(image.astype(np.float64) - reference.astype(np.float64))))
    return math.inf if mse == 0 else 10 * math.log10(peak * peak / mse)


def ssim(image: NDArray[Any], reference: NDArray[Any], peak: float = 255.0) -> float:
    """Mean structural similarity of two (H, W) planes of at least 11x11 (Wang et al., IEEE TIP 2004, eq. 13).

    As the authors' MATLAB `ssim`: Gaussian window 11x11 of sigma 1.5, K1 = 0.01, K2 = 0.03, only windows
    that lie wholly inside the image, biased (weighted) variances, no downsampling.
    """
    _same_shape(image, reference)
    if image.ndim != 2 or min(image.shape) < _WINDOW:
        raise ValueError(f"SSIM needs planes of at least {_WINDOW}x{_WINDOW}, got shape {image.shape}")
    x, y = image.astype(np.float64), reference.astype(np.float64)
    mean_x, mean_y = _smooth(x), _smooth(y)
    var_x = _smooth(x * x) - mean_x * mean_x
    var_y = _smooth(y * y) - mean_y * mean_y
    cov = _smooth(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    structure = (2 * cov + c2) / (var_x + var_y + c2)
    return float(np.mean(luminance * structure))


def _same_shape(a: NDArray[Any], b: NDArray[Any]) -> None:
    if a.shape != b.shape:
        raise ValueError(f"shapes differ: {a.shape} and {b.shape}")


def _smooth(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """The separable Gaussian, valid part only: (H, W) -> (H-10, W-10)."""
    taps = np.exp(-np.square(np.arange(_WINDOW) - _WINDOW // 2) / (2 * _SIGMA**2))
    taps /= taps.sum()
    rows: NDArray[np.float64] = sliding_window_view(plane, _WINDOW, axis=0) @ taps
    out: NDArray[np.float64] = sliding_window_view(rows, _WINDOW, axis=1) @ taps
    return out
