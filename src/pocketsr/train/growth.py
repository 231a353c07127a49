"""A chain of plain convolutions with more layers or channels than the one that it begins with, equal at first.

Chen et al., "Net2Net: Accelerating Learning via Knowledge Transfer" (ICLR 2016), insert layers that change nothing, and
copy channels and share out what they give; here new channels are fresh ones, which nothing reads yet.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pocketsr.nets.pocket import Pocket
from pocketsr.reparam import Plain

__all__ = ["deepen", "grow"]

_GAIN = 3**0.5
"""PyTorch's fresh convolutions have a third of the variance that a chain keeps: unlike a layer's other channels, new
ones would fade from layer to layer."""


def grow(found: dict[str, Any], net: nn.Module) -> None:
    """Gives each `Plain` layer in `found` (weights by name) the channels that it has beyond them in `net`.

    What there was doesn't read new channels (zeros, which training changes), so that results stay; new channels read
    all, with the weights that `net` was made with. Layers with groups stay as they are, and those with fewer channels.
    """
    for name, layer in net.named_modules():
        weight = found.get(f"{name}.weight")
        if type(layer) is not Plain or layer.groups != 1 or not isinstance(weight, Tensor) or weight.ndim != 4:
            continue
        wanted, (outputs, inputs) = layer.weight.detach(), weight.shape[:2]
        if weight.shape == wanted.shape or weight.shape[2:] != wanted.shape[2:]:
            continue
        if outputs > wanted.shape[0] or inputs > wanted.shape[1]:
            continue
        grown = wanted * _GAIN
        grown[:outputs] = 0
        grown[:outputs, :inputs] = weight
        found[f"{name}.weight"] = grown
        bias = found.get(f"{name}.bias")
        if isinstance(bias, Tensor) and bias.shape == (outputs,):
            found[f"{name}.bias"] = nn.functional.pad(bias, (0, len(wanted) - outputs))
    for name, wanted in net.state_dict().items():
        slopes = found.get(name)
        if name.startswith("slopes.") and isinstance(slopes, Tensor) and 1 < slopes.numel() < wanted.numel():
            grown = wanted.detach().clone()
            grown[: len(slopes)] = slopes
            found[name] = grown


def deepen(found: dict[str, Any], net: Pocket) -> None:
    """Gives `found` (weights by name) as many plain layers as `net` has, the new ones before the last: each passes on
    what it reads, as its kernels are 1 in the middle and its PReLU's slopes are 1.

    Only where the new ones are `Plain`, without groups, skips or strengths, and as wide as what they follow.
    """
    had, has = sum(name.startswith("slopes.") for name in found) + 1, len(net.blocks)
    new = range(had - 1, has - 1)
    if had < 2 or not new or any(name.startswith("offsets.") for name in found):
        return
    before = net.layers[had - 2].channels
    for block, layer in zip(net.blocks[had - 1 : -1], net.layers[had - 1 : -1], strict=True):
        if type(block) is not Plain or block.groups != 1 or layer.channels != before or layer.add:
            return
    for name in [name for name in found if name.startswith(f"blocks.{had - 1}.")]:
        found[f"blocks.{has - 1}." + name.split(".", 2)[2]] = found.pop(name)
    for index in new:
        found[f"blocks.{index}.weight"] = nn.init.dirac_(torch.empty(before, before, *net.layers[index].kernel))
        found[f"slopes.{index}"] = torch.ones(before)
