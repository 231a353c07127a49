"""`conv2d`: valid convolution, optionally with PReLU, as `torch.nn.functional` has it, but fast for few channels.

PyTorch's CPU convolutions are made for hundreds of channels: on networks of 8 to 16 they reach a tenth of the
machine's peak. Here each shape of kernel is compiled for the machine at hand, forward and both gradients.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor
from torch.autograd.function import once_differentiable

from pocketsr.cpu_conv.half import half_conv2d
from pocketsr.cpu_conv.library import compiled, pointer
from pocketsr.engine.codegen.target import host_target

__all__ = ["conv2d"]

_MOST_CHANNELS = 64  # beyond, PyTorch's own is as good, and register blocks and compile time grow
_FEWEST_IN_HALF = 8
_SOURCE = Path(__file__).with_name("conv.c")


def _block(channels: int, most: int) -> int:
    """The largest divisor of `channels` that is at most `most`: outputs whose sums are kept in registers."""
    return max(size for size in range(1, most + 1) if channels % size == 0)


@cache
def _kernels(shape: tuple[int, int, int, int, int], vectors: int) -> tuple[ctypes.CDLL, int, int, int] | None:
    """What runs convolutions of CO, CI (of a group), KH, KW and groups; None without a compiler.

    The compiled functions, the outputs that they compute at once forward and backward, and floats in a vector.
    """
    co, ci, kh, kw, groups = shape
    target = host_target()
    sums = 24 if target.registers == 32 else 10  # registers left for sums
    forward, backward = (_block(size, max(1, sums // vectors)) for size in (co, ci))
    defines = {
        "CI": ci, "CO": co, "GROUPS": groups, "KH": kh, "KW": kw, "LANES": target.lanes, "VECTORS": vectors,
        "CO_AT_ONCE": forward, "CI_AT_ONCE": backward, "CO_MOST": max(forward, backward),
        "DW_AT_ONCE": _block(co, max(1, sums // kw)),
    }  # fmt: skip
    source = "".join(f"#define {name} {value}\n" for name, value in defines.items()) + _SOURCE.read_text()

    library = compiled(source)
    if library is None:
        return None
    for name in ("conv_forward", "conv_backward"):
        getattr(library, name).restype = None
    return library, forward, backward, target.lanes


def _pack(weight: Tensor, block: int) -> Tensor:
    """CO CI KH KW to blocks of outputs (none across groups), in the order in which they are read."""
    co, ci, kh, kw = weight.shape
    return weight.view(co // block, block, ci, kh, kw).permute(0, 2, 3, 4, 1).contiguous()


def _sizes(x: Tensor) -> tuple[ctypes.c_long, ...]:
    return tuple(ctypes.c_long(x.shape[i]) for i in (0, 2, 3))


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor | None, groups: int, kernels: Any
    ) -> Tensor:
        library, block, _, _ = kernels
        n, _, h, w = x.shape
        co, _, kh, kw = weight.shape
        x, weight, bias, packed = x.contiguous(), weight.contiguous(), bias.contiguous(), _pack(weight, block)
        slope = None if slope is None else slope.contiguous()
        y = x.new_empty((n, co, h - kh + 1, w - kw + 1))
        act = None if slope is None else torch.empty_like(y)
        library.conv_forward(
            pointer(x), *_sizes(x), pointer(packed), pointer(bias), pointer(slope), pointer(y), pointer(act)
        )
        ctx.kernels, ctx.has_slope, ctx.groups = kernels, slope is not None, groups
        ctx.save_for_backward(x, weight, *(() if slope is None else (slope, y)))
        return y if act is None else act

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        library, _, block, lanes = ctx.kernels
        x, weight, *rest = ctx.saved_tensors
        slope, y = rest if ctx.has_slope else (None, None)
        co, ci, kh, kw = weight.shape
        _, _, h, w = x.shape
        grad = grads[0].contiguous()
        turned = weight.view(ctx.groups, co // ctx.groups, ci, kh, kw).transpose(1, 2).flip(3, 4)
        flipped = _pack(turned.reshape(-1, co // ctx.groups, kh, kw), block)
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        dweight, dbias, dslope = torch.empty_like(weight), x.new_empty(co), x.new_empty(co)
        scratch = x.new_zeros(co * (h + kh - 1) * (w + kw - 1) + (4 + weight.numel()) * lanes)
        library.conv_backward(
            pointer(x), *_sizes(x), pointer(flipped), pointer(slope), pointer(y), pointer(grad), pointer(dx),
            pointer(dweight), pointer(dbias), pointer(dslope), pointer(scratch),
        )  # fmt: skip
        return dx, dweight, dbias, dslope if ctx.has_slope else None, None, None


def _fits(x: Tensor, weight: Tensor, bias: Tensor | None, slope: Tensor | None, groups: int) -> bool:
    """Whether it is a convolution that runs here; all else, mistakes too, is PyTorch's."""
    if torch.onnx.is_in_onnx_export() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return False
    parameters = [t for t in (weight, bias, slope) if t is not None]
    if x.device.type != "cpu" or any(t.device.type != "cpu" or t.dtype != torch.float32 for t in parameters):
        return False
    if x.dim() != 4 or weight.dim() != 4 or not x.shape[0]:
        return False
    co, ci, kh, kw = weight.shape
    if x.shape[1] != ci * groups or co % groups or x.shape[2] < kh or x.shape[3] < kw:
        return False
    return (bias is None or bias.shape == (co,)) and (slope is None or slope.shape in {(co,), (1,)})


def _compiled(x: Tensor, weight: Tensor, groups: int) -> Any:
    """The C for operands that fit; None where there is none."""
    wide = x.shape[-1] - weight.shape[-1] + 1
    if x.dtype != torch.float32 or max(weight.shape[:2]) > _MOST_CHANNELS or wide < host_target().lanes:
        return None
    vectors = -(-wide // host_target().lanes)
    shape = (weight.shape[0] // groups, *weight.shape[1:], groups)
    return _kernels(shape, next(v for v in (4, 3, 2, 1) if vectors % v == 0))


def _half_wanted(x: Tensor, groups: int) -> bool:
    """Whether autocast wants bfloat16 and gains by it: of few input channels the change of layout takes longer."""
    if groups > 1 or x.shape[1] < _FEWEST_IN_HALF or not torch.is_autocast_enabled("cpu"):
        return False
    return torch.get_autocast_dtype("cpu") == torch.bfloat16 and x.dtype in (torch.float32, torch.bfloat16)


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, slope: Tensor | None = None, groups: int = 1
) -> Tensor:
    """Cross-correlation without padding, then PReLU where `slope` is given.

    x: N CI H W. weight: CO CI/groups KH KW. bias: CO. slope: CO, or 1 for all channels.
    Returns N CO H-KH+1 W-KW+1, equal to `torch.nn.functional.conv2d` and `prelu` up to the order of sums.
    Gradients of the first order only.
    On a CPU, for float32 and at most 64 channels, it runs in C compiled for the machine. Under `torch.autocast` of
    bfloat16 it rounds what it reads, and returns, bfloat16 where that is faster.
    """
    if _fits(x, weight, bias, slope, groups):
        zeros = weight.new_zeros(len(weight)) if bias is None else bias
        slopes = slope if slope is None else slope.expand(len(weight)).contiguous()
        if _half_wanted(x, groups):
            y = half_conv2d(x, weight, zeros, slopes)
            if y is not None:
                return y
        elif (kernels := _compiled(x, weight, groups)) is not None:
            return _Convolution.apply(x, weight, zeros, slopes, groups, kernels)  # type: ignore[no-any-return,no-untyped-call]
    y = F.conv2d(x, weight, bias, groups=groups)
    return y if slope is None else F.prelu(y, slope)
