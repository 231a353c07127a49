"""The frames of PyAV through `frames.FrameUpscaler`, written where the encoder reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from pocketsr.frames import Frame, FrameFormat, FrameUpscaler, Layout, layout_of, tag, viewed
from pocketsr.video.colours import with_implied_colours
from pocketsr.video.source import has_captions
from pocketsr.video.types import Plane, Siting, Upscaler

__all__ = ["AvUpscaler", "Enlarger", "rearranged"]


class AvUpscaler:
    """`FrameUpscaler`, whose arguments these are, on frames of PyAV."""

    def __init__(
        self, network: Upscaler, chroma: Callable[[Siting], Upscaler], source: Layout, target: str, siting: Siting
    ) -> None:
        self._upscale = FrameUpscaler(network, chroma, source, target, siting)
        self._target, self._siting = target, siting

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The frame upscaled, with the same colour tags; times are the caller's to set."""
        scale = self._upscale.scale
        made = _blank(frame, frame.width * scale, frame.height * scale, self._target)
        source = Frame.from_av(frame, self._siting)
        self._upscale(source, Frame.from_av(made, self._siting))
        tag(made, source.colour)
        return made


class Enlarger:
    """Frames as they come, of whatever size and format, enlarged.

    Args:
        network, chroma: as for `AvUpscaler`.

    Attributes:
        pix_fmt: the format that is asked for, where it holds the samples of what comes in; None: the input's.
        warnings: a line for each format whose colours had to be tagged.
    """

    def __init__(self, network: Upscaler, chroma: Callable[[Siting], Upscaler]) -> None:
        self._network, self._chroma = network, cache(chroma)
        self.pix_fmt: str | None = None
        self.warnings: list[str] = []
        self._form: FrameFormat | None = None

    def follow(self, form: FrameFormat) -> FrameFormat:
        """Make ready for frames of this format; returns that of the enlarged ones, colours tagged where need be."""
        size = (form.width * self._network.scale, form.height * self._network.scale)
        self._colour, line = with_implied_colours(form, size)
        if line is not None and line not in self.warnings:
            self.warnings.append(line)
        layout = layout_of(form.pix_fmt)
        asked = layout if self.pix_fmt is None else layout_of(self.pix_fmt)
        target = asked.name if asked.samples == layout.samples and asked.bits <= layout.bits else layout.name
        self._upscale = AvUpscaler(self._network, self._chroma, layout, target, form.siting)
        self._form = form
        return FrameFormat(target, *size, self._colour, form.siting, form.time_base)

    def __call__(self, frame: Frame) -> Frame:
        """The frame enlarged, at the same time; its memory is of a new frame of PyAV."""
        if frame.format != self._form:
            self.follow(frame.format)
        made = self._upscale(viewed(frame) or frame.to_av())
        tag(made, self._colour)
        made.pts, made.duration = frame.pts, frame.duration or 0
        if frame.time_base is not None:
            made.time_base = frame.time_base
        return Frame.from_av(made, frame.siting)


class _Same:
    """A network that changes nothing."""

    scale, channels, edge_halo = 1, 1, 0

    def __call__(self, y: Plane, bits: int | None = None, out: Plane | None = None) -> Plane:  # noqa: ARG002
        if out is None:
            out = np.empty_like(y)
        np.copyto(out, y)
        return out


def rearranged(frame: Frame, pix_fmt: str) -> Frame:
    """The samples of a frame in another format that holds the same ones. Raises UserError where it doesn't."""
    same = _Same()
    made = AvUpscaler(same, lambda _: same, frame.layout, pix_fmt, frame.siting)(viewed(frame) or frame.to_av())
    now = Frame.from_av(made, frame.siting)
    return replace(now, pts=frame.pts, time_base=frame.time_base, duration=frame.duration)


def _blank(like: VideoFrame, width: int, height: int, pix_fmt: str) -> VideoFrame:
    """A frame to be filled, which carries the closed captions that hang on `like`.

    PyAV can't hang data on a frame, but a frame that swscale makes of another keeps what hung on that.
    """
    if has_captions(like):
        return like.reformat(width, height, pix_fmt, interpolation=Interpolation.POINT)
    return VideoFrame(width, height, pix_fmt)
