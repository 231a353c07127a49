"""What a step makes small: network and losses as one module."""

from __future__ import annotations

from torch import Tensor, nn

from pocketsr.losses import LossSum
from pocketsr.nets import SRNet
from pocketsr.train.teacher import Teacher

__all__ = ["Objective"]


class Objective(nn.Module):
    """Network and loss in one forward, which is what processes share gradients through."""

    def __init__(self, net: SRNet, losses: LossSum, teacher: Teacher | None) -> None:
        super().__init__()
        self.net, self.losses, self.teacher = net, losses, teacher

    def forward(self, lr: Tensor, hr: Tensor, taught: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of the losses, and each of them, of `net.valid(lr)` against the middle of `hr`.

        Nothing that depends on padding counts: with it, 0.07 dB less by validation.
        lr: N 1 H W. hr, and the teacher's picture `taught` where it is kept: N 1 2H 2W. All in 0..1.
        """
        margin = self.net.scale * self.net.reach
        sr = self.net.valid(lr)
        if self.teacher is None or not self.losses.needs_teacher:
            return self.losses(sr, _crop(hr, margin))
        inside = self.losses.needs_features
        return self.losses(
            sr, _crop(hr, margin),
            teacher_sr=_crop(self.teacher.enlarge(lr) if taught is None else taught, margin),
            student_features=self.net.features(lr) if inside else None,
            teacher_features=self.teacher.features(lr) if inside else None,
        )  # fmt: skip


def _crop(x: Tensor, margin: int) -> Tensor:
    return x[..., margin : x.shape[-2] - margin, margin : x.shape[-1] - margin]
