"""ETDS: nothing but 3x3 convolutions and ReLUs, for phones.

Chao et al., "Equivalent Transformation and Dual Stream Network Construction for Mobile Image Super-Resolution", CVPR
2023. R'G'B'. This is the form in which it is published and run: the two streams of training (detail, and the picture
that is handed through) are one, which is why 3 of `features` carry the picture, and a 1x1 convolution with a ReLU
before and behind it clips the output. ETDS-S, -M and -L of the paper are M4C32, M6C32 and M7C48.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets.base import SRNet

__all__ = ["Etds", "EtdsConfig"]


class EtdsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blocks: Annotated[int, Meta(ge=0)] = 4
    features: Annotated[int, Meta(ge=4)] = 32


class Etds(SRNet):
    """`blocks` + 2 convolutions of 3x3, zeros around each, and one of 1x1."""

    scale = 2
    channels = 3

    def __init__(self, config: EtdsConfig) -> None:
        super().__init__()
        wide = config.features
        self.conv_first = nn.Conv2d(3, wide, 3, padding=1)
        self.backbone_convs = nn.ModuleList(nn.Conv2d(wide, wide, 3, padding=1) for _ in range(config.blocks))
        self.conv_last = nn.Conv2d(wide, 12, 3, padding=1)
        self.conv_clip = nn.Conv2d(12, 12, 1)
        self.halo = config.blocks + 2

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.conv_first, *self.backbone_convs, self.conv_last, self.conv_clip):
            x = F.relu(layer(x))
        return F.pixel_shuffle(x, 2)
