"""Losses of differences between neighbouring pixels. All take N C H W in 0..1."""

from __future__ import annotations

from torch import Tensor

__all__ = ["gradient", "tv"]


def tv(sr: Tensor, _hr: Tensor | None = None) -> Tensor:
    """Total variation of `sr` alone, anisotropic (Rudin et al., 1992; Esedoglu and Osher, 2004).

    The mean absolute difference of horizontal neighbours plus that of vertical ones.
    """
    return sr.diff(dim=-1).abs().mean() + sr.diff(dim=-2).abs().mean()


def gradient(sr: Tensor, hr: Tensor) -> Tensor:
    """L1 between the differences of neighbours in `sr` and in `hr`, horizontal plus vertical.

    The gradient difference of Mathieu et al. (ICLR 2016), but with signs: an edge the wrong way round costs most.
    """
    return tv(sr - hr)  # differences are linear
