"""RFDN: blocks that distil half of their channels three times, and weigh the rest by contrast.

Liu, Tang, Wu, "Residual Feature Distillation Network for Lightweight Image Super-Resolution", AIM workshop of ECCV
2020. RGB in 0..1, zero padding. This is the network of the paper's tables (48 channels, 6 blocks, channel attention:
534K at x2, 541K at x3, 550K at x4). The authors' code holds the challenge's winner E-RFDN instead (50 channels, 4
blocks, spatial attention), which has 417K at x2. The 95.0G multiplications that others quote beside 534K fit E-RFDN
with the x4 tail that its code fixes; this network has 120.9G.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets._attention import ContrastAttention
from pocketsr.nets.base import SRNet

__all__ = ["Rfdn", "RfdnConfig"]


class RfdnConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blocks: Annotated[int, Meta(ge=1)] = 6
    width: Annotated[int, Meta(ge=4, multiple_of=4)] = 48


def _act(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.05)


class _Block(nn.Module):
    """RFDB (figure 2d): 1x1 convolutions distil, 3x3 ones with a skip (SRB) refine."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.distil = nn.ModuleList(nn.Conv2d(width, width // 2, 1) for _ in range(3))
        self.refine = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(3))
        self.last = nn.Conv2d(width, width // 2, 3, padding=1)
        self.fuse = nn.Conv2d(2 * width, width, 1)
        self.attention = ContrastAttention(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for distil, refine in zip(self.distil, self.refine, strict=True):
            kept.append(_act(distil(x)))
            x = _act(x + refine(x))
        out: Tensor = self.attention(self.fuse(torch.cat([*kept, _act(self.last(x))], 1)))
        return out


class Rfdn(SRNet):
    """RFDN of `config`."""

    scale = 2
    channels = 3
    whole_image = True

    def __init__(self, config: RfdnConfig) -> None:
        super().__init__()
        width = config.width
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(config.blocks))
        self.fuse = nn.Conv2d(config.blocks * width, width, 1)
        self.smooth = nn.Conv2d(width, width, 3, padding=1)
        self.upsample = nn.Sequential(nn.Conv2d(width, 12, 3, padding=1), nn.PixelShuffle(2))
        self.halo = 1 + 4 * config.blocks + 1 + 1

    def forward(self, x: Tensor) -> Tensor:
        first = self.head(x)
        found, y = [], first
        for block in self.blocks:
            y = block(y)
            found.append(y)
        out: Tensor = self.upsample(first + self.smooth(_act(self.fuse(torch.cat(found, 1)))))
        return out
