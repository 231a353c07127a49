"""Losses pixel by pixel. All take N C H W in 0..1 and give the mean over everything."""

from __future__ import annotations

from torch import Tensor

__all__ = ["charbonnier", "l1", "l2"]


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """The mean absolute difference."""
    return (sr - hr).abs().mean()


def l2(sr: Tensor, hr: Tensor) -> Tensor:
    """The mean square: PSNR in dB is -10 log10 of it."""
    return (sr - hr).square().mean()


def charbonnier(sr: Tensor, hr: Tensor, eps: float = 1e-3) -> Tensor:
    """The mean of sqrt(d^2 + eps^2), an L1 that is smooth at 0 (Lai et al., CVPR 2017, equation 3)."""
    return ((sr - hr).square() + eps * eps).sqrt().mean()
