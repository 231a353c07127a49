"""Losses pixel by pixel. All take N C H W in 0..1 and give the mean over everything."""

from __future__ import annotations

from torch import Tensor

__all__ = ["charbonnier", "l1", "l2", "psnr"]


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """The mean absolute difference."""
    return (sr - hr).abs().mean()


def l2(sr: Tensor, hr: Tensor) -> Tensor:
    """The mean square: PSNR in dB is -10 log10 of it."""
    return (sr - hr).square().mean()


def charbonnier(sr: Tensor, hr: Tensor, eps: float = 1e-3) -> Tensor:
    """The mean of sqrt(d^2 + eps^2), an L1 that is smooth at 0 (Lai et al., CVPR 2017, equation 3)."""
    return ((sr - hr).square() + eps * eps).sqrt().mean()


def psnr(sr: Tensor, hr: Tensor, floor: float = 3e-5) -> Tensor:
    """The mean over pictures of log10(mean square + floor), which is -PSNR / 10 (PSNR in dB), and never below -4.52.

    What benchmarks report, as a loss (Chen et al., HINet, CVPRW 2021, equation 5). An easy picture counts as much as a
    hard one, where L2 sees hard ones alone; `floor` (45 dB) keeps flat patches from counting without bound.
    """
    return ((sr - hr).square().flatten(1).mean(1) + floor).log10().mean()
