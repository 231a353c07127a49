"""SMFANet: attention from a coarse view of the whole picture beside depthwise convolutions for its detail.

Zheng, Sun, Dong, Pan: SMFANet: A Lightweight Self-Modulation Feature Aggregation Network for Efficient Image
Super-Resolution, ECCV 2024. RGB in 0..1, zeros beyond the edges. The 186K parameters of the paper count weights and
biases. A picture must be 8 pixels high and wide at least: the coarse view has a pixel for every 8.
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

__all__ = ["Smfanet", "SmfanetConfig"]

_COARSE = 8  # pixels along each axis that become one


class SmfanetConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blocks: Annotated[int, Meta(ge=1)] = 8
    width: Annotated[int, Meta(ge=2, multiple_of=2)] = 36


def _to_coarse(x: Tensor, axis: int) -> Tensor:
    """Adaptive max pooling of `axis` from n pixels to n // 8: pixel i sees floor(i n / m) up to ceil((i + 1) n / m).

    ONNX has no such operator, but for windows that are all of a size. The widest window is the whole of 15 pixels
    (n < 16); others repeat their last pixel, which changes no maximum.
    """
    size = x.shape[axis]
    coarse = size // _COARSE
    index = torch.arange(coarse)
    first, end = index * size // coarse, ((index + 1) * size + coarse - 1) // coarse
    windows = torch.minimum(first[:, None] + torch.arange(2 * _COARSE - 1), end[:, None] - 1)
    seen = [x.index_select(axis, windows[:, k]) for k in range(2 * _COARSE - 1)]
    return torch.stack(seen).amax(0)


def _to_fine(x: Tensor, axis: int, size: int) -> Tensor:
    """Nearest-neighbour upsampling of `axis` to `size` pixels."""
    return x.index_select(axis, torch.arange(size, device=x.device) * x.shape[axis] // size)


class _Aggregation(nn.Module):
    """SMFA: half of the channels modulated by coarse features and the picture's variance, half for local detail."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.split = nn.Conv2d(width, 2 * width, 1)
        self.coarse = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.alpha = nn.Parameter(torch.ones(1, width, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, width, 1, 1))
        self.weigh = nn.Conv2d(width, width, 1)
        self.detail = nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, padding=1, groups=width),
            nn.Conv2d(2 * width, 2 * width, 1),
            nn.GELU(),
            nn.Conv2d(2 * width, width, 1),
        )
        self.join = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        detail, global_ = self.split(x).chunk(2, 1)
        size = x.shape[2:]
        if torch.onnx.is_in_onnx_export():
            pooled = _to_coarse(_to_coarse(global_, 2), 3)
        else:
            pooled = F.adaptive_max_pool2d(global_, [side // _COARSE for side in size])
        variance = global_.var((2, 3), keepdim=True)
        weights = F.gelu(self.weigh(self.coarse(pooled) * self.alpha + variance * self.beta))
        weights = _to_fine(_to_fine(weights, 2, size[0]), 3, size[1])
        return cast(Tensor, self.join(global_ * weights + self.detail(detail)))


class _FeedForward(nn.Module):
    """PCFN: a 3x3 convolution of a quarter of the channels between two 1x1 convolutions of all."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shares = [width // 2, 2 * width - width // 2]
        self.widen = nn.Conv2d(width, 2 * width, 1)
        self.partial = nn.Conv2d(width // 2, width // 2, 3, padding=1)
        self.narrow = nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        some, rest = torch.split(F.gelu(self.widen(x)), self.shares, 1)
        return cast(Tensor, self.narrow(torch.cat([F.gelu(self.partial(some)), rest], 1)))


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.aggregation = _Aggregation(width)
        self.feed_forward = _FeedForward(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.aggregation(F.normalize(x)) + x  # each pixel's channels to length 1
        return cast(Tensor, self.feed_forward(F.normalize(x))) + x


class Smfanet(SRNet):
    """The network of `config`."""

    scale = 2
    channels = 3
    whole_image = True

    def __init__(self, config: SmfanetConfig) -> None:
        super().__init__()
        width = config.width
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(config.blocks)))
        self.tail = nn.Conv2d(width, 12, 3, padding=1)
        self.halo = 1 + 2 * config.blocks + 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(x)
        return F.pixel_shuffle(self.tail(self.blocks(y) + y), 2)

    def published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return renamed(weights, _NAMES)


_NAMES = {
    "^to_feat": "head", r"^to_img\.0": "tail", r"^feats\.": "blocks.",
    r"\.smfa\.": ".aggregation.", "linear_0": "split", "linear_1": "weigh", "linear_2": "join", "dw_conv": "coarse",
    "belt": "beta", r"lde\.conv_0\.": "detail.", r"lde\.conv_1": "detail.3",
    r"\.pcfn\.conv_0": ".feed_forward.widen", r"\.pcfn\.conv_1": ".feed_forward.partial",
    r"\.pcfn\.conv_2": ".feed_forward.narrow",
}  # fmt: skip
