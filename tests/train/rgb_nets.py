"""A small network of RGB that the tests register, as a package outside of pocketsr would."""

from __future__ import annotations

import msgspec
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

import pocketsr
from pocketsr.nets import SRNet
from pocketsr.nets.base import pad_edges

__all__ = ["NAME", "register"]

NAME = "test-rgb"


class _Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    width: int = 6
    scale: int = 2


class _Rgb(SRNet):
    """Two 3x3 convolutions of R'G'B', added to the nearest enlargement."""

    channels = 3
    halo = 2

    def __init__(self, config: _Config) -> None:
        super().__init__()
        self.scale = config.scale
        self.first = nn.Conv2d(3, config.width, 3)
        self.slope = nn.PReLU(config.width)
        self.last = nn.Conv2d(config.width, 3 * config.scale**2, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.last(pad_edges(self.slope(self.first(pad_edges(x, 1, 1))), 1, 1))
        return F.pixel_shuffle(y + x.repeat_interleave(self.scale**2, 1), self.scale)


def register() -> None:
    pocketsr.register_network(NAME, _Rgb, _Config())
