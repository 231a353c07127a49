"""IMDN: a share of the channels is set aside after each convolution, and all shares are fused.

Hui, Gao, Yang, Wang: Lightweight Image Super-Resolution with Information Multi-distillation Network, ACM Multimedia
2019. RGB in 0..1, zeros beyond the edges. The 694K parameters of the paper count weights and biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets._attention import ContrastAttention
from pocketsr.nets._names import renamed
from pocketsr.nets.base import SRNet

__all__ = ["Imdn", "ImdnConfig"]

_SLOPE = 0.05  # of every leaky ReLU


class ImdnConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blocks: Annotated[int, Meta(ge=1)] = 6
    width: Annotated[int, Meta(ge=16, multiple_of=16)] = 64


class _Block(nn.Module):
    """Four convolutions; a quarter of what each of the first three gives goes straight to the end."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shares = [width // 4, width - width // 4]
        kept, passed = self.shares
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1)
            for before, after in ((width, width), (passed, width), (passed, width), (passed, kept))
        )
        self.attention = ContrastAttention(width, 16)
        self.fuse = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        *earlier, last = self.convs
        shares, passed = [], x
        for conv in earlier:
            kept, passed = torch.split(F.leaky_relu(conv(passed), _SLOPE), self.shares, 1)
            shares.append(kept)
        shares.append(last(passed))
        return cast(Tensor, self.fuse(self.attention(torch.cat(shares, 1)))) + x


class Imdn(SRNet):
    """The network of `config`."""

    scale = 2
    channels = 3
    whole_image = True

    def __init__(self, config: ImdnConfig) -> None:
        super().__init__()
        width = config.width
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(config.blocks))
        self.fuse = nn.Conv2d(config.blocks * width, width, 1)
        self.last = nn.Conv2d(width, width, 3, padding=1)
        self.tail = nn.Conv2d(width, 12, 3, padding=1)
        self.halo = 1 + 4 * config.blocks + 2

    def forward(self, x: Tensor) -> Tensor:
        head = y = self.head(x)
        found = []
        for block in self.blocks:
            y = block(y)
            found.append(y)
        y = F.leaky_relu(self.fuse(torch.cat(found, 1)), _SLOPE)
        return F.pixel_shuffle(self.tail(self.last(y) + head), 2)

    def published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        rules = {r"^module\.": ""}
        rules |= {rf"^IMDB{i + 1}\.": f"blocks.{i}." for i in range(len(self.blocks))}
        rules |= {rf"\.c{i + 1}\.": f".convs.{i}." for i in range(4)}
        rules |= {r"\.cca\.conv_du\.0": ".attention.squeeze", r"\.cca\.conv_du\.2": ".attention.excite"}
        rules |= {r"\.c5\.": ".fuse.", r"^c\.0": "fuse", "^fea_conv": "head", "^LR_conv": "last"}
        return renamed(weights, rules | {r"^upsampler\.0": "tail"})
