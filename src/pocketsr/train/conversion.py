"""Weights of an earlier stage in a network that differs a little from it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["converted"]


def converted(weights: Any, net: nn.Module) -> Any:
    """`weights` as a checkpoint holds them, by name, with what `net` needs and they can give.

    Biases that `net` has and they lack are 0, so that nothing changes. Where `net` has one PReLU slope for a layer and
    they have one a channel, it is their mean; where it is the other way round, each channel takes the one. All else
    stays as it is: whoever loads it says what doesn't fit.
    """
    if not isinstance(weights, dict) or not all(isinstance(name, str) for name in weights):
        return weights
    found = dict(weights)
    for name, wanted in net.state_dict().items():
        if name.rpartition(".")[2] == "bias":
            _add_bias(found, name, wanted)
        elif name.startswith("slopes."):
            _fit_slopes(found, name, wanted)
    return found


def _add_bias(found: dict[str, Any], name: str, wanted: Tensor) -> None:
    layer = name.removesuffix("bias")
    plain = layer.removesuffix("shared.")  # of a layer that chooses its kernels: it takes those of a plain one too
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
