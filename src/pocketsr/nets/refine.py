"""What several fused frames still get wrong: a chain of small convolutions at the size of the large picture.

Three planes in and out, as the engine takes them: what was fused, what one frame's network made (`bursts.fusion`), and
how noisy the first is expected to be. The first comes out corrected, twice, and the third as it is. The last kernel
starts as zeros: what was never trained changes nothing.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, cast

import msgspec
import torch
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.cpu_conv import conv2d
from pocketsr.nets.base import SRNet, crop, pad_edges
from pocketsr.reparam import BlockKind, Collapsible, Plain, make_block

__all__ = ["Refine", "RefineConfig"]


class RefineConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    width: Annotated[int, Meta(ge=1)] = 16
    """Channels of every layer but the last."""
    layers: Annotated[int, Meta(ge=2)] = 6
    block: BlockKind = "linear"
    expansion: Annotated[int, Meta(ge=1)] = 64


class _First(Collapsible):
    """`block` without the mean over both pictures of each output's kernel: it answers to differences of brightness."""

    def __init__(self, block: Collapsible) -> None:
        super().__init__(block.in_channels, block.out_channels, block.kernel_size)
        self.block = block

    def kernel(self) -> Tensor:
        kernel = self.block.kernel()
        pictures, noise = kernel[:, :2], kernel[:, 2:]
        return torch.cat([pictures - pictures.mean((1, 2, 3), keepdim=True), noise], 1)

    def offset(self) -> Tensor | None:
        return self.block.offset()

    def expanded(self, x: Tensor) -> Tensor:
        return conv2d(x, self.kernel(), self.offset())


class Refine(SRNet):
    """`layers` of 3x3 with PReLUs between; edges are repeated before each."""

    scale = 1
    channels = 3

    def __init__(self, config: RefineConfig) -> None:
        super().__init__()
        wide, kind, more = config.width, config.block, config.expansion
        self.blocks = nn.ModuleList([_First(make_block(kind, 3, wide, expansion=more))])
        self.blocks += [make_block(kind, wide, wide, expansion=more) for _ in range(config.layers - 2)]
        last = Plain(wide, 1, (3, 3), bias=False)
        nn.init.zeros_(last.weight)
        self.blocks.append(last)
        self.slopes = nn.ParameterList(torch.full((wide,), 0.25) for _ in pairwise(self.blocks))
        self.halo = config.layers

    def _correction(self, x: Tensor, pad: bool) -> Tensor:
        """What is added to the first plane; without `pad`, as far as it depends on nothing beyond `x`."""
        slopes = [*self.slopes, None]
        for block, slope in zip(self.blocks, slopes, strict=True):
            x = cast(Collapsible, block)(pad_edges(x, 1, 1) if pad else x, slope)
        return x

    def forward(self, x: Tensor) -> Tensor:
        luma = x[:, :1] + self._correction(x, pad=True)
        return torch.cat([luma, luma, x[:, 2:]], 1)

    def valid(self, x: Tensor) -> Tensor:
        inner = crop(x, self.halo, self.halo)
        luma = inner[:, :1] + self._correction(x, pad=False)
        return torch.cat([luma, luma, inner[:, 2:]], 1)
