"""Blocks of blocks: side by side, one after the other, or without their mean."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.reparam.base import Collapsible

__all__ = ["Chain", "Sum", "ZeroMean"]


class Sum(Collapsible):
    """Blocks of one shape, added."""

    def __init__(self, *blocks: Collapsible) -> None:
        if not blocks or len({(block.shape, block.groups) for block in blocks}) != 1:
            raise ValueError("a sum takes one or more blocks of the same shape")
        first = blocks[0]
        super().__init__(first.in_channels, first.out_channels, first.kernel_size, first.groups)
        self.blocks = nn.ModuleList(blocks)

    def _parts(self) -> list[Collapsible]:
        return [cast(Collapsible, block) for block in self.blocks]

    def kernel(self) -> Tensor:
        return torch.stack([block.kernel() for block in self._parts()]).sum(0)

    def offset(self) -> Tensor | None:
        offsets = [offset for block in self._parts() if (offset := block.offset()) is not None]
        return torch.stack(offsets).sum(0) if offsets else None

    def expanded(self, x: Tensor) -> Tensor:
        return torch.stack([block.expanded(x) for block in self._parts()]).sum(0)


class Chain(Collapsible):
    """`second` after `first`, both ungrouped; kernels of k1 and k2 collapse to one of k1 + k2 - 1."""

    def __init__(self, first: Collapsible, second: Collapsible) -> None:
        if first.out_channels != second.in_channels or first.groups * second.groups != 1:
            raise ValueError("a chain takes two ungrouped blocks, the second with as many channels in as the first out")
        height, width = (a + b - 1 for a, b in zip(first.kernel_size, second.kernel_size, strict=True))
        super().__init__(first.in_channels, second.out_channels, (height, width))
        self.first, self.second = first, second

    def kernel(self) -> Tensor:
        # Two correlations in turn are one with the full convolution of their kernels: hence the flip and the border.
        turned = self.first.kernel().transpose(0, 1).flip(2, 3)  # CI CM ..
        height, width = self.first.kernel_size
        return F.conv2d(self.second.kernel(), turned, padding=(height - 1, width - 1))

    def offset(self) -> Tensor | None:
        first, second = self.first.offset(), self.second.offset()
        if first is None:
            return second
        through = self.second.kernel().sum((2, 3)) @ first
        return through if second is None else through + second

    def expanded(self, x: Tensor) -> Tensor:
        return self.second.expanded(self.first.expanded(x))


class ZeroMean(Collapsible):
    """`block` without the mean of each output's kernel: a constant picture gives no response but the bias."""

    def __init__(self, block: Collapsible) -> None:
        super().__init__(block.in_channels, block.out_channels, block.kernel_size, block.groups)
        self.block = block

    def kernel(self) -> Tensor:
        kernel = self.block.kernel()
        return kernel - kernel.mean((1, 2, 3), keepdim=True)

    def offset(self) -> Tensor | None:
        return self.block.offset()

    def expanded(self, x: Tensor) -> Tensor:
        mean = self.block.kernel().mean((1, 2, 3), keepdim=True).expand(self.shape)
        return self.block.expanded(x) - F.conv2d(x, mean, groups=self.groups)
