"""Networks whose every weight counts, and pictures that show it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pocketsr.nets import SRNet, build


def stirred(name: str, **config: Any) -> SRNet:
    """With weights of which none is 0."""
    torch.manual_seed(7)
    net = build(name, **config)
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.02)
    return net


def noise(channels: int, height: int, width: int, count: int = 1) -> Tensor:
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(3))
