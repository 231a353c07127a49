"""What a step makes small: network and losses as one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pocketsr.losses import LossSum
from pocketsr.nets import SRNet
from pocketsr.nets.base import Bicubic, crop
from pocketsr.train.teacher import Teacher
from pocketsr.train.validate import shave

__all__ = ["Objective"]


class Objective(nn.Module):
    """Network and loss in one forward, which is what processes share gradients through."""

    def __init__(self, net: SRNet, losses: LossSum, teacher: Teacher | None) -> None:
        super().__init__()
        self.net, self.losses, self.teacher = net, losses, teacher
        self._shave = shave(net.scale)
        self._bicubic = Bicubic(net.scale) if net.scale > 1 else nn.Identity()

    def forward(
        self,
        lr: Tensor,
        hr: Tensor,
        teacher_sr: Tensor | None,
        borders: bool = False,
        frames: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of the losses, and each of them, of `net.valid(lr)` against the middle of `hr`.

        Nothing that depends on padding counts: with it, 0.07 dB less by validation. But a picture has borders, if not
        as many as a patch: with `borders` a patch is a picture, padded as one and counted as far as figures do.
        lr: N C H W. hr, and the teacher's picture `teacher_sr` where it is kept: N C scale*H scale*W. All in 0..1.
        frames: what `StillPool.batch` gives, where a loss asks for it.
        """
        margin = self._shave if borders else self.net.scale * self.net.halo
        inner = crop(hr, margin, margin)
        still = self._still(*frames) if frames is not None and self.losses.needs_frames else None
        if self.teacher is None or not self.losses.needs_teacher:
            return self.losses(self._enlarged(lr, borders), inner, frames=still)
        inside = self.losses.needs_features
        picture = lr[:, : self.net.channels]
        sr, features = self.net.observed(lr) if inside else (self._enlarged(lr, borders), None)
        return self.losses(
            sr, inner,
            teacher_sr=crop(self.teacher.enlarge(picture) if teacher_sr is None else teacher_sr, margin, margin),
            student_features=features,
            teacher_features=self.teacher.features(picture) if inside else None,
            frames=still,
        )  # fmt: skip

    def _enlarged(self, lr: Tensor, borders: bool) -> Tensor:
        return crop(self.net(lr), self._shave, self._shave) if borders else self.net.valid(lr)

    def _still(self, lr: Tensor, still: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What `losses.flicker` compares, of what `StillPool.batch` gives; nothing in it depends on padding."""
        flat, margin = lr.flatten(0, 1), self.net.scale * self.net.halo
        sr = self.net.valid(flat)
        with torch.no_grad():
            plain = self._bicubic(flat[:, : self.net.channels])
        bicubic = crop(plain, margin, margin)
        shape = (len(lr), 2, *sr.shape[1:])
        return sr.view(shape), bicubic.reshape(shape), crop(still, margin, margin)
