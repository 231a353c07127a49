"""The discriminator of SRGAN: whether a patch is HR or made.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR 2017,
figure 4 and section 2.1.1. RGB patches in 0..1; the dense layers fix their size, which the authors chose as 96.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

__all__ = ["Discriminator"]

_WIDTHS = (64, 64, 128, 128, 256, 256, 512, 512)  # every second convolution halves the sides


class Discriminator(nn.Module):
    """N 3 P P in 0..1 to N logits: positive for HR. Raises ValueError unless `patch` P is a multiple of 16."""

    def __init__(self, patch: int = 96) -> None:
        super().__init__()
        if patch < 16 or patch % 16:
            raise ValueError(f"the discriminator halves its patch four times: {patch} is no multiple of 16")
        self.patch = patch
        layers: list[nn.Module] = [nn.Conv2d(3, _WIDTHS[0], 3, padding=1), nn.LeakyReLU(0.2)]
        for index, (before, after) in enumerate(pairwise(_WIDTHS), 1):
            layers += [
                nn.Conv2d(before, after, 3, stride=1 + index % 2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.2),
            ]
        self.features = nn.Sequential(*layers)
        self.judge = nn.Sequential(
            nn.Flatten(), nn.Linear(_WIDTHS[-1] * (patch // 16) ** 2, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.judge(self.features(2 * x - 1))
        return logits[:, 0]
