"""ESPCN: three convolutions at LR size and a pixel shuffle.

Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
Network", CVPR 2016. The paper's network is of luma; this is the R'G'B' one of Chao et al. (CVPR 2023), whose weights
are published: 64 and 32 channels, tanh between, and a sigmoid that keeps the output in 0..1.
"""

from __future__ import annotations

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.nets.base import SRNet

__all__ = ["Espcn", "EspcnConfig"]


class EspcnConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to choose."""


class Espcn(SRNet):
    """5x5, 3x3 and 3x3, zeros around each."""

    scale = 2
    channels = 3
    halo = 2 + 1 + 1

    def __init__(self, _: EspcnConfig) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 5, padding=2)
        self.conv2 = nn.Conv2d(64, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, 12, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.conv1(x))
        y = torch.tanh(self.conv2(y))
        return torch.sigmoid(F.pixel_shuffle(self.conv3(y), 2))
