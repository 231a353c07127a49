"""The blocks: SESR's linear one, ECBSR's edge-oriented one, RepVGG's and OREPA's branches."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.reparam.base import Kernel, Plain

__all__ = ["Edge", "Linear", "MultiBranch"]


def _identity(shape: tuple[int, int, int, int]) -> Tensor:
    """The kernel that hands the channels of each group through; zero where there are more out than in, or fewer."""
    kernel = torch.zeros(shape)
    if shape[0] % shape[1] == 0:
        for out in range(shape[0]):
            kernel[out, out % shape[1], shape[2] // 2, shape[3] // 2] = 1
    return kernel


class Linear(Plain):
    """SESR's collapsible linear block (Bhardwaj et al., MLSys 2022, figure 2) beside a direct kernel.

    K = direct + point * wide: `wide` is k x k to `expansion` channels, `point` 1x1 back. Where an ungrouped block has
    as many channels out as in, the short residual that SESR adds is where `direct` starts, and is trained with it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Kernel,
        groups: int = 1,
        *,
        expansion: int = 64,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, groups, bias=bias)
        if in_channels == out_channels and groups == 1:
            self.weight.data += _identity(self.shape)
        taps = self.weight[0].numel()
        # 0.3: the branch starts well below `direct`, which found better optima than starting as its equal
        self.wide = nn.Parameter(torch.randn(expansion, taps) * (2 / taps) ** 0.5)
        self.point = nn.Parameter(torch.randn(out_channels, expansion) * 0.3 * expansion**-0.5)

    def kernel(self) -> Tensor:
        return self.weight + (self.point @ self.wide).view(self.shape)

    def expanded(self, x: Tensor) -> Tensor:
        direct = super().expanded(x)
        outs = []
        for part, point in zip(x.chunk(self.groups, 1), self.point.chunk(self.groups), strict=True):
            wide = F.conv2d(part, self.wide.view(-1, *self.shape[1:]))
            outs.append(F.conv2d(wide, point[:, :, None, None]))
        return direct + torch.cat(outs, 1)


class Edge(Plain):
    """ECBSR's edge-oriented convolution block (Zhang et al., ACM MM 2021, section 3.1), 3x3 only.

    The sum of a 3x3 convolution, a 1x1 to `expansion` channels and a 3x3 back, and three of a 1x1 and a scaled
    depthwise filter: Sobel x, Sobel y, Laplacian; all with biases.
    """

    filters: Tensor

    def __init__(self, in_channels: int, out_channels: int, expansion: int = 64) -> None:
        super().__init__(in_channels, out_channels, (3, 3), bias=False)  # the branches have theirs
        if in_channels == out_channels:
            self.weight.data += _identity(self.shape)
        self.squeeze = nn.Conv2d(in_channels, expansion, 1)
        self.spread = nn.Conv2d(expansion, out_channels, 3)
        self.points = nn.ModuleList(nn.Conv2d(in_channels, out_channels, 1) for _ in range(3))
        self.scales = nn.Parameter(torch.randn(3, out_channels) * 1e-3)
        self.biases = nn.Parameter(torch.zeros(3, out_channels))
        sobel = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
        laplacian = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
        self.register_buffer("filters", torch.stack([sobel, sobel.T, laplacian]), persistent=False)

    def _points(self) -> tuple[Tensor, Tensor]:
        """Weights (3 CO CI) and biases (3 CO) of the three 1x1 convolutions."""
        weights = torch.stack([self.get_parameter(f"points.{i}.weight")[:, :, 0, 0] for i in range(3)])
        return weights, torch.stack([self.get_parameter(f"points.{i}.bias") for i in range(3)])

    def kernel(self) -> Tensor:
        squeezed = torch.einsum("oehw,ei->oihw", self.spread.weight, self.squeeze.weight[:, :, 0, 0])
        weights, _ = self._points()
        return self.weight + squeezed + torch.einsum("bo,boi,bhw->oihw", self.scales, weights, self.filters)

    def offset(self) -> Tensor | None:
        squeeze, spread = self.get_parameter("squeeze.bias"), self.get_parameter("spread.bias")
        through = self.spread.weight.sum((2, 3)) @ squeeze + spread
        _, points = self._points()
        sums = self.filters.sum((1, 2))[:, None]  # of the filters: 0, but for rounding
        return through + (self.scales * points * sums + self.biases).sum(0)

    def expanded(self, x: Tensor) -> Tensor:
        y = super().expanded(x) + self.spread(self.squeeze(x))
        for point, scale, bias, kernel in zip(self.points, self.scales, self.biases, self.filters, strict=True):
            depthwise = (scale[:, None, None] * kernel)[:, None]
            y = y + F.conv2d(point(x), depthwise, bias, groups=self.out_channels)
        return cast(Tensor, y)


class MultiBranch(Plain):
    """RepVGG's branches (Ding et al., CVPR 2021) and OREPA's (Hu et al., CVPR 2022), with its linear scaling.

    A scale an output and branch stands in place of batch norm: k x k, 1x1, identity, 1x1 to `expansion` channels and
    k x k back, and a 1x1 whose output is averaged over the k x k window.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Kernel, expansion: int = 64) -> None:
        super().__init__(in_channels, out_channels, kernel_size)
        self.register_buffer("identity", _identity(self.shape), persistent=False)
        self.point = nn.Parameter(nn.Conv2d(in_channels, out_channels, 1).weight.detach())
        self.squeeze = nn.Parameter(nn.Conv2d(in_channels, expansion, 1).weight.detach())
        self.spread = nn.Parameter(nn.Conv2d(expansion, out_channels, kernel_size).weight.detach())
        self.mean = nn.Parameter(nn.Conv2d(in_channels, out_channels, 1).weight.detach())
        # Direct and identity whole, the others faint: as in OREPA, depth starts as if they were not there
        starts = torch.tensor([1.0, 0.25, 1.0, 0.25, 0.25])
        self.scales = nn.Parameter(starts[:, None].repeat(1, out_channels))

    def _branches(self) -> Tensor:
        """The five kernels, 5 CO CI KH KW."""
        height, width = self.kernel_size
        sides = (width // 2, width // 2, height // 2, height // 2)
        window = torch.full((height, width), 1 / (height * width), device=self.mean.device)
        squeezed = torch.einsum("oehw,ei->oihw", self.spread, self.squeeze[:, :, 0, 0])
        identity = self.get_buffer("identity")
        return torch.stack([self.weight, F.pad(self.point, sides), identity, squeezed, self.mean * window])

    def kernel(self) -> Tensor:
        kernel: Tensor = torch.einsum("bo,boihw->oihw", self.scales, self._branches())
        return kernel

    def expanded(self, x: Tensor) -> Tensor:
        height, width = self.kernel_size
        inner = x[:, :, height // 2 : x.shape[2] - height // 2, width // 2 : x.shape[3] - width // 2]
        outs = [
            F.conv2d(x, self.weight),
            F.conv2d(inner, self.point),
            F.conv2d(x, self.get_buffer("identity")),
            F.conv2d(F.conv2d(x, self.squeeze), self.spread),
            F.avg_pool2d(F.conv2d(x, self.mean), self.kernel_size, stride=1),
        ]
        scaled = torch.einsum("bo,bnohw->nohw", self.scales, torch.stack(outs))
        return scaled if self.bias is None else scaled + self.bias[:, None, None]
