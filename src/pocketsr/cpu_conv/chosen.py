"""`chosen_conv2d`: valid convolution whose kernel each pixel chooses by its class, optionally with PReLU, on CPUs in C.

Elsewhere (accelerators, no compiler, many channels) it is every kernel's convolution, of which each pixel takes one.
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

from pocketsr.cpu_conv.library import compiled, pointer
from pocketsr.engine.codegen.target import host_target

__all__ = ["chosen_conv2d"]

_MOST_CLASSES = 64  # the bits of a set in C
_MOST_CHANNELS = 64
_SUMS = 8  # in registers at once: as many as hide the latency of a multiply-add
_SOURCE = Path(__file__).with_name("chosen.c")

_Shape = tuple[int, int, int, int, int, int]


def _divisor(count: int, most: int) -> int:
    return max(size for size in range(1, max(1, most) + 1) if count % size == 0)


def _blocks(channels: int, groups: int) -> tuple[int, int]:
    """Groups, and channels of each, that are computed together: parts of a group, or whole groups."""
    size = _divisor(channels, _SUMS)
    return (_divisor(groups, _SUMS // size) if size == channels else 1), size


@cache
def _library(shape: _Shape) -> ctypes.CDLL | None:
    """What runs convolutions of K, CO and CI (of a group), KH, KW and groups; None without a compiler."""
    k, co, ci, kh, kw, groups = shape
    (groups_out, outputs), (groups_in, inputs) = _blocks(co, groups), _blocks(ci, groups)
    defines = {
        "K": k, "CI": ci, "CO": co, "GROUPS": groups, "KH": kh, "KW": kw, "LANES": host_target().lanes,
        "GROUPS_OUT": groups_out, "OUTPUTS": outputs, "GROUPS_IN": groups_in, "INPUTS": inputs,
        "SUMS": min(kh, 2 if groups_out * outputs <= _SUMS // 2 else 1),
        "DW_AT_ONCE": _divisor(co, 10 // kw),
    }  # fmt: skip
    source = "".join(f"#define {name} {value}\n" for name, value in defines.items()) + _SOURCE.read_text()
    library = compiled(source)
    if library is None:
        return None
    for name in ("chosen_forward", "chosen_backward"):
        getattr(library, name).restype = None
    return library


def _packed(weight: Tensor, groups: int) -> Tensor:
    """K CO CI/groups KH KW in the order in which `chosen_forward` reads it."""
    k, co, ci, kh, kw = weight.shape
    together, outputs = _blocks(co // groups, groups)
    parted = weight.reshape(k, groups // together, together, co // groups // outputs, outputs, ci, kh, kw)
    return parted.permute(0, 1, 3, 5, 6, 7, 2, 4).contiguous()


def _flipped(weight: Tensor, groups: int) -> Tensor:
    """K CO CI/groups KH KW in the order in which `chosen_backward` reads it, taps reversed."""
    k, co, ci, kh, kw = weight.shape
    together, inputs = _blocks(ci, groups)
    parted = weight.flip(3, 4).reshape(k, groups // together, together, co // groups, ci // inputs, inputs, kh, kw)
    return parted.permute(0, 1, 4, 6, 7, 3, 2, 5).contiguous()


def _sizes(x: Tensor) -> tuple[ctypes.c_long, ...]:
    return tuple(ctypes.c_long(x.shape[i]) for i in (0, 2, 3))


class _Chosen(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, classes: Tensor, bias: Tensor, slope: Tensor | None, groups: int,
        library: ctypes.CDLL,
    ) -> Tensor:  # fmt: skip
        n, _, h, w = x.shape
        _, co, _, kh, kw = weight.shape
        x, bias, classes = x.contiguous(), bias.contiguous(), classes.contiguous()
        slope, packed = None if slope is None else slope.contiguous(), _packed(weight, groups)
        y = x.new_empty((n, co, h - kh + 1, w - kw + 1))
        act = None if slope is None else torch.empty_like(y)
        met = torch.empty(y.shape[2] * y.shape[3], dtype=torch.int64)
        library.chosen_forward(
            pointer(x), *_sizes(x), pointer(classes), pointer(packed), pointer(bias), pointer(slope), pointer(y),
            pointer(act), pointer(met),
        )  # fmt: skip
        ctx.library, ctx.has_slope, ctx.groups = library, slope is not None, groups
        ctx.save_for_backward(x, weight, classes, *(() if slope is None else (slope, y)))
        return y if act is None else act

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, classes, *rest = ctx.saved_tensors
        slope, y = rest if ctx.has_slope else (None, None)
        _, co, _, kh, kw = weight.shape
        _, _, h, w = x.shape
        grad, flipped = grads[0].contiguous(), _flipped(weight, ctx.groups)
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        dweight = torch.empty_like(weight, memory_format=torch.contiguous_format)
        dbias, dslope = x.new_empty(co), x.new_empty(co)
        lanes, wide = host_target().lanes, (h + kh - 1) * (w + kw - 1)
        vectors = x.new_empty((weight.numel() + 64 * co + 1) * lanes)
        met, classes_wide = torch.empty(wide, dtype=torch.int64), torch.empty(wide, dtype=torch.int32)
        d = x.new_empty(co * wide)
        aligned = -(-vectors.data_ptr() // (4 * lanes)) * 4 * lanes  # torch aligns to 64 bytes, as long as it does
        ctx.library.chosen_backward(
            pointer(x), *_sizes(x), pointer(classes), pointer(flipped), pointer(slope), pointer(y), pointer(grad),
            pointer(dx), pointer(dweight), pointer(dbias), pointer(dslope), ctypes.c_void_p(aligned), pointer(met),
            pointer(d), pointer(classes_wide),
        )  # fmt: skip
        return dx, dweight, None, dbias, dslope if ctx.has_slope else None, None, None


def _compiled(x: Tensor, weight: Tensor, classes: Tensor, others: list[Tensor], groups: int) -> ctypes.CDLL | None:
    """The C for these operands; None where there is none, or where they don't fit each other."""
    if torch.onnx.is_in_onnx_export() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return None
    floats = [x, weight, *others]
    if any(one.device.type != "cpu" or one.dtype != torch.float32 for one in floats) or classes.device.type != "cpu":
        return None
    if x.dim() != 4 or not x.shape[0]:
        return None
    k, co, ci, kh, kw = weight.shape
    if k > _MOST_CLASSES or max(co, ci * groups) > _MOST_CHANNELS or any(one.shape != (co,) for one in others):
        return None
    if x.shape[1] != ci * groups or co % groups or x.shape[2] < kh or x.shape[3] - kw + 1 < host_target().lanes:
        return None
    return _library((k, co // groups, ci, kh, kw, groups))


def chosen_conv2d(
    x: Tensor, weight: Tensor, classes: Tensor, bias: Tensor | None = None, slope: Tensor | None = None, groups: int = 1
) -> Tensor:
    """Cross-correlation without padding by the kernel of each output pixel's class, then PReLU where `slope` is given.

    x: N CI H W. weight: K CO CI/groups KH KW. classes: N H-KH+1 W-KW+1, integers 0 .. K-1 (int32 is not copied).
    bias: CO. slope: CO, or 1 for all channels.
    Returns N CO H-KH+1 W-KW+1. Gradients of the first order only, none of `classes`.
    On a CPU, for float32, at most 64 channels and 64 classes, it runs in C compiled for the machine.
    Raises ValueError where `classes` are not of the output's size, or not among the K.
    """
    k, co, _, kh, kw = weight.shape
    if classes.shape != (x.shape[0], x.shape[2] - kh + 1, x.shape[3] - kw + 1):
        raise ValueError(f"classes of {tuple(classes.shape)} don't fit the output of {tuple(x.shape)} by {kh}x{kw}")
    if classes.numel():
        lowest, highest = (int(found) for found in torch.aminmax(classes))
        if lowest < 0 or highest >= k:
            raise ValueError(f"classes of {lowest} .. {highest}, but {k} kernels")
    zeros = weight.new_zeros(co) if bias is None else bias
    slopes = None if slope is None else slope.expand(co)
    library = _compiled(x, weight, classes, [zeros] if slopes is None else [zeros, slopes], groups)
    if library is not None:
        whole = classes.to(torch.int32)
        return _Chosen.apply(x, weight, whole, zeros, slopes, groups, library)  # type: ignore[no-any-return,no-untyped-call]
    return _by_all(x, weight, classes, bias, slope, groups)


def _by_all(
    x: Tensor, weight: Tensor, classes: Tensor, bias: Tensor | None, slope: Tensor | None, groups: int
) -> Tensor:
    """Every kernel's result, of which each pixel takes one."""
    k, co = weight.shape[:2]
    each = F.conv2d(x, weight.transpose(0, 1).flatten(0, 1), groups=groups)  # an output's K kernels are neighbours
    index = classes.long()[:, None, None].expand(-1, co, 1, -1, -1)
    y = each.view(len(x), co, k, *each.shape[2:]).gather(2, index)[:, :, 0]
    y = y if bias is None else y + bias.to(y.dtype)[:, None, None]
    return y if slope is None else F.prelu(y, slope.to(y.dtype))
