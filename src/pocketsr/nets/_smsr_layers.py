"""The layers of SMSR that obey masks: as defined, and without the work that the masks drop."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

__all__ = ["LAYERS", "MaskedLayers"]

LAYERS = 4  # of a block


class MaskedLayers(nn.Module):
    """SMB: four 3x3 convolutions without biases, and a 1x1 convolution of what all of them give."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(LAYERS))
        self.logits = nn.Parameter(torch.rand(1, width, LAYERS, 2))  # of being dense, of being sparse
        self.collect = nn.Conv2d(LAYERS * width, width, 1)

    def sparse_channels(self) -> Tensor:
        """Layers x channels: whether each is sparse."""
        return (self.logits[0, ..., 1] > self.logits[0, ..., 0]).T

    def skippable(self) -> int:
        """Multiplications that a pixel outside the mask spares."""
        width = self.collect.out_channels
        dense = [width, *(width - int(count) for count in self.sparse_channels().sum(1))]
        layers = sum(9 * (width * width - before * after) for before, after in pairwise(dense))
        return layers + width * sum(width - count for count in dense[1:])

    def dense(self, x: Tensor, mask: Tensor) -> Tensor:
        """The definition: everything is calculated, then multiplied by the masks. `mask` is N 1 H W."""
        sparse = F.gumbel_softmax(self.logits, dim=3)[0, ..., 1].T if self.training else self.sparse_channels().to(x)
        found, before = [], torch.zeros_like(sparse[0])
        for conv, after in zip(self.convs, sparse, strict=True):
            only = after.view(-1, 1, 1)
            y = _from(conv, x, 1 - before) * (1 - only + only * mask) + _from(conv, x, before) * mask
            x, before = y.relu(), after
            found.append(x)
        return cast(Tensor, self.collect(torch.cat(found, 1)))

    def sparse(self, x: Tensor, mask: Tensor) -> Tensor:
        """The same without the work that the masks drop: windows around masked pixels times matrices."""
        count, width, height, breadth = x.shape
        inside = mask.flatten() > 0
        pixels = inside.nonzero().flatten()
        padded = F.pad(inside.view(count, height, breadth), (1, 1, 1, 1)).flatten()
        steps = [row * (breadth + 2) + column for row in (-1, 0, 1) for column in (-1, 0, 1)]
        around = padded.nonzero() + torch.tensor(steps, device=x.device)  # pixels x 9: places in the padded picture
        near = (padded.cumsum(0) * padded)[around]  # pixels x 9: which masked pixel is there, from 1; 0 for none
        dense = x  # N C H W, the dense channels
        sparse = x.new_zeros(len(pixels) + 1, 0)  # the sparse ones: 0, then a row for each masked pixel
        order = torch.arange(width, device=x.device)
        total = self.collect.bias.expand(count * height * breadth, width)  # type: ignore[union-attr]
        at_pixels = x.new_zeros(len(pixels), width)
        collect = self.collect.weight.view(width, LAYERS, width)
        for index, (conv, is_sparse) in enumerate(zip(self.convs, self.sparse_channels(), strict=True)):
            before, after = dense.shape[1], width - int(is_sparse.sum())
            ranked = is_sparse.int().argsort(stable=True)  # dense channels first
            weight = cast(Tensor, conv.weight)[ranked][:, order]
            of_dense, of_sparse = _rows(F.pad(dense, (1, 1, 1, 1)))[around], sparse[near]  # pixels x 9 x channels
            if before and after:
                there = _rows(F.conv2d(dense, weight[:after, :before], padding=1))
            else:
                there = x.new_zeros(len(total), after)
            there = there.index_add(0, pixels, of_sparse.flatten(1) @ _matrix(weight[:after, before:])).relu()
            here = (torch.cat([of_dense, of_sparse], 2).flatten(1) @ _matrix(weight[after:])).relu()
            fused = collect[:, index, ranked].T
            total = torch.addmm(total, there, fused[:after])
            at_pixels = torch.addmm(at_pixels, here, fused[after:])
            dense = there.view(count, height, breadth, after).permute(0, 3, 1, 2)
            sparse, order = F.pad(here, (0, 0, 1, 0)), ranked
        return total.index_add(0, pixels, at_pixels).view(count, height, breadth, width).permute(0, 3, 1, 2)


def _from(conv: nn.Module, x: Tensor, share: Tensor) -> Tensor:
    """`conv` of each channel's `share`; channels of none cost nothing."""
    kept = [channel for channel, part in enumerate(share.tolist()) if part]
    if not kept:
        return torch.zeros(())
    weight = cast(Tensor, conv.weight) * share.view(-1, 1, 1)
    return F.conv2d(x[:, kept], weight[:, kept], padding=1)


def _rows(x: Tensor) -> Tensor:
    """N C H W to N*H*W C."""
    return x.permute(0, 2, 3, 1).flatten(0, 2)


def _matrix(weight: Tensor) -> Tensor:
    """CO CI 3 3 to 9*CI CO: what a window's values, pixel by pixel, are multiplied with."""
    return weight.permute(2, 3, 1, 0).flatten(0, 2)
