"""One frame in, one frame of the size that a plan says out: passes of the network, then a resize."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from pocketsr.engine import Reusing, Same, Siting, Upscaler, repeated
from pocketsr.errors import ArgumentError
from pocketsr.frames.frame import Frame
from pocketsr.frames.heard import Heard
from pocketsr.frames.layout import Layout, candidates, layout_of
from pocketsr.frames.resize import Resizer
from pocketsr.frames.upscaler import FrameUpscaler, Strength, plane_siting
from pocketsr.sizing import Plan

__all__ = ["SizedUpscaler", "multiples"]


def multiples(layout: Layout) -> tuple[int, int]:
    """What the sides of frames are best multiples of, so that chroma covers whole pixels: 2 and 2 for 4:2:0."""
    return 1 << layout.sub_x, 1 << layout.sub_y


class SizedUpscaler:
    """Upscales frames of one pixel format and size as `plan` says; the other arguments are those of `FrameUpscaler`.

    Between network and resize the samples are planar, with all bits of the source.
    """

    def __init__(
        self,
        network: Upscaler,
        chroma: Callable[[Siting], Upscaler],
        source: Layout,
        target: str,
        siting: Siting,
        plan: Plan,
        reuse: bool = False,
        strength: Strength = None,
        heard: Heard | None = None,
    ) -> None:
        def chroma_of(where: Siting) -> Upscaler:
            return repeated(chroma(where), plan.passes)

        self._plan = plan
        net = repeated(network, plan.passes)
        self._resizer: Resizer | None = None
        self._last: FrameUpscaler | None = None
        if not plan.resizes:
            self._first = FrameUpscaler(net, chroma_of, source, target, siting, reuse, strength, heard)
            return
        planar = layout_of(candidates(source)[0])
        self._first = FrameUpscaler(net, cache(chroma_of), source, planar.name, siting, reuse, strength, heard)
        self._resizer = Resizer(planar, plane_siting(source, siting), plan.middle, plan.target)
        if target != planar.name:
            same = Same()
            self._last = FrameUpscaler(same, lambda _: same, planar, target, siting)

    @property
    def reusing(self) -> list[Reusing]:
        """As of `FrameUpscaler`."""
        return self._first.reusing

    def __call__(self, frame: Frame, into: Frame) -> None:
        """Upscale `frame` into the samples of `into`, a frame of the target format and the plan's size."""
        if (frame.width, frame.height) != self._plan.source or (into.width, into.height) != self._plan.target:
            raise ArgumentError(f"{frame} into {into}: the plan is from {self._plan.source} to {self._plan.target}")
        if self._resizer is None:
            self._first(frame, into)
            return
        self._first(frame, self._resizer.middle)
        made = self._resizer()
        if self._last is not None:
            self._last(made, into)
            return
        for samples, out in zip(made.components, into.components, strict=True):
            np.copyto(out, samples)
