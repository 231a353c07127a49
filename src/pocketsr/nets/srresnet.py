"""SRResNet: sixteen residual blocks with batch normalisation; the generator of SRGAN is the same network.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR 2017. RGB,
zero padding; the last layer works in -1..1, as the authors' HR images do. Convolutions in front of a normalisation
have no bias. The paper is about x4, with two steps of upsampling (tables: 1,543K kernel weights and biases,
127.8G multiplications); this is the x2 of it, with one.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets.base import SRNet

__all__ = ["Srresnet", "SrresnetConfig"]


class SrresnetConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blocks: Annotated[int, Meta(ge=1)] = 16
    width: Annotated[int, Meta(ge=1)] = 64


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class Srresnet(SRNet):
    """The generator of figure 4. In training, pictures of a batch see each other through its normalisation."""

    scale = 2
    channels = 3

    def __init__(self, config: SrresnetConfig) -> None:
        super().__init__()
        width = config.width
        self.head = nn.Sequential(nn.Conv2d(3, width, 9, padding=4), nn.PReLU(width))
        self.body = nn.Sequential(
            *(_Block(width) for _ in range(config.blocks)),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip
        self.upsample = nn.Sequential(nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.PReLU(width))
        self.tail = nn.Conv2d(width, 3, 9, padding=4)
        # 9x9: 4; each block 2; one behind them; upsampling 1; the last 4 are HR pixels
        self.halo = 4 + 2 * config.blocks + 1 + 1 + 2

    def forward(self, x: Tensor) -> Tensor:
        first = self.head(x)
        out: Tensor = self.tail(self.upsample(first + self.body(first)))
        return (out + 1) / 2
