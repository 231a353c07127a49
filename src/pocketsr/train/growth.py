"""A chain of plain convolutions with more channels than the one that it begins with, which it equals at first.

Chen et al., "Net2Net: Accelerating Learning via Knowledge Transfer" (ICLR 2016), copy channels and share out what they
give; here new channels are fresh ones, which nothing reads yet.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from pocketsr.reparam import Plain

__all__ = ["grow"]

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
