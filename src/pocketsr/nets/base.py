"""What every network is: a module that upscales planes, and can do so without padding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.cpu_conv import conv2d
from pocketsr.engine.resample import resize_kernel
from pocketsr.models import DEFAULT_SCALE

__all__ = ["Bicubic", "SRNet", "crop", "pad_edges"]


def crop(x: Tensor, rows: int, columns: int) -> Tensor:
    """`x` (N C H W) without `rows` above and below, and without `columns` left and right."""
    return x[..., rows : x.shape[-2] - rows, columns : x.shape[-1] - columns]


class _PadEdges(torch.autograd.Function):
    """Padding as one ONNX node: PyTorch's exporter writes fifteen, which calculate the constant widths."""

    @staticmethod
    def forward(_: Any, x: Tensor, rows: int, columns: int) -> Tensor:
        return F.pad(x, (columns, columns, rows, rows), mode="replicate")

    @staticmethod
    def symbolic(g: Any, x: Any, rows: int, columns: int) -> Any:
        widths = g.op("Constant", value_t=torch.tensor([0, 0, rows, columns] * 2))
        return g.op("Pad", x, widths, mode_s="edge")


def pad_edges(x: Tensor, rows: int, columns: int) -> Tensor:
    """`x` (N C H W) with its edge pixels repeated: `rows` above and below, `columns` left and right."""
    if not rows and not columns:
        return x
    if torch.onnx.is_in_onnx_export():
        return cast(Tensor, _PadEdges.apply(x, rows, columns))  # type: ignore[no-untyped-call]
    return F.pad(x, (columns, columns, rows, rows), mode="replicate")


class SRNet(nn.Module, ABC):
    """A super-resolution network.

    halo: how many LR pixels to each side an output pixel depends on, through convolutions.
    whole_image: whether it also depends on the whole picture (global pooling, attention).
    """

    scale: int
    channels: int
    halo: int
    whole_image: bool = False
    conditioned: bool = False
    """Whether the strength of a degradation (`pixels.strength`) comes in as one more plane behind the picture's."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if isinstance(own := vars(cls).get("reach"), int):  # the former name, in a network from outside
            cls.halo = own
            delattr(cls, "reach")  # the property below

    @property
    def reach(self) -> int:
        """The former name of `halo`."""
        return self.halo

    @reach.setter
    def reach(self, pixels: int) -> None:
        self.halo = pixels

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """N C H W in 0..1 to N C scale*H scale*W; the picture goes on beyond its edges."""

    def parted(self, x: Tensor, strength: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """The picture, and its strengths N where the network takes some: a plane behind the picture's, or given."""
        if not self.conditioned:
            return x, None
        return (x[:, : self.channels], x[:, self.channels, 0, 0]) if strength is None else (x, strength)

    def valid(self, x: Tensor) -> Tensor:
        """N C H W to N C scale*(H-2*halo) scale*(W-2*halo): only what depends on no padding, for training."""
        margin = self.scale * self.halo
        return crop(cast(Tensor, self(x)), margin, margin)

    def features(self, x: Tensor) -> list[Tensor]:  # noqa: ARG002 (overridden)
        """What each activation gives, unpadded, for distillation; none where a network doesn't say."""
        return []

    def properties(self) -> dict[str, str]:
        """What the ONNX file's metadata say of this network beside its range and colour."""
        return {}

    def published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of the authors' file, by this network's names and in its layout; may raise KeyError."""
        return dict(weights)

    def observed(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """`valid` and `features`; at the cost of one of them where a network can."""
        return self.valid(x), self.features(x)


class _Resize(torch.autograd.Function):
    """The convolution that bicubic upsampling is, written to ONNX as the one operator that says so."""

    @staticmethod
    def forward(_: Any, x: Tensor, weight: Tensor, scale: int) -> Tensor:
        margin = weight.shape[-1] // 2
        wide = F.pad(x, (margin, margin, margin, margin), mode="replicate")
        return F.pixel_shuffle(F.conv2d(wide, weight), scale)

    @staticmethod
    def symbolic(g: Any, x: Any, _: Any, scale: int) -> Any:
        scales = g.op("Constant", value_t=torch.tensor([1.0, 1.0, float(scale), float(scale)]))
        empty = g.op("Constant", value_t=torch.zeros(0))
        options = {"coordinate_transformation_mode_s": "half_pixel", "mode_s": "cubic", "cubic_coeff_a_f": -0.5}
        return g.op("Resize", x, empty, scales, **options)


class Bicubic(nn.Module):
    """Bicubic (a = -0.5, edges repeated) of one plane: MATLAB's `imresize(x, scale)` unrounded (Keys, 1981)."""

    weight: Tensor
    halo = 2

    def __init__(self, scale: int = DEFAULT_SCALE) -> None:
        super().__init__()
        self.scale = scale
        taps = resize_kernel("cubic", scale, "half_pixel", "round_prefer_floor", -0.5)
        assert taps is not None
        assert taps.shape[1] == 1 + 2 * self.halo
        square = np.einsum("iy,jx->ijyx", taps, taps).reshape(scale**2, 1, *[taps.shape[1]] * 2)
        self.register_buffer("weight", torch.from_numpy(square.astype(np.float32)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """N 1 H W to N 1 scale*H scale*W."""
        return cast(Tensor, _Resize.apply(x, self.weight, self.scale))  # type: ignore[no-untyped-call]

    def valid(self, x: Tensor) -> Tensor:
        """N 1 H W to N 1 scale*(H-4) scale*(W-4)."""
        return F.pixel_shuffle(self.phases(x), self.scale)

    def phases(self, x: Tensor) -> Tensor:
        """N 1 H W to N scale**2 H-4 W-4: the outputs of each LR pixel."""
        return conv2d(x, self.weight)
