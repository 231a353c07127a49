"""FSRCNN: features at LR size, shrunk, mapped, expanded, and a deconvolution.

Dong et al., "Accelerating the Super-Resolution Convolutional Neural Network", ECCV 2016. The paper's FSRCNN(56, 12, 4)
is of luma; this is the R'G'B' one of Chao et al. (CVPR 2023), whose weights are published.
"""

from __future__ import annotations

from typing import Annotated, cast

import msgspec
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets.base import SRNet

__all__ = ["Fsrcnn", "FsrcnnConfig"]


class FsrcnnConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The paper's d, s and m."""

    features: Annotated[int, Meta(ge=1)] = 56
    shrunk: Annotated[int, Meta(ge=1)] = 12
    mappings: Annotated[int, Meta(ge=0)] = 4


class Fsrcnn(SRNet):
    """5x5, 1x1, `mappings` times 3x3, 1x1, each with a PReLU, and 9x9 of stride 2 back; zeros around each."""

    scale = 2
    channels = 3

    def __init__(self, config: FsrcnnConfig) -> None:
        super().__init__()
        wide, narrow = config.features, config.shrunk
        self.first_part = nn.Sequential(nn.Conv2d(3, wide, 5, padding=2), nn.PReLU(wide))
        middle: list[nn.Module] = [nn.Conv2d(wide, narrow, 1), nn.PReLU(narrow)]
        for _ in range(config.mappings):
            middle += [nn.Conv2d(narrow, narrow, 3, padding=1), nn.PReLU(narrow)]
        self.mid_part = nn.Sequential(*middle, nn.Conv2d(narrow, wide, 1), nn.PReLU(wide))
        self.last_part = nn.ConvTranspose2d(wide, 3, 9, stride=2, padding=4, output_padding=1)
        self.halo = 2 + config.mappings + 2  # the deconvolution spreads a pixel over 4 HR pixels to each side

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.last_part(self.mid_part(self.first_part(x))))
