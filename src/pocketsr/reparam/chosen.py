"""A convolution with a kernel for each class of pixels: in training a shared one, and what each differs by."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.cpu_conv import chosen_conv2d
from pocketsr.reparam.base import Collapsible

__all__ = ["Chosen", "PlainChosen", "PlainOrChosen"]


class PlainChosen(nn.Module):
    """A valid, stride-1 convolution of `classes` kernels, of which each output pixel takes that of its class.

    weight: CO*K CI/groups KH KW, an output's K kernels being neighbours. bias: CO, the same for all classes.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, classes: int, groups: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.classes, self.groups = classes, groups

    def kernels(self) -> Tensor:
        """CO*K CI/groups KH KW."""
        return self.weight

    def offset(self) -> Tensor | None:
        """CO."""
        return self.bias

    def forward(self, x: Tensor, classes: Tensor, slope: Tensor | None = None) -> Tensor:
        """N CI H W to N CO H-KH+1 W-KW+1, and a PReLU of `slope` (CO, or 1 for all).

        classes: N H-KH+1 W-KW+1, int32 of 0 .. K-1; while a net is exported N K H-KH+1 W-KW+1, 1 for the class, else 0.
        """
        return _convolve(self, x, classes, slope)


class Chosen(nn.Module):
    """`shared`, with differences for each class that begin as 0; collapses to `PlainChosen`.

    zero_mean: the kernel of each output and class sums to that of `shared`, which should be 0 then.
    Weights of the plain layer that `shared` is can be loaded in its place: the differences then are 0.
    """

    def __init__(self, shared: Collapsible, classes: int, *, zero_mean: bool = False) -> None:
        super().__init__()
        self.shared, self.classes, self.groups, self._zero_mean = shared, classes, shared.groups, zero_mean
        # Outputs and classes together are the rows of the matrix that SOAP sees, inputs and taps its columns.
        self.differences = nn.Parameter(torch.zeros(shared.out_channels * classes, *shared.shape[1:]))

    def kernels(self) -> Tensor:
        """CO*K CI/groups KH KW."""
        own: Tensor = self.differences
        if self._zero_mean:
            own = own - own.mean((1, 2, 3), keepdim=True)
        return own + self.shared.kernel().repeat_interleave(self.classes, 0)

    def offset(self) -> Tensor | None:
        """CO."""
        return self.shared.offset()

    def forward(self, x: Tensor, classes: Tensor, slope: Tensor | None = None) -> Tensor:
        """As `PlainChosen` does it."""
        return _convolve(self, x, classes, slope)

    def collapsed(self) -> PlainChosen:
        """With each class's kernel for itself."""
        offset = self.offset()
        bias = None if offset is None else offset.detach().clone()
        return PlainChosen(self.kernels().detach().clone(), bias, self.classes, self.groups).train(self.training)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        own = prefix + "differences"
        if own not in state_dict:
            plain = [name for name in state_dict if name.startswith(prefix)]
            for name in plain:
                state_dict[f"{prefix}shared.{name.removeprefix(prefix)}"] = state_dict.pop(name)
            if plain:
                state_dict[own] = torch.zeros_like(self.differences)
        super()._load_from_state_dict(state_dict, prefix, *rest)


PlainOrChosen = PlainChosen | Chosen


def _convolve(layer: PlainOrChosen, x: Tensor, classes: Tensor, slope: Tensor | None) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):  # as in `Collapsible.forward`
        weight, bias = layer.kernels(), layer.offset()
    if torch.onnx.is_in_onnx_export():
        zeros = weight.new_zeros(len(weight) // layer.classes) if bias is None else bias
        y = cast(Tensor, _Exported.apply(x, classes, weight, zeros, layer.classes, layer.groups))  # type: ignore[no-untyped-call]
        return y if slope is None else F.prelu(y, slope)
    each = weight.view(-1, layer.classes, *weight.shape[1:]).transpose(0, 1)  # K CO CI/groups KH KW
    return chosen_conv2d(x, each, classes, bias, slope, layer.groups)


class _Exported(torch.autograd.Function):
    """Four standard nodes: every kernel's result, times 1 for the pixel's class and 0 else, summed over the classes.

    Exact, since all but one of the addends are 0. docs/notes/steep.md tells importers what to look for.
    """

    @staticmethod
    def forward(_: Any, x: Tensor, __: Tensor, weight: Tensor, ___: Tensor, classes: int, groups: int) -> Tensor:
        return F.conv2d(x, weight, groups=groups)[:, ::classes]  # of the right size; see `nets.structure`

    @staticmethod
    def symbolic(g: Any, x: Any, one_hot: Any, weight: Any, bias: Any, classes: int, groups: int) -> Any:
        outputs = weight.type().sizes()[0] // classes
        each = g.op("Conv", x, weight, group_i=groups, kernel_shape_i=weight.type().sizes()[2:])
        repeats = g.op("Constant", value_t=torch.tensor([1, outputs, 1, 1]))
        taken = g.op("Mul", each, g.op("Tile", one_hot, repeats))
        ones = g.op("Constant", value_t=torch.ones(outputs, classes, 1, 1))
        return g.op("Conv", taken, ones, bias, group_i=outputs, kernel_shape_i=[1, 1])
