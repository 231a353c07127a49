"""The weighted sum of losses that a recipe names."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from pocketsr.errors import UserError, did_you_mean
from pocketsr.losses.distill import distillation, feature, structured
from pocketsr.losses.frequency import dct, fft
from pocketsr.losses.pixel import charbonnier, l1, l2, psnr
from pocketsr.losses.still import flicker
from pocketsr.losses.structure import gradient, tv

__all__ = ["LossSum"]

_OF_PICTURES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "charbonnier": charbonnier, "dct": dct, "fft": fft, "gradient": gradient, "l1": l1, "l2": l2,
    "psnr": psnr, "tv": tv,
}  # fmt: skip
_OF_FEATURES = ("feature", "structured")
_OF_TEACHERS = ("distillation", *_OF_FEATURES)
_OF_FRAMES = "flicker"
_KNOWN = sorted((*_OF_PICTURES, *_OF_TEACHERS, _OF_FRAMES))


class LossSum:
    """`LossSum({"l1": 1.0, "fft": 0.05})`: the sum of the named losses, each times its weight.

    A loss of weight 0 is not computed. Raises UserError for a name that is not known, a weight that is negative or no
    number, and for weights that are all 0.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        for name, weight in weights.items():
            if name not in _KNOWN:
                close = did_you_mean(name, _KNOWN)
                hint = f"; {close}" if close else ""
                raise UserError(f"no loss '{name}': known are {', '.join(_KNOWN)}{hint}")
            if not 0 <= weight < math.inf:
                raise UserError(f"loss '{name}' has weight {weight}: give 0 (off) or more")
        self._weights = {name: weight for name, weight in weights.items() if weight}
        if not self._weights:
            raise UserError(f"no loss has a weight above 0: give one to any of {', '.join(_KNOWN)}")
        if set(self._weights) == {_OF_FRAMES}:
            raise UserError("loss 'flicker' alone is least where nothing is drawn: add a loss of pictures, as psnr")

    @property
    def needs_teacher(self) -> bool:
        """Whether a teacher's picture or features are asked for."""
        return any(name in self._weights for name in _OF_TEACHERS)

    @property
    def needs_features(self) -> bool:
        """Whether features are asked for."""
        return any(name in self._weights for name in _OF_FEATURES)

    @property
    def needs_frames(self) -> bool:
        """Whether two frames, one behind the other, are asked for."""
        return _OF_FRAMES in self._weights

    def __call__(
        self,
        sr: Tensor,
        hr: Tensor,
        *,
        teacher_sr: Tensor | None = None,
        student_features: Sequence[Tensor] | None = None,
        teacher_features: Sequence[Tensor] | None = None,
        frames: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum, and each loss without its weight, detached.

        sr, hr, teacher_sr: N C H W in 0..1. The features: what `SRNet.features` gives; `structured` takes the last.
        frames: what `flicker` takes.
        Raises UserError when a loss lacks what it compares, ValueError for pictures of different shapes.
        """
        for other in (hr, teacher_sr):
            if other is not None and other.shape != sr.shape:
                raise ValueError(f"pictures of different shapes: {tuple(sr.shape)} and {tuple(other.shape)}")
        values: dict[str, Tensor] = {}
        for name in self._weights:
            if name in _OF_PICTURES:
                values[name] = _OF_PICTURES[name](sr, hr)
            elif name == _OF_FRAMES:
                if frames is None:
                    raise UserError("loss 'flicker' needs two frames and there are none: give it clips")
                values[name] = flicker(*frames)
            elif name == "distillation":
                if teacher_sr is None:
                    raise UserError("loss 'distillation' needs a teacher's picture and there is none: name a teacher")
                values[name] = distillation(sr, teacher_sr)
            else:
                if not student_features or not teacher_features:
                    raise UserError(f"loss '{name}' needs features and there are none: take networks that have some")
                if name == "feature":
                    values[name] = feature(student_features, teacher_features)
                else:
                    values[name] = structured(student_features[-1], teacher_features[-1])
        total = torch.stack([self._weights[name] * value for name, value in values.items()]).sum()
        return total, {name: value.detach() for name, value in values.items()}
