"""The engine's operations as modules. Planes that lost rims to unpadded convolutions are taken about their centre."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.cpu_conv import chosen_conv2d, conv2d
from pocketsr.engine.ir.graph import Affine, Binary, Clip, Combine, Conv, Function, Pad, Pointwise, Prelu, Ref, Unary
from pocketsr.engine.ir.pointwise import CURVES
from pocketsr.nets.base import crop, pad_edges
from pocketsr.quant.fake import WeightQuant, rounded

__all__ = ["TOLD", "ConvStep", "Planes", "Step", "Values"]

Values = dict[int, Tensor]
"""What has been made so far, N C H W each, by its number in the graph; strengths N, where the network is told some."""
TOLD = -1
"""The number of the strengths."""

_BINARY: Mapping[Binary, Callable[[Tensor, Tensor], Tensor]] = {
    Binary.ADD: torch.add, Binary.SUB: torch.sub, Binary.MUL: torch.mul, Binary.DIV: torch.div,
    Binary.MAX: torch.maximum, Binary.MIN: torch.minimum,
}  # fmt: skip
_UNARY: Mapping[Unary, Callable[[Tensor], Tensor]] = {
    kind: attrgetter(curve.torch)(torch) for kind, curve in CURVES.items()
}


def _aligned(*parts: Tensor) -> list[Tensor]:
    """All cropped about their centre to the smallest."""
    height, width = (min(part.shape[axis] for part in parts) for axis in (-2, -1))
    return [_centre(part, height, width) for part in parts]


def _centre(part: Tensor, height: int, width: int) -> Tensor:
    """.. height width of `part`, about its centre."""
    return crop(part, (part.shape[-2] - height) // 2, (part.shape[-1] - width) // 2)


class Planes(nn.Module):
    """The planes that `refs` name, in order. widths: the channels of each value."""

    def __init__(self, refs: tuple[Ref, ...], widths: Mapping[int, int]) -> None:
        super().__init__()
        runs: list[tuple[int, list[int]]] = []  # of one value each
        for ref in refs:
            if not runs or runs[-1][0] != ref.value:
                runs.append((ref.value, []))
            runs[-1][1].append(ref.channel)
        self.runs = tuple((value, tuple(channels)) for value, channels in runs)
        self._whole = tuple(channels == tuple(range(widths[value])) for value, channels in self.runs)
        for k, (_, channels) in enumerate(self.runs):
            self.register_buffer(f"order{k}", torch.tensor(channels), persistent=False)

    @property
    def values(self) -> tuple[int, ...]:
        return tuple(value for value, _ in self.runs)

    def forward(self, values: Values) -> Tensor:
        parts = []
        for k, ((value, channels), whole) in enumerate(zip(self.runs, self._whole, strict=True)):
            x = values[value]
            if len(set(channels)) == 1 and not whole:  # a plane several times
                x = x[:, channels[0] : channels[0] + 1].expand(-1, len(channels), -1, -1)
            elif not whole:
                x = x.index_select(1, self.get_buffer(f"order{k}"))
            parts.append(x)
        return parts[0] if len(parts) == 1 else torch.cat(_aligned(*parts), 1)


class Step(nn.Module):
    """Pointwise stages on planes."""

    def __init__(self, op: Conv | Pointwise, widths: Mapping[int, int]) -> None:
        super().__init__()
        self.op = op
        self.reads = Planes(op.inputs, widths)
        self.others = nn.ModuleDict()
        for k, stage in enumerate(op.stages):
            if isinstance(stage, Combine):
                self.others[str(k)] = Planes(stage.other, widths)
            elif isinstance(stage, Prelu):  # a ReLU stays one
                slope = nn.Parameter(torch.from_numpy(stage.slope.copy()), requires_grad=bool(stage.slope.any()))
                self.register_parameter(f"slope{k}", slope)
            elif isinstance(stage, Affine):
                self.register_buffer(f"scale{k}", torch.from_numpy(stage.scale.copy()))
                self.register_buffer(f"offset{k}", torch.from_numpy(stage.offset.copy()))

    def slope(self, k: int) -> Tensor:
        """Of the PReLU that is pointwise stage `k`: C."""
        return self.get_parameter(f"slope{k}")

    def affine(self, k: int) -> tuple[Tensor, Tensor]:
        """Scale and offset, C each, of pointwise stage `k`."""
        return self.get_buffer(f"scale{k}"), self.get_buffer(f"offset{k}")

    def finished(self, x: Tensor, values: Values, first: int = 0) -> tuple[Tensor, Tensor]:
        """`x` after the pointwise stages from number `first` on, and as it was before anything was combined with it."""
        own: Tensor | None = None
        for k, stage in enumerate(self.op.stages[first:], first):
            match stage:
                case Affine():
                    scale, offset = (part.view(-1, 1, 1) for part in self.affine(k))
                    x = x * scale + offset
                case Prelu():
                    x = F.prelu(x, self.slope(k))
                case Clip(low, high):
                    x = x.clamp(low, high)
                case Function(kind):
                    x = _UNARY[kind](x)
                case Combine(kind, _):
                    own = x if own is None else own
                    x = _BINARY[kind](*_aligned(x, self.others[str(k)](values)))
        return x, x if own is None else own

    def forward(self, values: Values, input_scale: Tensor | None, pad: bool) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """What `finished` gives. input_scale: of the planes that are read; None in full precision."""
        return self.finished(self.reads(values), values)


class ConvStep(Step):
    """A convolution and its pointwise stages. quant: quantizes its weights; None in full precision.

    weight: CO CI/groups KH KW; CO*K CI/groups KH KW where each pixel's kernel is chosen by its class, an output's
    kernels being neighbours: as the matrix of SOAP they are as in `reparam.Chosen`.
    """

    def __init__(self, op: Conv, widths: Mapping[int, int]) -> None:
        super().__init__(op, widths)
        self.conv = op
        weight = op.chosen.weight.swapaxes(0, 1).reshape(-1, *op.weight.shape[1:]) if op.chosen else op.weight
        self.weight = nn.Parameter(torch.from_numpy(weight.copy()))
        self.bias = nn.Parameter(torch.from_numpy(op.bias.copy()))
        self.quant: WeightQuant | None = None
        self.register_parameter(
            "offsets", None if op.offsets is None else nn.Parameter(torch.from_numpy(op.offsets.copy()))
        )

    def kernels(self) -> Tensor:
        """CO CI/groups KH KW; CO K CI/groups KH KW where they are chosen."""
        return self.weight.view(len(self.bias), -1, *self.weight.shape[1:]) if self.conv.chosen else self.weight

    def numbers(self, input_scale: Tensor | None) -> tuple[Tensor, Tensor]:
        """Weights and bias as they count."""
        if self.quant is None or input_scale is None:
            return self.kernels(), self.bias
        weight, scale = self.quant(self.kernels())
        return weight, rounded(self.bias, (input_scale * scale).detach())

    def offset(self, values: Values, input_scale: Tensor | None) -> Tensor | None:
        """What is added to the channels, N C 1 1, by the strengths of the pictures; None where nothing is."""
        table = self._parameters["offsets"]
        if table is None:
            return None
        steps = torch.arange(len(table), device=table.device, dtype=table.dtype)
        near = F.relu(1 - (values[TOLD][:, None] * (len(table) - 1) - steps).abs())
        found = near @ table
        if self.quant is not None and input_scale is not None:
            found = rounded(found, (input_scale * self.quant.scale(self.kernels())).detach())
        return found[..., None, None]

    def padded(self, values: Values, pad: bool) -> Tensor:
        """What the convolution reads."""
        x = cast(Tensor, self.reads(values))
        rows, columns = self.conv.weight.shape[2] // 2, self.conv.weight.shape[3] // 2
        if not pad:
            return x
        return pad_edges(x, rows, columns) if self.conv.pad is Pad.EDGE else F.pad(x, (columns, columns, rows, rows))

    def forward(self, values: Values, input_scale: Tensor | None, pad: bool) -> tuple[Tensor, Tensor]:
        weight, bias = self.numbers(input_scale)
        offset = self.offset(values, input_scale)
        fused = offset is None and bool(self.op.stages) and isinstance(self.op.stages[0], Prelu)
        slope = self.slope(0) if fused else None
        y = self.convolved(values, weight, bias, slope, pad)
        return self.finished(y if offset is None else y + offset, values, first=int(fused))

    def convolved(self, values: Values, weight: Tensor, bias: Tensor | None, slope: Tensor | None, pad: bool) -> Tensor:
        """The convolution of what it reads by `weight`, shaped as `kernels`, and a PReLU where `slope` is given."""
        x, chosen = self.padded(values, pad), self.conv.chosen
        if chosen is None:
            zeros = weight.new_zeros(len(weight)) if bias is None else bias
            return conv2d(x, weight, zeros, slope, self.conv.groups)
        classes = values[chosen.classes.value]  # N H W
        lost = [size - 1 for size in self.conv.weight.shape[2:]]
        height, width = (min(x.shape[i + 2] - lost[i], classes.shape[i + 1]) for i in (0, 1))
        x = _centre(x, height + lost[0], width + lost[1])
        classes = _centre(classes, height, width).contiguous()
        return chosen_conv2d(x, weight.transpose(0, 1), classes, bias, slope, self.conv.groups)
