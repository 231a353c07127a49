"""CARN-M: residual blocks in groups, one shared by three places, each fused with all that came before.

Ahn, Kang, Sohn: Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual Network, ECCV 2018. RGB in
0..1 minus DIV2K's mean, zeros beyond the edges. The authors' network has a head for each of x2, x3 and x4; this is the
part that x2 runs through, 257K parameters. Their 412K count the weights of all three heads and no biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Annotated, cast

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets._names import renamed
from pocketsr.nets.base import SRNet

__all__ = ["CarnM", "CarnMConfig"]

_STEPS = 3  # of each cascade


class CarnMConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    width: Annotated[int, Meta(ge=1)] = 64
    groups: Annotated[int, Meta(ge=1)] = 4


class _Residual(nn.Module):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, groups=groups) for _ in range(2))
        self.mix = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv in self.convs:
            y = conv(y).relu()
        return (cast(Tensor, self.mix(y)) + x).relu()


class _Cascade(nn.Module):
    """Three steps; what each gives is fused with the input and with what each earlier step gave.

    steps: one module for each step, or one for all of them.
    """

    def __init__(self, width: int, *steps: nn.Module) -> None:
        super().__init__()
        self.steps = nn.ModuleList(steps)
        self.fuse = nn.ModuleList(nn.Conv2d(width * (2 + step), width, 1) for step in range(_STEPS))

    def forward(self, x: Tensor) -> Tensor:
        found = y = x
        for step, fuse in zip(cycle(self.steps), self.fuse, strict=False):
            found = torch.cat([found, step(y)], 1)
            y = fuse(found).relu()
        return y


class CarnM(SRNet):
    """The network of `config`. Raises ValueError where `width` doesn't part into `groups`."""

    scale = 2
    channels = 3
    halo = 1 + 2 * _STEPS * _STEPS + 1 + 1  # the last 1: one HR pixel to each side
    mean: Tensor

    def __init__(self, config: CarnMConfig) -> None:
        super().__init__()
        width, groups = config.width, config.groups
        self.register_buffer("mean", torch.tensor([0.4488, 0.4371, 0.4040]))  # R G B
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.body = _Cascade(width, *(_Cascade(width, _Residual(width, groups)) for _ in range(_STEPS)))
        self.enlarge = nn.Conv2d(width, 4 * width, 3, padding=1, groups=groups)
        self.tail = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.mean.view(1, 3, 1, 1)
        y = self.body(self.head(x - mean))
        y = F.pixel_shuffle(self.enlarge(y).relu(), 2)
        return cast(Tensor, self.tail(y)) + mean

    def published(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        for_x2 = {name: tensor for name, tensor in weights.items() if not name.startswith(_NOT_FOR_X2)}
        return renamed(for_x2, _NAMES)


_NOT_FOR_X2 = ("upsample.up3.", "upsample.up4.", "sub_mean.", "add_mean.shifter.weight")  # the last two: 1, -mean
_NAMES = {
    "^entry": "head", "^exit": "tail", r"^upsample\.up2\.body\.0": "enlarge", r"^add_mean\.shifter\.bias": "mean",
    r"\.b1\.body\.0": ".steps.0.convs.0", r"\.b1\.body\.2": ".steps.0.convs.1", r"\.b1\.body\.4": ".steps.0.mix",
    r"\.body\.0": "", "^([bc][123])": r"body.\1",
    r"\.b1\.": ".steps.0.", r"\.b2\.": ".steps.1.", r"\.b3\.": ".steps.2.",
    r"\.c1\.": ".fuse.0.", r"\.c2\.": ".fuse.1.", r"\.c3\.": ".fuse.2.",
}  # fmt: skip
