"""RNAN: residual blocks with attention masks on their outputs; the first and last depend on the whole picture.

Zhang, Li, Li, Zhong, Fu, "Residual Non-local Attention Networks for Image Restoration", ICLR 2019. RGB, minus
DIV2K's mean, in 0..255 inside; zero padding. As the authors' code has it: 9.11M parameters. The paper says 7.5M; a
block's 6x6 deconvolution, 148K of 890K, is what most of the difference comes from (without it there are 7.63M). The
non-local part compares every LR pixel with every other, so memory grows with the square of the picture: the authors
cut pictures into pieces.
"""

from __future__ import annotations

from typing import Annotated, cast

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets.base import SRNet

__all__ = ["Rnan", "RnanConfig"]

_MEAN = (0.4488, 0.4371, 0.4040)  # of DIV2K's training images


class RnanConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    groups: Annotated[int, Meta(ge=2)] = 10
    """Attention blocks; the first and the last are non-local."""
    width: Annotated[int, Meta(ge=2)] = 64


def _conv(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 3, padding=1)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(width), nn.ReLU(), _conv(width))

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.body(x))


class _NonLocal(nn.Module):
    """Each pixel plus a weighted sum of all pixels' `value`, by the likeness of embeddings (equation 6)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Conv2d(width, width // 2, 1) for _ in range(3))
        self.out = nn.Conv2d(width // 2, width, 1)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.weight)  # as the authors do: it begins as the identity
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        likeness = self.query(x).flatten(2).transpose(1, 2) @ self.key(x).flatten(2)  # N, pixel, other pixel
        # over the pixels and not over the others, as in the authors' code (equation 6 has the others)
        weight = torch.softmax(likeness, 1)
        found = (weight @ self.value(x).flatten(2).transpose(1, 2)).transpose(1, 2)
        return x + cast(Tensor, self.out(found.reshape(x.shape[0], -1, x.shape[2], x.shape[3])))


class _Mask(nn.Module):
    """The attention mask of the trunk, 0..1: an hourglass, for a large receptive field (section 3.3)."""

    def __init__(self, width: int, non_local: bool) -> None:
        super().__init__()
        first = _Residual(width)
        self.before = nn.Sequential(_NonLocal(width), first) if non_local else first
        self.hourglass = nn.Sequential(
            nn.Conv2d(width, width, 3, stride=2, padding=1), _Residual(width), _Residual(width),
            nn.ConvTranspose2d(width, width, 6, stride=2, padding=2),
        )  # fmt: skip
        self.after = nn.Sequential(_Residual(width), nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        # odd sides come back one pixel larger; the authors' code refuses them
        coarse = self.hourglass(x)[..., : x.shape[2], : x.shape[3]]
        return torch.sigmoid(self.after(x + coarse))


class _Attention(nn.Module):
    """A residual (non-)local attention block and the convolution behind it."""

    halo = 2 + (2 + 12 + 2) + 4 + 1
    """`before`; the mask, of which 12 for the hourglass (4 coarse convolutions, down and up); `after`; the last."""

    def __init__(self, width: int, non_local: bool) -> None:
        super().__init__()
        self.before = _Residual(width)
        self.trunk = nn.Sequential(_Residual(width), _Residual(width))
        self.mask = _Mask(width, non_local)
        self.after = nn.Sequential(_Residual(width), _Residual(width), _conv(width))

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        return cast(Tensor, self.after(x + self.trunk(x) * self.mask(x)))


class Rnan(SRNet):
    """RNAN for super-resolution, with one step of upsampling."""

    scale = 2
    channels = 3
    whole_image = True
    mean: Tensor

    def __init__(self, config: RnanConfig) -> None:
        super().__init__()
        width, last = config.width, config.groups - 1
        self.register_buffer("mean", 255 * torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.head = nn.Conv2d(3, width, 3, padding=1)
        groups = [_Attention(width, index in (0, last)) for index in range(config.groups)]
        self.body = nn.Sequential(*groups[:-1], _conv(width), groups[-1])
        self.upsample = nn.Conv2d(width, 4 * width, 3, padding=1)
        self.tail = nn.Conv2d(width, 3, 3, padding=1)
        # head, blocks, the convolution before the last block, upsampling, and one HR pixel
        self.halo = 1 + _Attention.halo * config.groups + 1 + 1 + 1

    def forward(self, x: Tensor) -> Tensor:
        first = self.head(255 * x - self.mean)
        y = F.pixel_shuffle(self.upsample(first + self.body(first)), 2)
        return cast(Tensor, self.tail(y) + self.mean) / 255
