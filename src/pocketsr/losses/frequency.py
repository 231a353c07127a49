"""Losses of frequencies. All take N C H W in 0..1.

Both transforms are orthonormal, so sums of squares over coefficients and over pixels agree.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from pocketsr.errors import UserError

__all__ = ["dct", "fft"]

_BLOCK = 8


@cache
def _cosines(dtype: torch.dtype, device: torch.device) -> Tensor:
    """The orthonormal DCT-II of 8 samples, frequency by sample."""
    frequency, sample = torch.arange(_BLOCK)[:, None], torch.arange(_BLOCK)
    matrix = (math.pi / _BLOCK * (sample.double() + 0.5) * frequency).cos() * math.sqrt(2 / _BLOCK)
    matrix[0] /= math.sqrt(2)
    return matrix.to(device, dtype)


def dct(sr: Tensor, hr: Tensor) -> Tensor:
    """The mean absolute difference of DCT-II coefficients in blocks of 8x8 (JPEG's and many codecs' transform).

    Blocks lie from the upper left; rows and columns that fill none do not count. Raises UserError below 8x8 pixels.
    """
    rows, columns = (size // _BLOCK for size in sr.shape[-2:])
    if not rows or not columns:
        raise UserError(f"loss 'dct' needs 8x8 pixels and gets {sr.shape[-2]}x{sr.shape[-1]}: make the patch larger")
    difference = (sr - hr)[..., : rows * _BLOCK, : columns * _BLOCK]
    blocks = difference.reshape(*sr.shape[:2], rows, _BLOCK, columns, _BLOCK).transpose(3, 4)
    cosines = _cosines(difference.dtype, difference.device)
    coefficients: Tensor = cosines @ blocks @ cosines.T
    return coefficients.abs().mean()


def fft(sr: Tensor, hr: Tensor) -> Tensor:
    """The mean over frequencies of |Re| + |Im| of the difference's 2-D Fourier transform (Cho et al., ICCV 2021)."""
    parts: Tensor = torch.view_as_real(torch.fft.fft2(sr - hr, norm="ortho"))
    return 2 * parts.abs().mean()
