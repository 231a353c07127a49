"""Local gating for larger networks: blocks that multiply what they read by what they make of it, and dense skips.

The gate is SPAN's parameter-free attention (Wan et al., Swift Parameter-free Attention Network for Efficient
Super-Resolution, CVPR workshops 2024): (w + x) * (sigmoid(w) - 1/2), where w is made of x by three convolutions. It
is a function of each pixel's surroundings alone, so the engine streams it; global pooling would need the whole
picture. The middle convolution of a block may be a large depthwise kernel and a 1x1 one in place of a dense 3x3. What
the first convolution and some of the blocks give is fused by a 1x1 convolution at the end. Luma, all work at the size
of the LR picture, edges repeated before every convolution, as in `pocket`.
"""

from __future__ import annotations

from typing import Annotated, Literal, cast

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.models import DEFAULT_SCALE
from pocketsr.nets.base import SRNet, crop, pad_edges
from pocketsr.reparam import BlockKind, Collapsible, Plain, make_block

__all__ = ["Gated", "GatedConfig"]

Scale = Literal[2, 3, 4]
Depthwise = Literal[0, 5, 7, 9, 11]


class GatedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    width: Annotated[int, Meta(ge=1)] = 40
    """Channels of every layer but the last."""
    depthwise: tuple[Depthwise, ...] = (0, 0, 0, 0, 0, 0)
    """One a block: the side of the depthwise kernel in its middle; 0 for a dense 3x3."""
    fused: tuple[Annotated[int, Meta(ge=1)], ...] = (1, 5, 6)
    """The blocks (from 1) whose results the 1x1 convolution at the end reads, beside that of the first convolution."""
    scale: Scale = DEFAULT_SCALE
    block: BlockKind = "linear"
    """How dense 3x3 convolutions are trained."""
    expansion: Annotated[int, Meta(ge=1)] = 64
    zero_mean: bool = True
    """The first kernels sum to 0: the network answers to differences of brightness alone."""


class _Convolution(nn.Module):
    """A convolution, with a PReLU where `active`; edges are repeated before it, or it gives what depends on none."""

    def __init__(self, block: Collapsible, active: bool) -> None:
        super().__init__()
        self.block = block
        self.slope = nn.Parameter(torch.full((block.out_channels,), 0.25)) if active else None

    @property
    def halo(self) -> int:
        return self.block.kernel_size[0] // 2

    def forward(self, x: Tensor, pad: bool) -> Tensor:
        """N CI H W to N CO H W, or smaller by the halo without `pad`."""
        return cast(Tensor, self.block(pad_edges(x, self.halo, self.halo) if pad else x, self.slope))


class _Block(nn.Module):
    def __init__(self, config: GatedConfig, depthwise: int) -> None:
        super().__init__()
        width = config.width

        def dense(active: bool) -> _Convolution:
            return _Convolution(make_block(config.block, width, width, (3, 3), config.expansion), active)

        middle = [dense(True)]
        if depthwise:
            spread = Plain(width, width, (depthwise, depthwise), width)
            middle = [_Convolution(spread, False), _Convolution(Plain(width, width, (1, 1)), True)]
        self.convolutions = nn.ModuleList([dense(True), *middle, dense(False)])
        self.halo = sum(cast(_Convolution, each).halo for each in self.convolutions)

    def forward(self, x: Tensor, pad: bool) -> Tensor:
        w = x
        for convolution in self.convolutions:
            w = convolution(w, pad)
        x = x if pad else crop(x, self.halo, self.halo)
        return (w + x) * (torch.sigmoid(w) - 0.5)


class Gated(SRNet):
    """The network of `config`. Raises ValueError where `fused` names a block that there isn't."""

    channels = 1

    def __init__(self, config: GatedConfig) -> None:
        super().__init__()
        width, count, self.scale = config.width, len(config.depthwise), config.scale
        if any(number > count for number in config.fused) or len(set(config.fused)) < len(config.fused):
            raise ValueError(f"`fused` names blocks of 1 to {count}, each once, not {list(config.fused)}")
        if count not in config.fused:
            raise ValueError(f"`fused` must name the last block, {count}: nothing else would read it")
        self.fused = config.fused
        first = make_block(config.block, 1, width, (3, 3), config.expansion, zero_mean=config.zero_mean)
        self.first = _Convolution(first, False)
        self.blocks = nn.ModuleList(_Block(config, depthwise) for depthwise in config.depthwise)
        self.fuse = _Convolution(Plain((1 + len(config.fused)) * width, width, (1, 1)), False)
        self.last = _Convolution(make_block(config.block, width, config.scale**2, (3, 3), config.expansion), False)
        self.halo = 2 + sum(cast(_Block, block).halo for block in self.blocks)

    def _shuffled(self, x: Tensor, pad: bool) -> Tensor:
        made = [self.first(x, pad)]
        for block in self.blocks:
            made.append(block(made[-1], pad))
        read = [made[0], *(made[number] for number in self.fused)]
        if not pad:  # what was made earlier lost narrower rims
            height, width = made[-1].shape[-2:]
            read = [crop(each, (each.shape[-2] - height) // 2, (each.shape[-1] - width) // 2) for each in read]
        y = self.last(self.fuse(torch.cat(read, 1), pad), pad)
        return F.pixel_shuffle(y + (x if pad else crop(x, self.halo, self.halo)), self.scale)

    def forward(self, x: Tensor) -> Tensor:
        return self._shuffled(x, pad=True)

    def valid(self, x: Tensor) -> Tensor:
        return self._shuffled(x, pad=False)
