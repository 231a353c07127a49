"""Two enlargements of each frame side by side, each with its name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from av.video.frame import VideoFrame

from pocketsr.engine import Plane, Siting, Upscaler
from pocketsr.frames import Frame, FrameFormat, Layout, Strength, layout_of, multiples, tag
from pocketsr.pixels.labels import label_mask, stamp
from pocketsr.sizing import Plan, Size
from pocketsr.video.changing import Changing, Part
from pocketsr.video.source import Source
from pocketsr.video.upscaler import Enlarger

__all__ = ["Comparison", "enlarger", "steps_in_words"]


class Comparison:
    """As an `Enlarger`, but each frame is two: that of `left`, and beside it that of `right`.

    Where chroma is subsampled, an odd last column or row is cut off.

    Args:
        names: of both, for the labels.
        turns: quarter turns to the left by which players turn the picture: side by side is meant as it is seen.

    Attributes:
        panes: how many pictures there are in a frame's width and height.
    """

    def __init__(self, left: Enlarger, right: Enlarger | Changing, names: tuple[str, str], turns: int = 0) -> None:
        self._sides: tuple[Enlarger, Enlarger | Changing] = (left, right)
        self._names, self._turns = names, turns
        self.panes = (1, 2) if turns % 2 else (2, 1)

    @property
    def plan(self) -> Plan:
        """How the right one reaches its size."""
        return self._sides[1].plan

    @property
    def warnings(self) -> list[str]:
        return self._sides[1].warnings

    @property
    def computed_share(self) -> float | None:
        """Of the right one."""
        return self._sides[1].computed_share

    @property
    def pix_fmt(self) -> str | None:
        return self._sides[1].pix_fmt

    @pix_fmt.setter
    def pix_fmt(self, name: str | None) -> None:
        for side in self._sides:
            side.pix_fmt = name

    def follow(self, form: FrameFormat) -> FrameFormat:
        """As an Enlarger's."""
        self._sides[0].follow(form)
        made = self._sides[1].follow(form)
        size = self._joined(layout_of(made.pix_fmt), made.width, made.height)
        return FrameFormat(made.pix_fmt, *size, made.colour, made.siting, made.time_base)

    def __call__(self, frame: Frame) -> Frame:
        """The frame enlarged twice, at the same time."""
        both = [side(frame) for side in self._sides]
        like = both[1]
        made = VideoFrame(*self._joined(like.layout, like.width, like.height), like.layout.name)
        joined = Frame.from_av(made, like.siting)
        seen = self._seen(np.empty((made.height // self.panes[1], made.width // self.panes[0])))
        masks = [label_mask(name, seen.shape[1], seen.shape[0]) for name in self._names]
        for part, stored in zip(joined.layout.components, joined.components, strict=True):
            out = self._seen(stored)
            width = out.shape[1] // 2
            ink, box = _levels(joined.layout, part.role, like.colour.full_range)
            for index, (one, mask) in enumerate(zip(both, masks, strict=True)):
                pane = out[:, index * width : (index + 1) * width]
                cropped = one.component(part)[: stored.shape[0] // self.panes[1], : stored.shape[1] // self.panes[0]]
                pane[...] = self._seen(cropped)
                across, down = (seen.shape[1] // pane.shape[1], seen.shape[0] // pane.shape[0])
                stamp(pane, mask[::down, ::across], ink << part.shift, box << part.shift, opaque=part.role != "luma")
        tag(made, like.colour)
        made.pts, made.duration = frame.pts, frame.duration or 0
        if frame.time_base is not None:
            made.time_base = frame.time_base
        return Frame.from_av(made, like.siting)

    def _seen(self, plane: Plane) -> Plane:
        """A view of a plane as players show it."""
        turned: Plane = np.rot90(plane, self._turns)
        return turned

    def _joined(self, layout: Layout, width: int, height: int) -> tuple[int, int]:
        across, down = multiples(layout)
        whole = max(width - width % across, 1), max(height - height % down, 1)
        return whole[0] * self.panes[0], whole[1] * self.panes[1]


def _quarter_turns(matrix: tuple[int, ...] | None) -> int:
    """To the left, 0 to 3, by which FFmpeg's display matrix turns a picture."""
    if matrix is None:
        return 0
    return round(-math.atan2(matrix[1], matrix[0]) / (math.pi / 2)) % 4


def _levels(layout: Layout, role: str, full: bool | None) -> tuple[int, int]:
    """Samples of white and of black, of the label's ink and its box."""
    top = (1 << layout.bits) - 1
    if role == "alpha":
        return top, top
    if role == "chroma":
        return 1 << (layout.bits - 1), 1 << (layout.bits - 1)
    if layout.kind == "yuv" and not full:
        return 235 << (layout.bits - 8), 16 << (layout.bits - 8)
    return top, 0


def enlarger(
    network: Upscaler, beside: Upscaler | None, chroma: Callable[[Siting], Upscaler], size: Size | None,
    about: Source | None, name: str, strength: Strength = None, parts: Sequence[Part] = (),
) -> Enlarger | Changing | Comparison:  # fmt: skip
    """For frames of a film that is `about`; `beside`: the network that is shown at the left, which is told nothing.

    parts: in place of `network`, where there are any.
    """

    def made(network: Upscaler, strength: Strength = None) -> Enlarger:
        aspect, turned = (about.aspect, about.turned) if about else (None, False)
        return Enlarger(network, chroma, size, aspect, turned, strength)

    main = Changing(parts, made) if parts else made(network, strength)
    if beside is None:
        return main
    turns = 0 if about is None else _quarter_turns(about.display_matrix)
    return Comparison(made(beside), main, ("bicubic", name), turns)


def steps_in_words(plan: Plan, name: str, aspect: Fraction | None, before: str | None) -> str | None:
    """How the size is reached, and what becomes of the shape of pixels where the picture's was to change.

    before: what is done first. None where that is nothing, and one pass of the network does it.
    """
    if plan.plain and before is None:
        return None
    shape = "" if aspect is None else f", shown with pixels of {aspect}"
    return ", then ".join(filter(None, [before, plan.words(name) + shape]))
