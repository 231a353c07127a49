"""ECBSR: 3x3 convolutions with PReLUs, added to the nearest-neighbour upsampling, trained as edge-oriented blocks.

Zhang et al., "Edge-oriented Convolution Block for Real-time Super Resolution on Mobile Devices", ACM MM 2021. The
paper's networks are of luma (`channels` 1); the published weights are Chao et al.'s (CVPR 2023): R'G'B', collapsed.
`load_weights` puts these into the 3x3 branch of each block and silences the others, so that a network that was
filled so can be trained on. Parameters are counted collapsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise, zip_longest
from typing import Annotated, Literal, cast

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets.base import SRNet, crop
from pocketsr.reparam import Collapsible, make_block

__all__ = ["Ecbsr", "EcbsrConfig"]


class EcbsrConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blocks: Annotated[int, Meta(ge=0)] = 4
    features: Annotated[int, Meta(ge=1)] = 16
    channels: Literal[1, 3] = 3
    """Luma, or R'G'B'."""


class Ecbsr(SRNet):
    """`blocks` + 2 convolutions of 3x3, zeros around each."""

    scale = 2

    def __init__(self, config: EcbsrConfig) -> None:
        super().__init__()
        self.channels = config.channels
        widths = [config.channels, *[config.features] * (config.blocks + 1), 4 * config.channels]
        self.blocks = nn.ModuleList(
            make_block("edge", before, after, expansion=2 * after) for before, after in pairwise(widths)
        )
        self.slopes = nn.ParameterList(torch.full((config.features,), 0.25) for _ in widths[1:-1])
        self.halo = len(self.blocks)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for block, slope in zip_longest(self._parts(), self.slopes):
            y = F.conv2d(y, block.kernel(), block.offset(), padding=1)
            y = y if slope is None else F.prelu(y, slope)
        return self._added(y, x)

    def valid(self, x: Tensor) -> Tensor:
        y = x
        for block, slope in zip_longest(self._parts(), self.slopes):
            y = block(y, slope)
        return self._added(y, crop(x, self.halo, self.halo))

    def _parts(self) -> list[Collapsible]:
        return [cast(Collapsible, block) for block in self.blocks]

    def _added(self, detail: Tensor, x: Tensor) -> Tensor:
        return F.pixel_shuffle(detail, 2) + F.interpolate(x, scale_factor=2.0, mode="nearest")

    def published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        own = self.state_dict()
        bias = "bias" if "blocks.0.bias" in own else "spread_bias"  # of a collapsed network; of an edge block
        places = {}
        for index in range(len(self.blocks)):
            places[f"backbone.{index}.0.weight"] = f"blocks.{index}.weight"
            places[f"backbone.{index}.0.bias"] = f"blocks.{index}.{bias}"
            places[f"backbone.{index}.1.weight"] = f"slopes.{index}"
        named = {}
        for name, tensor in own.items():
            match name.rpartition(".")[2]:
                case "spread" | "scales" | "biases":  # what each other branch ends in
                    named[name] = torch.zeros_like(tensor)
                case "squeeze" | "squeeze_bias" | "points":  # as they are: from 0 no branch would ever learn
                    named[name] = tensor
        return named | {places.get(key, key): tensor for key, tensor in weights.items()}
