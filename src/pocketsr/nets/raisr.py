"""RAISR: bilinear upsampling, and for each pixel the one 11x11 filter that its surroundings ask for.

Romano, Isidoro, Milanfar, "RAISR: Rapid and Accurate Image Super Resolution", IEEE TCI 2017 (arXiv 1606.01299). Luma.
The weighted gradients of 9x9 pixels give angle, strength and coherence of the local structure; these, and which of the
four pixels that an LR pixel becomes it is, choose the filter. Filters are solved for (`train.raisr`), not descended to.
Of the paper this is section II, without the blending by census transform. Angles are rounded and not cut to 24
directions, so that horizontal and vertical edges have a direction each and not two halves of one.
"""

from __future__ import annotations

import math

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.nets.base import SRNet, pad_edges

__all__ = ["Raisr", "RaisrConfig"]


class RaisrConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to choose."""


class Raisr(SRNet):
    """A bank of filters, which begins as bilinear upsampling.

    filters: angle, strength, coherence, pixel type (2 * row + column, each 0 or 1), 11, 11.
    strengths, coherences: the two limits between weak, middling and strong, of what `structure` gives.
    """

    scale = 2
    channels = 1
    patch = 11
    margin = 5
    """HR pixels that filters see to each side; gradients of 9x9 pixels see as far."""
    shape = (24, 3, 3, 4)
    strengths: Tensor
    coherences: Tensor
    window: Tensor
    columns: Tensor

    def __init__(self, _: RaisrConfig) -> None:
        super().__init__()
        filters = torch.zeros(*self.shape, self.patch, self.patch)
        filters[..., self.margin, self.margin] = 1
        self.filters = nn.Parameter(filters)
        self.register_buffer("strengths", torch.tensor([0.01, 0.03]))
        self.register_buffer("coherences", torch.tensor([0.25, 0.5]))  # the paper's
        gauss = torch.exp(-torch.arange(-4.0, 5.0).square() / 8)  # sigma of 2 pixels
        self.register_buffer("window", (gauss / gauss.sum()).expand(3, 1, 1, 9).clone(), persistent=False)
        self.register_buffer("columns", torch.eye(self.patch).view(self.patch, 1, 1, self.patch), persistent=False)
        self.halo = self.margin // 2 + 1  # bilinear upsampling sees one pixel to each side

    def enlarged(self, x: Tensor) -> Tensor:
        """N 1 H W to N 1 2H+10 2W+10: bilinear upsampling with repeated edges, `margin` pixels to each side."""
        return pad_edges(F.interpolate(x, scale_factor=2, mode="bilinear"), self.margin, self.margin)

    def structure(self, wide: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of `enlarged`, angle (0..23), strength (0 and up) and coherence (0..1) at each HR pixel, N 1 2H 2W."""
        dx = (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2
        dy = (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2
        products = torch.cat([dx * dx, dx * dy, dy * dy], 1)
        sums = F.conv2d(F.conv2d(products, self.window, groups=3), self.window.transpose(2, 3), groups=3)
        xx, xy, yy = sums.chunk(3, 1)
        # The eigenvalues of [[xx, xy], [xy, yy]] and the direction of the larger one's vector
        half = ((xx - yy).square() / 4 + xy * xy).sqrt()
        mean = (xx + yy) / 2
        large, small = (mean + half).sqrt(), (mean - half).clamp_min(0).sqrt()
        # -1/2..1/2 of the half circle that directions make; the tiny number, since ONNX has no atan2 and divides
        turn = torch.atan2(2 * xy, xx - yy + 1e-30) / (2 * math.pi)
        angle = torch.round(turn * self.shape[0])
        return torch.where(angle < 0, angle + self.shape[0], angle), large, (large - small) / (large + small + 1e-9)

    @torch.no_grad()
    def buckets(self, wide: Tensor) -> Tensor:
        """Of `enlarged`, the number of each HR pixel's filter in `filters`, N 2H 2W (int64)."""
        angle, strength, coherence = self.structure(wide)
        key = angle * 9 + 3 * self._third(strength, self.strengths) + self._third(coherence, self.coherences)
        types = torch.arange(4.0, device=wide.device).view(1, 4, 1, 1)
        return F.pixel_shuffle(F.pixel_unshuffle(key, 2) * 4 + types, 2)[:, 0].long()

    @staticmethod
    def _third(value: Tensor, limits: Tensor) -> Tensor:
        return (value > limits[0]).float() + (value > limits[1]).float()

    def forward(self, x: Tensor) -> Tensor:
        wide = self.enlarged(x)
        bucket = self.buckets(wide)
        bank = self.filters.view(-1, self.patch, self.patch)
        total = torch.zeros_like(wide[..., self.margin : -self.margin, self.margin : -self.margin])
        for row in range(self.patch):  # one row of taps at a time: no 121 values for each pixel of a large picture
            below = wide.shape[2] - self.patch + 1 + row
            pixels = F.conv2d(wide[:, :, row:below], self.columns)
            taps = bank[:, row][bucket].permute(0, 3, 1, 2)
            total = total + (pixels * taps).sum(1, keepdim=True)
        return total
