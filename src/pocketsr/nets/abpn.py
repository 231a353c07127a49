"""ABPN: 3x3 convolutions and ReLUs, added to the nearest-neighbour upsampling, for phones.

Du et al., "Anchor-based Plain Net for Mobile Image Super-Resolution", CVPR Workshops 2021: M4C28, R'G'B'. Weights for
x2, and of the larger M6C40, are by Chao et al. (CVPR 2023).
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets.base import SRNet

__all__ = ["Abpn", "AbpnConfig"]


class AbpnConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blocks: Annotated[int, Meta(ge=0)] = 4
    features: Annotated[int, Meta(ge=1)] = 28


class Abpn(SRNet):
    """`blocks` + 3 convolutions of 3x3, zeros around each."""

    scale = 2
    channels = 3

    def __init__(self, config: AbpnConfig) -> None:
        super().__init__()
        wide = config.features
        self.backbone = nn.Sequential(
            nn.Conv2d(3, wide, 3, padding=1),
            nn.ReLU(),
            *(nn.Sequential(nn.Conv2d(wide, wide, 3, padding=1), nn.ReLU()) for _ in range(config.blocks)),
            nn.Conv2d(wide, 12, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(12, 12, 3, padding=1),
        )
        self.halo = config.blocks + 3

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.backbone(x), 2) + F.interpolate(x, scale_factor=2.0, mode="nearest")
