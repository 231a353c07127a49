"""The same convolution in bfloat16, for training under `torch.autocast`.

oneDNN is fast for few channels too where a pixel's channels lie side by side and the machine multiplies tiles or pairs
of bfloat16 (AMX, AVX512-BF16), as no float32 code can be. PyTorch's PReLU of such tensors, however, takes several times
as long as the convolution: its C is here. Sums are of float32, and so are the weights that an optimiser changes.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pocketsr.cpu_conv.library import compiled, pointer

__all__ = ["half_conv2d"]

_SOURCE = Path(__file__).with_name("half.c")
_REPEATS = 32  # of the slopes: any number of channels becomes a multiple of every vector
_BACKWARD = torch.ops.aten.convolution_backward.default


@cache
def _library() -> ctypes.CDLL | None:
    """The compiled PReLU; None without a compiler."""
    library = compiled(_SOURCE.read_text())
    if library is None:
        return None
    library.half_prelu.restype = library.half_prelu_backward.restype = None
    return library


def _half(tensor: Tensor) -> Tensor:
    return tensor.to(torch.bfloat16).contiguous(memory_format=torch.channels_last)


class _HalfConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor | None, library: Any) -> Tensor:
        ctx.dtype, ctx.library = x.dtype, library
        x, weight = _half(x), _half(weight)
        y = _half(torch.conv2d(x, weight, bias.bfloat16()))
        if slope is None:
            ctx.save_for_backward(x, weight)
            return y
        act, slopes = torch.empty_like(y), slope.repeat(_REPEATS)
        count, period = ctypes.c_long(y.numel()), ctypes.c_long(len(slopes))
        library.half_prelu(pointer(y), pointer(slopes), period, pointer(act), count)
        ctx.save_for_backward(x, weight, y, slopes)
        return act

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, *rest = ctx.saved_tensors
        grad, dslope = _half(grads[0]), None
        if rest:
            y, slopes = rest
            dy, sums = torch.empty_like(y), torch.empty_like(slopes)
            count, period = ctypes.c_long(y.numel()), ctypes.c_long(len(slopes))
            ctx.library.half_prelu_backward(
                pointer(y), pointer(grad), pointer(slopes), period, pointer(dy), pointer(sums), count
            )
            grad, dslope = dy, sums.view(_REPEATS, -1).sum(0)
        wanted = [ctx.needs_input_grad[0], True, True]
        dx, dweight, dbias = _BACKWARD(grad, x, weight, [len(weight)], [1, 1], [0, 0], [1, 1], False, [0, 0], 1, wanted)
        return None if dx is None else dx.to(ctx.dtype), dweight.float(), dbias.float(), dslope, None


def half_conv2d(x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor | None) -> Tensor | None:
    """Cross-correlation of one group without padding on a CPU, then PReLU; None without a compiler.

    x: N CI H W, of float32 or bfloat16. weight: CO CI KH KW, bias and slope: CO, all of float32. What is multiplied is
    rounded to bfloat16, and so is what comes out: N CO H-KH+1 W-KW+1, a pixel's channels side by side.
    """
    library = _library()
    if library is None:
        return None
    return _HalfConvolution.apply(x, weight, bias, slope, library)  # type: ignore[no-any-return,no-untyped-call]
