"""Channel attention: each channel scaled by a function of all channels' means over the picture."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

__all__ = ["ChannelAttention", "ContrastAttention"]


class ChannelAttention(nn.Module):
    """Scales channels by their mean over the picture (RCAN, Zhang et al., ECCV 2018, section 3.3)."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(width, width // reduction, 1)
        self.excite = nn.Conv2d(width // reduction, width, 1)

    def statistic(self, x: Tensor) -> Tensor:
        return x.mean((2, 3), keepdim=True)

    def forward(self, x: Tensor) -> Tensor:
        return x * cast(Tensor, self.excite(self.squeeze(self.statistic(x)).relu())).sigmoid()


class ContrastAttention(ChannelAttention):
    """Scales channels by their standard deviation plus their mean (IMDN, Hui et al., 2019)."""

    def statistic(self, x: Tensor) -> Tensor:
        mean = super().statistic(x)
        variance = (x - mean).square().mean((2, 3), keepdim=True)
        return variance.clamp_min(1e-12).sqrt() + mean  # clamped: the root of 0 (a flat picture's) has no gradient
