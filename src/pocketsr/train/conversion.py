"""Weights of an earlier stage in a network that differs a little from it."""

from __future__ import annotations

from math import isqrt
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.nets.pocket import Pocket
from pocketsr.pixels.structure import DIRECTIONS
from pocketsr.reparam import Chosen, Linear, Plain
from pocketsr.train.growth import deepen, grow

__all__ = ["converted"]


def converted(weights: Any, net: nn.Module) -> Any:
    """`weights` as a checkpoint holds them, by name, with what `net` needs and they can give.

    Biases that `net` has and they lack are 0, so that nothing changes; so are those
    for strengths of a degradation. Where `net` has one PReLU slope for a layer and
    they have one a channel, it is their mean; where it is the other way round, each channel takes the one. Kernels that
    are larger in `net` get a rim of zeros; strengths that `net` has beyond theirs begin as the strongest of theirs.
    A plain layer with more channels in `net` begins with what they have, and new channels that nothing reads yet.
    Plain layers that only `net` has begin as ones that change nothing, before the last.
    A layer that has groups only in `net` keeps what they have within the groups, and loses the rest.
    Where `net` upscales by another factor, each pixel that it makes of one begins as the nearest of theirs. A plain
    layer takes what an over-parameterised one collapses to. All else stays as it is: whoever loads it says what doesn't
    fit.
    """
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        return weights
    found = dict(weights)
    if isinstance(net, Pocket):
        deepen(found, net)
    for name, wanted in net.state_dict().items():
        if name.rpartition(".")[2] == "bias":
            _add_bias(found, name, wanted)
        elif name.startswith("slopes."):
            _fit_slopes(found, name, wanted)
        elif name.startswith("offsets."):
            found.setdefault(name, torch.zeros_like(wanted))
    for name, layer in net.named_modules():
        if isinstance(layer, Chosen):
            _add_strengths(found, f"{name}.differences", layer)
        if type(layer) is Plain:
            _collapse(found, name)
        if isinstance(layer, Linear):
            own = name if f"{name}.weight" in found else name.replace(".shared", "")
            _widen(found, own, layer)
            _part(found, own, layer)
    if isinstance(net, Pocket):
        _rescale(found, net)
    grow(found, net)
    return found


def _whole(found: dict[str, Any], name: str) -> Tensor | None:
    """The one kernel that a `Linear` of that name is; None where there is none."""
    kernel, wide, point = (found.get(f"{name}.{part}") for part in ("weight", "wide", "point"))
    if not (isinstance(kernel, Tensor) and isinstance(wide, Tensor) and isinstance(point, Tensor)):
        return None
    if not point.ndim == wide.ndim == 2 or point.shape[1] != len(wide) or len(point) * wide.shape[1] != kernel.numel():
        return None
    return kernel + (point @ wide).view_as(kernel)


def _collapse(found: dict[str, Any], name: str) -> None:
    whole = _whole(found, name)
    if whole is not None:
        found[f"{name}.weight"] = whole
        del found[f"{name}.wide"], found[f"{name}.point"]


def _rescale(found: dict[str, Any], net: Pocket) -> None:
    """Gives the last layer scale**2 outputs: of each the weights of the one that lies nearest within the LR pixel."""
    last = f"blocks.{len(net.blocks) - 1}."
    bias = found.get(f"{last}bias", found.get(f"{last}shared.bias"))
    given = isqrt(bias.numel()) if isinstance(bias, Tensor) else 0
    if given == net.scale or not isinstance(bias, Tensor) or bias.shape != (given**2,):
        return
    near = [(2 * i + 1) * given // (2 * net.scale) for i in range(net.scale)]
    order = torch.tensor([row * given + column for row in near for column in near])
    for name, weights in found.items():
        whole = name.startswith((last, f"offsets.{len(net.blocks) - 1}")) and isinstance(weights, Tensor)
        axis = 1 if name.startswith("offsets.") else 0
        outer = name.rpartition(".")[2] in ("weight", "bias", "point", "differences") or axis == 1
        if whole and outer and weights.ndim > axis and weights.shape[axis] % given**2 == 0:
            each = weights.unflatten(axis, (given**2, -1))  # a layer that chooses has its classes together
            found[name] = each.index_select(axis, order).flatten(axis, axis + 1)


def _add_strengths(found: dict[str, Any], name: str, layer: Chosen) -> None:
    kernels, outputs = found.get(name), layer.shared.out_channels
    if not isinstance(kernels, Tensor) or kernels.ndim != 4 or len(kernels) % (outputs * DIRECTIONS):
        return
    each = kernels.view(outputs, -1, DIRECTIONS, *kernels.shape[1:])
    if (more := layer.classes // DIRECTIONS - each.shape[1]) > 0:
        found[name] = torch.cat([each, each[:, -1:].expand(-1, more, *each.shape[2:])], 1).flatten(0, 2)


def _widen(found: dict[str, Any], name: str, layer: Linear) -> None:
    """Puts as many zeros around the kernels of `name` as make them as large as those of `layer`."""
    kernel = found.get(f"{name}.weight")
    if not isinstance(kernel, Tensor) or kernel.ndim != 4 or kernel.shape[:2] != layer.shape[:2]:
        return
    rows, columns = (after - before for after, before in zip(layer.shape[2:], kernel.shape[2:], strict=True))
    if min(rows, columns) < 0 or rows % 2 or columns % 2 or not rows + columns:
        return
    rim = (columns // 2, columns // 2, rows // 2, rows // 2)
    still = name.rpartition(".")[2] == "block"  # of a `ZeroMean`, which takes the mean of all taps away, the rim's too
    for key in (f"{name}.weight", f"{name}.wide", f"{name.partition('.shared')[0]}.differences"):
        weights = found.get(key)
        if isinstance(weights, Tensor) and weights.numel() % kernel[0].numel() == 0:
            each = weights.view(-1, *kernel.shape[1:])
            padded = F.pad(each - each.mean((1, 2, 3), keepdim=True) if still else each, rim)
            found[key] = padded if weights.ndim == 4 else padded.flatten(1)


def _part(found: dict[str, Any], name: str, layer: Linear) -> None:
    """Takes from a kernel without groups what lies within those of `layer`; the branch beside it begins anew, at 0."""
    whole = _whole(found, name)
    outputs, inputs, *taps = layer.shape
    if layer.groups == 1 or whole is None or whole.shape != (outputs, inputs * layer.groups, *taps):
        return
    parts = whole.view(layer.groups, outputs // layer.groups, layer.groups, inputs, *taps)
    found[f"{name}.weight"] = torch.cat([parts[group, :, group] for group in range(layer.groups)])
    found[f"{name}.wide"], found[f"{name}.point"] = layer.wide.detach().clone(), torch.zeros_like(layer.point)


def _add_bias(found: dict[str, Any], name: str, wanted: Tensor) -> None:
    layer = name.removesuffix("bias")
    plain = layer.replace("shared.", "")  # of a layer that chooses its kernels: it takes those of a plain one too
    if any(key.startswith(layer) for key in found):
        found.setdefault(name, torch.zeros_like(wanted))
    elif any(key.startswith(plain) for key in found):
        found.setdefault(f"{plain}bias", torch.zeros_like(wanted))


def _fit_slopes(found: dict[str, Any], name: str, wanted: Tensor) -> None:
    slopes = found.get(name)
    if not isinstance(slopes, Tensor) or slopes.ndim != 1 or slopes.shape == wanted.shape:
        return
    if wanted.numel() == 1:
        found[name] = slopes.mean(0, keepdim=True)
    elif slopes.numel() == 1:
        found[name] = slopes.expand_as(wanted).clone()
