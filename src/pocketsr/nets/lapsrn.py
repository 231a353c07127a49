"""LapSRN: features at LR size, upsampled by a deconvolution, give what a learned upsampling of the picture lacks.

Lai et al., "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution", CVPR 2017. Luma; of the pyramid
this is one level, x2. The authors' file holds MATLAB arrays for MatConvNet: kernels as height, width, in, out (out, in
for a deconvolution), sides of length 1 dropped. It has 407K parameters; the 251K that later papers tabulate fit
neither this file nor the paper's depth of 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets.base import SRNet

__all__ = ["Lapsrn", "LapsrnConfig"]

_LEAK = 0.2


class LapsrnConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    depth: Annotated[int, Meta(ge=1)] = 10
    """3x3 convolutions between the first one and the deconvolution."""
    features: Annotated[int, Meta(ge=1)] = 64


class _Upconv(nn.ConvTranspose2d):
    """3x3 of stride 2, cropped below and right (MatConvNet's crop [0 1 0 1]): tap k of LR pixel i goes to HR 2i + k.

    PyTorch crops alike on all sides: a row and a column of zeros before the kernel make that the same.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features, features, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # no output_size
        tall = torch.cat((torch.zeros_like(self.weight[:, :, :1]), self.weight), 2)
        kernel = torch.cat((torch.zeros_like(tall[..., :1]), tall), 3)  # `F.pad` of a weight can't be exported
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class Lapsrn(SRNet):
    """3x3 convolutions with leaky ReLUs, zeros around each."""

    scale = 2
    channels = 1

    def __init__(self, config: LapsrnConfig) -> None:
        super().__init__()
        wide = config.features
        self.input_conv = nn.Conv2d(1, wide, 3, padding=1)
        self.convs = nn.ModuleList(nn.Conv2d(wide, wide, 3, padding=1) for _ in range(config.depth))
        self.upconv = _Upconv(wide)
        self.residual_conv = nn.Conv2d(wide, 1, 3, padding=1)
        self.image_up = nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1, bias=False)
        self.halo = config.depth + 2  # the deconvolution and the convolution at HR size: 1 together

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in (self.input_conv, *self.convs, self.upconv):
            y = F.leaky_relu(layer(y), _LEAK)
        return cast(Tensor, self.image_up(x) + self.residual_conv(y))

    def published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        own = self.state_dict()
        layers = {f"level1_conv{i + 1}": f"convs.{i}" for i in range(len(self.convs))} | {
            "input_conv": "input_conv",
            "level1_upconv": "upconv",
            "level1_residual_conv": "residual_conv",
            "level1_img_up": "image_up",
        }
        named = {}
        for key, tensor in weights.items():
            layer, _, kind = key.rpartition("_")
            name = f"{layers.get(layer, layer)}.{'weight' if kind == 'f' else 'bias'}"
            if name in own and kind == "f":
                ahead, behind, height, width = own[name].shape
                tensor = tensor.reshape(height, width, behind, ahead).permute(3, 2, 0, 1)  # noqa: PLW2901
            named[name] = tensor
        return named
