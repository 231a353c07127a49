"""SRCNN: three convolutions on the bicubically upsampled image, the first CNN for super-resolution.

Dong, Loy, He, Tang, "Image Super-Resolution Using Deep Convolutional Networks", TPAMI 2016 (the 9-1-5 network of
their ECCV 2014 paper is the smaller variant). Luma. Edges are repeated, as the authors' test code does. The 9-5-5
network is the one that tables list with 57K parameters and 52.7G multiplications; `kernels=(9, 1, 5)` is the 8K one.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.nets.base import Bicubic, SRNet, pad_edges

__all__ = ["Srcnn", "SrcnnConfig"]


class SrcnnConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kernels: tuple[int, int, int] = (9, 5, 5)
    """Widths of the three layers' kernels, odd."""


class Srcnn(SRNet):
    """Patch extraction, mapping, reconstruction (equations 1 to 3). Raises ValueError for even kernels."""

    scale = 2
    channels = 1

    def __init__(self, config: SrcnnConfig) -> None:
        super().__init__()
        if any(kernel % 2 == 0 for kernel in config.kernels):
            raise ValueError("`kernels` must be odd, so that the picture stays where it is")
        self.enlarge = Bicubic()
        widths = pairwise((1, 64, 32, 1))
        self.layers = nn.ModuleList(nn.Conv2d(*io, kernel) for io, kernel in zip(widths, config.kernels, strict=True))
        self.margins = tuple(kernel // 2 for kernel in config.kernels)
        self.halo = sum(self.margins) // 2 + Bicubic.halo

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.enlarge(x)
        for layer, margin in zip(self.layers[:-1], self.margins, strict=False):
            y = F.relu(layer(pad_edges(y, margin, margin)))
        out: Tensor = self.layers[-1](pad_edges(y, self.margins[-1], self.margins[-1]))
        return out
