"""SESR: convolutions at LR size, trained as collapsible linear blocks, added to the picture and shuffled.

Bhardwaj et al., "Collapsible Linear Blocks for Super-Efficient Super Resolution", MLSys 2022. Luma: 5x5, m of 3x3 with
PReLUs, 5x5; the short residuals lie in the 3x3 kernels, a long one leads from the first 5x5 to the last. As in the
authors' code no convolution has a bias, 0.5 is subtracted from what the first one reads, and slopes start at 0.
The paper counts kernels alone (M5: 13.52K), without the 16 slopes of each 3x3. Where the authors train with zeros
around each convolution, training here sees no padding at all, and edges are repeated instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets.base import SRNet, crop, pad_edges
from pocketsr.reparam import Collapsible, make_block

__all__ = ["Sesr", "SesrConfig"]


class SesrConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blocks: Annotated[int, Meta(ge=0)] = 5
    """The paper's m."""
    features: Annotated[int, Meta(ge=1)] = 16
    """The paper's f."""
    expansion: Annotated[int, Meta(ge=1)] = 256
    """The paper's p; the authors train M11 and XL with 64."""


class Sesr(SRNet):
    """`blocks` of 3x3 between two of 5x5; edges are repeated before each."""

    scale = 2
    channels = 1

    def __init__(self, config: SesrConfig) -> None:
        super().__init__()
        wide, count = config.features, config.blocks
        shapes = [(1, wide, 5), *[(wide, wide, 3)] * count, (wide, 4, 5)]
        self.blocks = nn.ModuleList(
            make_block("linear", before, after, (size, size), config.expansion, bias=False)
            for before, after, size in shapes
        )
        self.slopes = nn.ParameterList(torch.zeros(wide) for _ in range(count))
        self.halo = 2 + count + 2

    def _chain(self, x: Tensor, pad: bool) -> tuple[Tensor, list[Tensor]]:
        """What the last convolution gives, and what each PReLU gives; with `pad`, as large as `x`."""
        head, *body, tail = (cast(Collapsible, block) for block in self.blocks)

        def convolved(block: Collapsible, x: Tensor, slope: Tensor | None = None) -> Tensor:
            margin = block.kernel_size[0] // 2 if pad else 0
            return cast(Tensor, block(pad_edges(x, margin, margin), slope))

        first = y = convolved(head, x - 0.5)
        features = []
        for block, slope in zip(body, self.slopes, strict=True):
            y = convolved(block, y, slope)
            features.append(y)
        skip = first if pad else crop(first, len(body), len(body))
        return convolved(tail, y + skip), features

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self._chain(x, pad=True)[0] + x, 2)

    def valid(self, x: Tensor) -> Tensor:
        return self.observed(x)[0]

    def published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Of a collapsed network too: what stands beside its kernels then gives nothing, but learns."""
        beside = {}
        if not any(name.endswith(".wide") for name in weights):
            for name, tensor in self.state_dict().items():
                match name.rpartition(".")[2]:
                    case "wide":
                        beside[name] = tensor
                    case "point":
                        beside[name] = torch.zeros_like(tensor)
        return beside | dict(weights)

    def features(self, x: Tensor) -> list[Tensor]:
        return self.observed(x)[1]

    def observed(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        y, features = self._chain(x, pad=False)
        return F.pixel_shuffle(y + crop(x, self.halo, self.halo), 2), features
