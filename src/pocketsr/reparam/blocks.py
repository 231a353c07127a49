"""The blocks: SESR's linear one, ECBSR's edge-oriented one, RepVGG's and OREPA's branches."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.reparam.base import Kernel, Plain

__all__ = ["Edge", "Linear", "MultiBranch"]


def _identity(shape: tuple[int, int, int, int]) -> Tensor:
    """The kernel that hands each channel through."""
    return nn.init.dirac_(torch.empty(shape))


def _squeezed(squeeze: Tensor, spread: Tensor) -> Tensor:
    """The kernel of a 1x1 (E CI 1 1) and a k x k (CO E KH KW) after it."""
    kernel: Tensor = squeeze[:, :, 0, 0].T @ spread.flatten(2)
    return kernel.view(len(spread), -1, *spread.shape[2:])


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
    depthwise filter: Sobel x, Sobel y, Laplacian. All with biases, but for the direct one, which would only be another
    addend, and for the 1x1 before filters, which sum to 0 and so let none through.
    """

    filters: Tensor

    def __init__(self, in_channels: int, out_channels: int, expansion: int = 64) -> None:
        super().__init__(in_channels, out_channels, (3, 3), bias=False)
        if in_channels == out_channels:
            self.weight.data += _identity(self.shape)
        squeeze, spread = nn.Conv2d(in_channels, expansion, 1), nn.Conv2d(expansion, out_channels, 3)
        assert squeeze.bias is not None
        assert spread.bias is not None
        self.squeeze, self.squeeze_bias = squeeze.weight, squeeze.bias
        self.spread, self.spread_bias = spread.weight, spread.bias
        points = [nn.Conv2d(in_channels, out_channels, 1).weight.detach() for _ in range(3)]
        self.points = nn.Parameter(torch.stack(points))
        self.scales = nn.Parameter(torch.randn(3, out_channels) * 1e-3)
        self.biases = nn.Parameter(torch.randn(3, out_channels) * 1e-3)
        sobel = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
        laplacian = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
        self.register_buffer("filters", torch.stack([sobel, sobel.T, laplacian]), persistent=False)

    def kernel(self) -> Tensor:
        points = (self.scales[:, :, None] * self.points[..., 0, 0]).flatten(1)
        filtered = (points.T @ self.filters.flatten(1)).view(self.shape)
        return self.weight + _squeezed(self.squeeze, self.spread) + filtered

    def offset(self) -> Tensor | None:
        through = self.spread.sum((2, 3)) @ self.squeeze_bias
        return through + self.spread_bias + self.biases.sum(0)

    def expanded(self, x: Tensor) -> Tensor:
        squeezed = F.conv2d(x, self.squeeze, self.squeeze_bias)
        y = super().expanded(x) + F.conv2d(squeezed, self.spread, self.spread_bias)
        for point, scale, bias, kernel in zip(self.points, self.scales, self.biases, self.filters, strict=True):
            depthwise = (scale[:, None, None] * kernel)[:, None]
            y = y + F.conv2d(F.conv2d(x, point), depthwise, bias, groups=self.out_channels)
        return y


class MultiBranch(Plain):
    """RepVGG's branches (Ding et al., CVPR 2021) and OREPA's (Hu et al., CVPR 2022), with its linear scaling.

    A scale an output and branch stands in place of batch norm: k x k, 1x1, 1x1 to `expansion` channels and k x k back,
    a 1x1 whose output is averaged over the k x k window, and the identity where as many channels go out as come in.
    """

    identity: Tensor | None

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Kernel, expansion: int = 64) -> None:
        super().__init__(in_channels, out_channels, kernel_size)
        self.point = nn.Conv2d(in_channels, out_channels, 1, bias=False).weight
        self.squeeze = nn.Conv2d(in_channels, expansion, 1, bias=False).weight
        self.spread = nn.Conv2d(expansion, out_channels, kernel_size, bias=False).weight
        self.mean = nn.Conv2d(in_channels, out_channels, 1, bias=False).weight
        # Direct and identity whole, the others faint: as in OREPA, depth starts as if they were not there
        starts = [1.0, 0.25, 0.25, 0.25]
        identity = None
        if in_channels == out_channels:
            starts.append(1.0)
            identity = _identity(self.shape)
        self.register_buffer("identity", identity, persistent=False)
        self.scales = nn.Parameter(torch.tensor(starts)[:, None].repeat(1, out_channels))

    def kernel(self) -> Tensor:
        height, width = self.kernel_size
        branches = [
            self.weight,
            F.pad(self.point, (width // 2, width // 2, height // 2, height // 2)),
            _squeezed(self.squeeze, self.spread),
            self.mean.expand(self.shape) / (height * width),
        ]
        if self.identity is not None:
            branches.append(self.identity)
        return (self.scales[:, :, None, None, None] * torch.stack(branches)).sum(0)

    def expanded(self, x: Tensor) -> Tensor:
        height, width = self.kernel_size
        inner = x[:, :, height // 2 : x.shape[2] - height // 2, width // 2 : x.shape[3] - width // 2]
        branches = [
            F.conv2d(x, self.weight),
            F.conv2d(inner, self.point),
            F.conv2d(F.conv2d(x, self.squeeze), self.spread),
            F.avg_pool2d(F.conv2d(x, self.mean), self.kernel_size, stride=1),
        ]
        if self.identity is not None:
            branches.append(inner)
        y: Tensor = torch.einsum("bo,bnohw->nohw", self.scales, torch.stack(branches))
        return y if self.bias is None else y + self.bias[:, None, None]
