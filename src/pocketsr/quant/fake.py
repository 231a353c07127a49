"""Fake quantization: rounded in the forward pass, straight through in the backward pass.

LSQ: Esser et al., "Learned Step Size Quantization", ICLR 2020. PAMS: Li et al., "PAMS: Quantized Super-Resolution via
Parameterized Max Scale", ECCV 2020. TWN: Li et al., "Ternary Weight Networks", 2016. Scales are kept as logarithms:
they stay positive, and an optimiser whose steps don't depend on the gradient's size (Adam) changes all by equal shares.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pocketsr.quant.spec import Span, TwoBit

__all__ = [
    "ActQuant",
    "Method",
    "WeightQuant",
    "clip_to",
    "fit_span",
    "lsq",
    "rounded",
    "straight",
    "sums_kept",
    "ternary",
]

Method = Literal["lsq", "pams"]

_CHOSEN = 5  # axes of the weights of chosen kernels
_LEAST = 1e-5  # of the largest scale of a convolution: channels whose weights are all 0 need one too


class _Quantize(torch.autograd.Function):
    """scale * clamp(round(x / scale), low, high); `steps`: whether rounding counts in the scale's gradient (LSQ)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, span: Span, gain: float, steps: bool) -> Tensor:
        v = x * (1 / scale)
        y = v.round().clamp_(span.low, span.high).mul_(scale)
        ctx.save_for_backward(v, y, scale)
        ctx.span, ctx.gain, ctx.steps = span, gain, steps
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        v, y, scale = ctx.saved_tensors
        grad = grads[0].contiguous()
        dx = torch.ops.aten.hardtanh_backward(grad, v, ctx.span.low, ctx.span.high)  # grad where low < v < high
        dscale = None
        if ctx.needs_input_grad[1]:
            # y / scale is the integer. Inside, rounding straight through, d(scale * round(x / scale)) / d(scale)
            # is round(v) - v; outside it is the bound. Sums over all are few passes, and most of the time is here.
            if ctx.steps:
                dscale = _sums(grad, y, scale) / scale - _sums(dx, v, scale)
            else:
                dscale = _sums(grad - dx, y, scale) / scale
            dscale = dscale * ctx.gain
        return dx, dscale, None, None, None


def _sums(one: Tensor, other: Tensor, like: Tensor) -> Tensor:
    """The sum of products, of all numbers that share one of `like`."""
    if like.numel() == 1:
        return torch.dot(one.flatten(), other.flatten()).view_as(like)
    return (one * other).sum_to_size(like.shape)


def lsq(x: Tensor, scale: Tensor, span: Span, gain: float = 1.0) -> Tensor:
    """scale * clamp(round(x / scale), span), with LSQ's gradients (equation 3); `scale` is broadcast to `x`.

    gain: what the scale's gradient is multiplied by; LSQ's is 1 / sqrt(numbers * span.high) (section 2.2).
    """
    return _Quantize.apply(x, scale, span, gain, True)  # type: ignore[no-any-return,no-untyped-call]


def clip_to(x: Tensor, scale: Tensor, span: Span) -> Tensor:
    """The same numbers with PAMS's gradients: only what is clipped moves the scale.

    PAMS learns the bound alpha = scale * span.high: its gradient is that of what lies beyond the bound (equation 5).
    Where 0 isn't the middle of the span, the lower bound is scale * span.low and counts by its share.
    """
    return _Quantize.apply(x, scale, span, 1.0, False)  # type: ignore[no-any-return,no-untyped-call]


class _Straight(torch.autograd.Function):
    """Other numbers in place of `x`, to the bit, and the gradient as if nothing had happened."""

    @staticmethod
    def forward(_: Any, __: Tensor, made: Tensor) -> Tensor:
        return made.clone()

    @staticmethod
    def backward(_: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


def straight(x: Tensor, made: Tensor) -> Tensor:
    """`made`, whose gradient goes to `x`."""
    return _Straight.apply(x, made.detach())  # type: ignore[no-any-return,no-untyped-call]


def rounded(x: Tensor, step: Tensor) -> Tensor:
    """`x` as the nearest multiple of `step` (ties to even), straight through."""
    return straight(x, (x / step).round() * step)


def ternary(weight: Tensor) -> tuple[Tensor, Tensor]:
    """TWN: signs (-1, 0, 1) and the scale (CO) of each output's weights.

    Below 0.7 times the mean magnitude a weight is 0; the scale is the mean magnitude of the others (equations 5, 6).
    """
    flat = weight.flatten(1).abs()
    kept = flat > 0.7 * flat.mean(1, keepdim=True)
    scale = (flat * kept).sum(1) / kept.sum(1).clamp(min=1)
    return weight.sign() * kept.view_as(weight), scale


def fit_span(whole: Tensor, weight: Tensor, most: int) -> Tensor:
    """`whole` (CO ..), the smallest of `weight` set to 0 so that each output's magnitudes sum up to `most` or less.

    Of chosen kernels (CO K CI KH KW) each has its own sum.
    """
    if whole.dim() == _CHOSEN:
        return fit_span(whole.flatten(0, 1), weight.flatten(0, 1), most).view_as(whole)
    order = weight.flatten(1).abs().argsort(dim=1, descending=True, stable=True)
    sums = whole.flatten(1).abs().gather(1, order).cumsum(1)
    kept = torch.zeros_like(sums).scatter(1, order, (sums <= most).to(sums.dtype))
    return whole * kept.view_as(whole)


def sums_kept(v: Tensor, span: Span) -> Tensor:
    """Each kernel (.. KH KW) of `v` in integers of `span` whose sum is the nearest to its own.

    Those numbers are rounded the other way that are nearest to it.
    """
    kernels = v.clamp(span.low, span.high).flatten(-2)
    whole = kernels.round()
    lacks = kernels.sum(-1, keepdim=True).round() - whole.sum(-1, keepdim=True)
    order = (kernels - whole).argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)  # 0: rounded down by most
    more = (order < lacks).to(v.dtype) - (order >= kernels.shape[-1] + lacks).to(v.dtype)
    kept: Tensor = (whole + more).clamp(span.low, span.high)
    return kept.view_as(v)


def _wide(scale: Tensor, weight: Tensor) -> Tensor:
    """CO, in as many axes as `weight` has."""
    return scale.view(-1, *[1] * (weight.dim() - 1))


class WeightQuant(nn.Module):
    """The weights of a convolution in integers of `span`, with a scale for each output channel.

    Chosen kernels, CO K CI KH KW, share the scale of their output: sums then have one step, whatever the class.

    method: `lsq` learns the scales; `pams` takes them from the largest weights (but for 2 bits, where it learns them).
    span_most: what the magnitudes of an output's integers may sum up to. keeps_sums: each kernel's sum stays, as nearly
    as integers can.
    """

    def __init__(
        self, channels: int, span: Span, method: Method = "lsq", twobit: TwoBit = "ternary",
        span_most: int | None = None, keeps_sums: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.span, self.span_most, self.keeps_sums = span, span_most, keeps_sums
        self.twn = span.high == 1 and twobit == "twn"
        self.learned = not self.twn and (method == "lsq" or span.high == 1)  # one level has no largest weight to go by
        self.log_scale = nn.Parameter(torch.zeros(channels), requires_grad=self.learned)

    def set_scale(self, scale: Tensor) -> None:
        """scale: CO, positive, or 0 where all of a channel's weights are 0."""
        with torch.no_grad():
            self.log_scale.copy_(scale.clamp(min=max(float(scale.max()) * _LEAST, 1e-12)).log())

    def scale(self, weight: Tensor) -> Tensor:
        """CO, float32, positive."""
        if self.twn:
            scale = ternary(weight)[1]
        elif not self.learned:
            scale = weight.detach().flatten(1).abs().amax(1) / self.span.high
        else:
            return self.log_scale.exp()
        return scale.clamp(min=float(scale.detach().max()) * _LEAST + 1e-12)

    def whole(self, weight: Tensor, scale: Tensor) -> Tensor:
        """The integers that `weight` becomes, as floats, in its own shape."""
        if self.twn:
            whole = ternary(weight)[0]
        else:
            v = weight * _wide(1 / scale, weight)
            whole = sums_kept(v, self.span) if self.keeps_sums else v.round().clamp(self.span.low, self.span.high)
        return whole if self.span_most is None else fit_span(whole, weight, self.span_most)

    def forward(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """CO ..: the weights, quantized and dequantized, and their scales (CO)."""
        scale = self.scale(weight)
        wide = _wide(scale, weight)
        if not self.learned:
            return straight(weight, self.whole(weight, scale) * wide), scale
        made = lsq(weight, wide, self.span, 1 / math.sqrt(weight[0].numel() * self.span.high))
        if self.span_most is not None or self.keeps_sums:  # what is dropped counts as 0, straight through
            made = straight(made, self.whole(weight, scale) * wide)
        return made, scale


class ActQuant(nn.Module):
    """Activations in integers 0..`levels` with zero point `zero` and one scale."""

    zero: Tensor

    def __init__(self, levels: int, method: Method = "lsq") -> None:
        super().__init__()
        self.levels, self.method = levels, method
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.register_buffer("zero", torch.zeros((), dtype=torch.int64))

    def set_range(self, scale: float, zero: int) -> None:
        with torch.no_grad():
            self.log_scale.fill_(math.log(scale))
            self.zero.fill_(zero)

    @property
    def span(self) -> Span:
        zero = int(self.zero)
        return Span(-zero, self.levels - zero)

    def scale(self) -> Tensor:
        """One number, float32, positive."""
        return self.log_scale.exp()

    def forward(self, x: Tensor) -> Tensor:
        """N C H W: the planes as they are stored."""
        span = self.span
        if self.method == "pams":
            return clip_to(x, self.scale(), span)
        return lsq(x, self.scale(), span, 1 / math.sqrt(x[0].numel() * max(span.high, 1)))
