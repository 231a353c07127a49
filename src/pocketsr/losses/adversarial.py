"""The losses of SRGAN, and the step of training that takes turns between its two networks.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR 2017,
section 2.2. Pictures are N 3 H W in 0..1, logits are N, positive for HR. The features that the paper compares are
those of a VGG network, which is not part of pocketsr: whoever trains gives a callable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

__all__ = ["AdversarialStep", "adversarial", "discrimination", "perceptual"]

_RESCALE = 1 / 12.75  # section 3.2: brings VGG's features to the size of pixels


def perceptual(features: Callable[[Tensor], Tensor], sr: Tensor, hr: Tensor) -> Tensor:
    """The mean square between features of `sr` and of `hr`, rescaled (equation 5)."""
    with torch.no_grad():
        wanted = features(hr)
    return (_RESCALE * (features(sr) - wanted)).square().mean()


def adversarial(sr_logits: Tensor) -> Tensor:
    """The generator's side: the mean of -log D(sr), D being the logits' sigmoid (equation 6)."""
    return F.softplus(-sr_logits).mean()


def discrimination(hr_logits: Tensor, sr_logits: Tensor) -> Tensor:
    """The discriminator's side: the mean of -log D(hr), plus that of -log(1 - D(sr)) (equation 2)."""
    return F.softplus(-hr_logits).mean() + F.softplus(sr_logits).mean()


@dataclass(frozen=True)
class AdversarialStep:
    """One update of the discriminator, then one of the generator (k = 1 of Goodfellow et al., 2014).

    generator: LR to SR of HR's size; each optimiser holds its network's weights, and those alone.
    weight: of the adversarial loss beside the perceptual one (equation 3).
    """

    generator: Callable[[Tensor], Tensor]
    discriminator: Callable[[Tensor], Tensor]
    features: Callable[[Tensor], Tensor]
    generator_optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    weight: float = 1e-3

    def __call__(self, lr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """Take the step; the three losses without their weight, detached."""
        sr = self.generator(lr)
        judged = discrimination(self.discriminator(hr), self.discriminator(sr.detach()))
        self.discriminator_optimiser.zero_grad()  # also of what the generator's turn left there
        judged.backward()  # type: ignore[no-untyped-call]
        self.discriminator_optimiser.step()

        content, fooled = perceptual(self.features, sr, hr), adversarial(self.discriminator(sr))
        self.generator_optimiser.zero_grad()
        (content + self.weight * fooled).backward()  # type: ignore[no-untyped-call]
        self.generator_optimiser.step()
        return {
            "perceptual": content.detach(), "adversarial": fooled.detach(), "discrimination": judged.detach(),
        }  # fmt: skip
