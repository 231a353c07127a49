"""Losses that compare a student with its teacher.

Features are N C H W. Networks that see differently far give unpadded features of different sizes about the same
centre: the larger is cropped to the smaller.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from pocketsr.errors import UserError
from pocketsr.losses.pixel import l1

__all__ = ["distillation", "feature", "structured"]


def distillation(sr: Tensor, teacher_sr: Tensor) -> Tensor:
    """L1 between the two pictures, N C H W in 0..1: what the teacher gives in place of HR."""
    return l1(sr, teacher_sr)


def feature(student_features: Sequence[Tensor], teacher_features: Sequence[Tensor]) -> Tensor:
    """The mean square between features, layer by layer, averaged over layers (FitNets, Romero et al., ICLR 2015).

    Raises UserError unless both have as many layers, and the layers as many channels.
    """
    student, teacher = ([one.shape[1] for one in features] for features in (student_features, teacher_features))
    if not student or student != teacher:
        raise UserError(
            f"loss 'feature' compares layer by layer, but the student's have {student} channels and the teacher's "
            f"{teacher}: use 'structured', which compares the last layers whatever their channels"
        )
    pairs = (_aligned(*pair) for pair in zip(student_features, teacher_features, strict=True))
    return torch.stack([F.mse_loss(one, other) for one, other in pairs]).mean()


def structured(student_feature: Tensor, teacher_feature: Tensor) -> Tensor:
    """How differently two networks spread their activity over the picture: 0 (the same) to 2 (never at one place).

    PAMS' structured knowledge transfer (Li et al., ECCV 2020): the squared distance of two maps of length 1, each the
    sum of squares over a network's channels, whose number may differ. Summed over places (the authors' code takes the
    mean), so that its size doesn't depend on the patch's; the mean over N.
    """
    student, teacher = (_activity(one) for one in _aligned(student_feature, teacher_feature))
    return (student - teacher).square().sum(1).mean()


def _activity(feature: Tensor) -> Tensor:
    return F.normalize(feature.square().sum(1).flatten(1), dim=1)


def _aligned(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    height, width = (min(sizes) for sizes in zip(one.shape[-2:], other.shape[-2:], strict=True))
    return _centre(one, height, width), _centre(other, height, width)


def _centre(x: Tensor, height: int, width: int) -> Tensor:
    rows, columns = x.shape[-2] - height, x.shape[-1] - width
    if rows % 2 or columns % 2:
        raise UserError(
            f"a feature of {x.shape[-2]}x{x.shape[-1]} has no centre of {height}x{width}: "
            "student and teacher need kernels of odd sizes to compare features"
        )
    return x[..., rows // 2 : rows // 2 + height, columns // 2 : columns // 2 + width]
