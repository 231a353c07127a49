"""PAN: attention by pixel, one 1x1 convolution and a sigmoid that scale every value of every pixel.

Zhao, Kong, He, Qiao, Dong: Efficient Image Super-Resolution Using Pixel Attention, ECCV 2020 Workshops. RGB in 0..1,
zeros beyond the edges. The last three convolutions work at the size of the HR picture, where a weight costs four times
as much as before. The 261K parameters of the paper count weights and biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets._names import renamed
from pocketsr.nets.base import SRNet

__all__ = ["Pan", "PanConfig"]

_SLOPE = 0.2  # of every leaky ReLU


class PanConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blocks: Annotated[int, Meta(ge=1)] = 16
    width: Annotated[int, Meta(ge=2, multiple_of=2)] = 40
    hr_width: Annotated[int, Meta(ge=1)] = 24
    """Channels of the convolutions at the size of the HR picture."""


class _Block(nn.Module):
    """SCPA: half of the channels through a plain convolution, half through two with attention between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.split = nn.ModuleList(nn.Conv2d(width, half, 1, bias=False) for _ in range(2))
        self.plain, self.first, self.second = (nn.Conv2d(half, half, 3, padding=1, bias=False) for _ in range(3))
        self.attention = nn.Conv2d(half, half, 1)
        self.join = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        a, b = (F.leaky_relu(conv(x), _SLOPE) for conv in self.split)
        a, b = self.plain(a), self.second(self.first(b) * self.attention(b).sigmoid())
        return cast(Tensor, self.join(F.leaky_relu(torch.cat([a, b], 1), _SLOPE))) + x


class Pan(SRNet):
    """The network of `config`."""

    scale = 2
    channels = 3

    def __init__(self, config: PanConfig) -> None:
        super().__init__()
        width, wide = config.width, config.hr_width
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(config.blocks)))
        self.trunk = nn.Conv2d(width, width, 3, padding=1)
        self.enlarge = nn.Conv2d(width, wide, 3, padding=1)
        self.attention = nn.Conv2d(wide, wide, 1)
        self.refine = nn.Conv2d(wide, wide, 3, padding=1)
        self.tail = nn.Conv2d(wide, 3, 3, padding=1)
        self.halo = 2 + 2 * config.blocks + 2  # the last 2: three HR pixels to each side

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(x)
        y = y + self.trunk(self.blocks(y))
        y = self.enlarge(F.interpolate(y, scale_factor=2, mode="nearest"))
        y = F.leaky_relu(y * self.attention(y).sigmoid(), _SLOPE)
        y = F.leaky_relu(self.refine(y), _SLOPE)
        bilinear = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return cast(Tensor, self.tail(y)) + bilinear

    def published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return renamed(weights, _NAMES)


_NAMES = {
    "^conv_first": "head", "^SCPA_trunk": "blocks", "^trunk_conv": "trunk", "^upconv1": "enlarge",
    r"^att1\.conv": "attention", "^HRconv1": "refine", "^conv_last": "tail",
    r"\.conv1_a": ".split.0", r"\.conv1_b": ".split.1", r"\.k1\.0": ".plain", r"\.conv3": ".join",
    r"\.PAConv\.k2": ".attention", r"\.PAConv\.k3": ".first", r"\.PAConv\.k4": ".second",
}  # fmt: skip
