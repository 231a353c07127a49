"""ECBSR: 3x3 convolutions with PReLUs, added to the nearest enlargement, trained as edge-oriented blocks.

Zhang et al., "Edge-oriented Convolution Block for Real-time Super Resolution on Mobile Devices", ACM MM 2021. The
paper's networks are of luma (`channels` 1); the published weights are Chao et al.'s (CVPR 2023): R'G'B', collapsed.
`load_weights` puts these into the 3x3 branch of each block and silences the others, so that a network that was
filled so can be trained on. Parameters are counted collapsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise, zip_longest
from typing import Annotated, Literal

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets.base import SRNet, crop
from pocketsr.reparam import make_block

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
        self.reach = len(self.blocks)

    def _detail(self, x: Tensor, pad: int) -> Tensor:
        """What is added to the nearest enlargement; `pad` zeros are put around the input of each convolution."""
        for block, slope in zip_longest(self.blocks, self.slopes):
            x = block(F.pad(x, (pad, pad, pad, pad)), slope)
        return F.pixel_shuffle(x, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self._detail(x, 1) + F.interpolate(x, scale_factor=2.0, mode="nearest")

    def valid(self, x: Tensor) -> Tensor:
        inner = crop(x, self.reach, self.reach)
        return self._detail(x, 0) + F.interpolate(inner, scale_factor=2.0, mode="nearest")

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
