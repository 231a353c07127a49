"""`pixels.structure` in PyTorch and in ONNX: the same classes, bit for bit.

All numbers are whole and below 2^24, so float32 holds them exactly. Where a comparison's factors would go beyond, it is
written as one of differences: 24 |b| > 5 |u| as 4 |b| > 5 (|u| - 4 |b|), and 6 |u| < 5 |b| as |u| < 5 (|b| - |u|). A
product that is rounded nevertheless is above 2^24, and so above what it is compared with: the answer stays right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from pocketsr.pixels.structure import DIRECTIONS, REACH

__all__ = ["one_hot_classes", "structure_classes"]

_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)


@torch.no_grad()
def structure_classes(luma: Tensor, limits: Sequence[int], *, pad: bool = True) -> Tensor:
    """The class of each pixel.

    luma: N 1 H W of 0..1. limits: of `pixels.structure.limit_of`, rising.
    Returns N H W, int32; without `pad` N H-6 W-6, of the pixels whose classes depend on nothing beyond the edges.
    """
    wide = (luma.detach().float() * 255).round().clamp(0, 255)
    if pad:
        wide = F.pad(wide, [REACH] * 4, mode="replicate")
    gx = wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]
    gy = wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]
    a, b, c = _smoothed(torch.cat([gx * gx, gx * gy, gy * gy], 1)).unbind(1)
    u, size = a - c, b.abs()
    off_axis = 4 * size > 5 * (u.abs() - 4 * size)
    diagonal = 5 * (size - u.abs()) > u.abs()
    turn = off_axis.to(torch.int32) + diagonal
    turn = torch.where(u < 0, 4 - turn, turn)
    turn = torch.where((b < 0) & (turn > 0), 8 - turn, turn)
    trace = a + c
    for limit in limits:
        turn += DIRECTIONS * (trace > limit)
    return turn


def _smoothed(x: Tensor) -> Tensor:
    """N C H+4 W+4 to N C H W. Slices and sums: a convolution of an accelerator may round to fewer bits (TF32)."""
    height, width = x.shape[2] - 4, x.shape[3] - 4
    rows = sum((x[..., i : i + height, :] * w for i, w in enumerate(_BINOMIAL)), torch.zeros((), device=x.device))
    return sum((rows[..., i : i + width] * w for i, w in enumerate(_BINOMIAL)), torch.zeros((), device=x.device))


def one_hot_classes(luma: Tensor, limits: Sequence[int]) -> Tensor:
    """N 1 H W to N K H W: 1 for the class of each pixel, 0 for others. What is written to ONNX."""
    return cast(Tensor, _OneHot.apply(luma, tuple(limits)))  # type: ignore[no-untyped-call]


class _OneHot(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, luma: Tensor, limits: tuple[int, ...]) -> Tensor:
        # Of the right size, which is all that the exporter asks for: it follows what is done here too, though it writes
        # `symbolic`, and fails on most of the real thing (PyTorch 2.13: "Argument passed to at() was not in the map").
        return luma.expand(-1, DIRECTIONS * (len(limits) + 1), -1, -1)

    @staticmethod
    def symbolic(g: Any, luma: Any, limits: tuple[int, ...]) -> Any:
        def number(value: float) -> Any:
            return g.op("Constant", value_t=torch.tensor(value))

        def truth(condition: Any) -> Any:
            return g.op("Cast", condition, to_i=1)  # float32

        def convolved(x: Any, weight: Tensor) -> Any:
            return g.op("Conv", x, g.op("Constant", value_t=weight), group_i=3 if len(weight) == 3 else 1,
                        kernel_shape_i=list(weight.shape[2:]))  # fmt: skip

        levels = g.op("Clip", g.op("Round", g.op("Mul", luma, number(255.0))), number(0.0), number(255.0))
        widths = g.op("Constant", value_t=torch.tensor([0, 0, REACH, REACH] * 2))
        taps = torch.zeros(2, 1, 3, 3)
        taps[0, 0, 1, 0], taps[0, 0, 1, 2], taps[1, 0, 0, 1], taps[1, 0, 2, 1] = -1, 1, -1, 1
        gradients = convolved(g.op("Pad", levels, widths, mode_s="edge"), taps)
        gx, gy = g.op("Split", gradients, axis_i=1, outputs=2)
        products = g.op("Concat", g.op("Mul", gx, gx), g.op("Mul", gx, gy), g.op("Mul", gy, gy), axis_i=1)
        binomial = torch.tensor(_BINOMIAL).expand(3, 1, -1)
        sums = convolved(convolved(products, binomial[..., None].clone()), binomial[:, :, None].clone())
        a, b, c = g.op("Split", sums, axis_i=1, outputs=3)
        u = g.op("Sub", a, c)
        along, size = g.op("Abs", u), g.op("Abs", b)
        four = g.op("Mul", size, number(4.0))
        off_axis = g.op("Greater", four, g.op("Mul", g.op("Sub", along, four), number(5.0)))
        diagonal = g.op("Greater", g.op("Mul", g.op("Sub", size, along), number(5.0)), along)
        turn = g.op("Add", truth(off_axis), truth(diagonal))
        turn = g.op("Where", g.op("Less", u, number(0.0)), g.op("Sub", number(4.0), turn), turn)
        below = g.op("And", g.op("Less", b, number(0.0)), g.op("Greater", turn, number(0.0)))
        turn = g.op("Where", below, g.op("Sub", number(8.0), turn), turn)
        trace = g.op("Add", a, c)
        for limit in limits:
            step = g.op("Mul", truth(g.op("Greater", trace, number(float(limit)))), number(float(DIRECTIONS)))
            turn = g.op("Add", turn, step)
        every = torch.arange(float(DIRECTIONS * (len(limits) + 1))).view(1, -1, 1, 1)
        return truth(g.op("Equal", turn, g.op("Constant", value_t=every)))
