"""Bicubic upsampling as a network without weights: the floor of every table."""

from __future__ import annotations

from typing import cast

import msgspec
from torch import Tensor

from pocketsr.nets.base import Bicubic, SRNet

__all__ = ["BicubicConfig", "BicubicNet"]


class BicubicConfig(msgspec.Struct, frozen=True):
    """Nothing to choose."""


class BicubicNet(SRNet):
    """Keys' cubic convolution (1981) with a = -0.5, x2, one plane."""

    scale = 2
    channels = 1

    def __init__(self, _: BicubicConfig) -> None:
        super().__init__()
        self.enlarge = Bicubic()
        self.halo = self.enlarge.halo

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.enlarge(x))

    def valid(self, x: Tensor) -> Tensor:
        return self.enlarge.valid(x)
