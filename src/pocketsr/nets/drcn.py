"""DRCN: one convolution applied sixteen times to the bicubically upsampled image, with a prediction after each.

Kim, Lee, Lee, "Deeply-Recursive Convolutional Network for Image Super-Resolution", CVPR 2016. Luma, zero padding.
Tables list 1,774K parameters (kernels alone, without biases) and 17,974.3G multiplications: all sixteen predictions
are made and averaged with learned weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from msgspec import Meta
from torch import Tensor, nn

from pocketsr.nets.base import Bicubic, SRNet

__all__ = ["Drcn", "DrcnConfig", "recursive_supervision"]


class DrcnConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    recursions: Annotated[int, Meta(ge=1)] = 16
    width: Annotated[int, Meta(ge=1)] = 256


def recursive_supervision(predictions: Tensor, sr: Tensor, hr: Tensor, alpha: float) -> Tensor:
    """The training loss without its weight decay (equation 9): each prediction, and their average, against HR.

    predictions: N D H W, what `Drcn.predictions` gives; sr: their average; hr: N 1 H W; all in 0..1.
    alpha: 1 trains every recursion alone, 0 the average alone; the authors begin high and let it decay.
    """
    each = (predictions - hr).square().mean() / 2
    average = (sr - hr).square().mean() / 2
    return alpha * each + (1 - alpha) * average


class Drcn(SRNet):
    """Embedding, inference and reconstruction nets; the input is added to each reconstruction (section 3)."""

    scale = 2
    channels = 1

    def __init__(self, config: DrcnConfig) -> None:
        super().__init__()
        width = config.width
        self.recursions = config.recursions
        self.enlarge = Bicubic()
        self.embed = nn.ModuleList([nn.Conv2d(1, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)])
        self.infer = nn.Conv2d(width, width, 3, padding=1)
        self.reconstruct = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, 1, 3, padding=1)])
        self.weights = nn.Parameter(torch.full((config.recursions,), 1 / config.recursions))
        self.halo = (4 + config.recursions) // 2 + Bicubic.halo
        for layer in (*self.embed, *self.reconstruct):
            nn.init.kaiming_normal_(cast(nn.Conv2d, layer).weight, nonlinearity="relu")
        nn.init.dirac_(self.infer.weight)  # each recursion begins as what it is given (section 4.2)
        for name, weight in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(weight)

    def _each(self, wide: Tensor) -> Iterator[Tensor]:
        """The prediction after every recursion, N 1 H W."""
        state = wide
        for layer in self.embed:
            state = F.relu(layer(state))
        for _ in range(self.recursions):
            state = F.relu(self.infer(state))
            yield wide + self.reconstruct[1](F.relu(self.reconstruct[0](state)))

    def predictions(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """N 1 H W to every recursion's picture, N D 2H 2W, and their weighted average, N 1 2H 2W (equation 6)."""
        found = torch.cat(list(self._each(self.enlarge(x))), 1)
        return found, (found * self.weights.view(1, -1, 1, 1)).sum(1, keepdim=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.predictions(x)[1]
