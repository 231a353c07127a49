"""The frames of PyAV through `frames.FrameUpscaler`, written where the encoder reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache

from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from pocketsr.engine import Computed, Reusing, Same, check_told
from pocketsr.frames import (
    Frame,
    FrameFormat,
    FrameUpscaler,
    Heard,
    Layout,
    SizedUpscaler,
    Strength,
    fixed,
    layout_of,
    multiples,
    tag,
    viewed,
)
from pocketsr.sizing import Plan, Size, plan
from pocketsr.video.colours import with_implied_colours
from pocketsr.video.source import has_captions
from pocketsr.video.types import Siting, Upscaler

__all__ = ["AvUpscaler", "Enlarger", "converted", "rearranged"]


class AvUpscaler:
    """`FrameUpscaler` on frames of PyAV, or `SizedUpscaler` where there is a plan; the arguments are theirs."""

    def __init__(
        self, network: Upscaler, chroma: Callable[[Siting], Upscaler], source: Layout, target: str, siting: Siting,
        plan: Plan | None = None, reuse: bool = False, strength: Strength = None, heard: Heard | None = None,
    ) -> None:  # fmt: skip
        self._upscale: FrameUpscaler | SizedUpscaler
        if plan is None or plan.plain:
            self._upscale = FrameUpscaler(network, chroma, source, target, siting, reuse, strength, heard)
        else:
            self._upscale = SizedUpscaler(network, chroma, source, target, siting, plan, reuse, strength, heard)
        self._target, self._siting, self._scale = target, siting, network.scale
        self._size = None if plan is None else plan.target
        self.reusing = self._upscale.reusing

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The frame upscaled, with the same colour tags; times are the caller's to set."""
        size = self._size or (frame.width * self._scale, frame.height * self._scale)
        made = _blank(frame, *size, self._target)
        source = Frame.from_av(frame, self._siting)
        self._upscale(source, Frame.from_av(made, self._siting))
        tag(made, source.colour)
        return made


class Enlarger:
    """Frames as they come, of whatever size and format, enlarged.

    Args:
        network, chroma: as for `AvUpscaler`.
        size: of the output; None: that of one pass of the network.
        aspect, turned: as for `Size.of`.
        strength: as for `FrameUpscaler`.

    Attributes:
        pix_fmt: the format that is asked for, where it holds the samples of what comes in; None: the input's.
        plan: how the size of the frames that were followed last is reached.
        warnings: a line for each format whose colours had to be tagged.
    """

    plan: Plan

    def __init__(
        self, network: Upscaler, chroma: Callable[[Siting], Upscaler], size: Size | None = None,
        aspect: Fraction | None = None, turned: bool = False, strength: Strength = None,
    ) -> None:  # fmt: skip
        check_told(network, fixed(strength))
        self._strength = strength
        self._network, self._chroma = network, cache(chroma)
        self._wanted, self._aspect, self._turned = size, aspect, turned
        self.pix_fmt: str | None = None
        self.warnings: list[str] = []
        self._form: FrameFormat | None = None
        self._made: list[Reusing] = []
        self._computed = Computed()  # for formats that came before
        self._heard = Heard()

    def follow(self, form: FrameFormat) -> FrameFormat:
        """Make ready for frames of this format; returns that of the enlarged ones, colours tagged where need be.

        Raises UserError where the size that is asked for can't be reached.
        """
        layout = layout_of(form.pix_fmt)
        self.plan = plan(
            self._wanted, self._network.scale, form.width, form.height,
            aspect=self._aspect, turned=self._turned, multiples=multiples(layout),
        )  # fmt: skip
        size = self.plan.target
        self._colour, line = with_implied_colours(form, size)
        if line is not None and line not in self.warnings:
            self.warnings.append(line)
        asked = layout if self.pix_fmt is None else layout_of(self.pix_fmt)
        target = asked.name if asked.samples == layout.samples and asked.bits <= layout.bits else layout.name
        self._computed.add(self._made)
        self._upscale = AvUpscaler(
            self._network, self._chroma, layout, target, form.siting, self.plan, reuse=True, strength=self._strength,
            heard=self._heard,
        )  # fmt: skip
        self._made = self._upscale.reusing
        self._form = form
        return FrameFormat(target, *size, self._colour, form.siting, form.time_base)

    @property
    def computed(self) -> Computed:
        """What was computed of all samples so far, and was not that of the frame before."""
        made = Computed()
        made.include(self._computed)
        made.add(self._made)
        return made

    @property
    def computed_share(self) -> float | None:
        """Of all samples so far, the share that was computed; None before any."""
        return self.computed.share()

    def hear(self, frame: Frame) -> None:
        """Take the corrections that came with a frame which another enlarges."""
        self._heard.messages_with(frame)

    def forget(self) -> None:
        """Nothing that came with earlier frames counts for the next one, so that a segment is the same wherever the
        ones before it were made."""
        self._heard.forget()

    def __call__(self, frame: Frame) -> Frame:
        """The frame enlarged, at the same time; its memory is of a new frame of PyAV."""
        if frame.format != self._form:
            self.follow(frame.format)
        self._heard.messages_with(frame)  # of AV1: its decoders hang none on their frames
        made = self._upscale(viewed(frame) or frame.to_av())
        tag(made, self._colour)
        made.pts, made.duration = frame.pts, frame.duration or 0
        if frame.time_base is not None:
            made.time_base = frame.time_base
        return Frame.from_av(made, frame.siting)


def converted(frame: Frame, pix_fmt: str) -> Frame:
    """A frame of Y'CbCr in another format of Y'CbCr, of other subsampling or bits, chroma at the left."""
    exact = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
    made = frame.to_av().reformat(format=pix_fmt, interpolation=exact)
    tag(made, frame.colour)
    now = Frame.from_av(made, "left")
    return replace(now, pts=frame.pts, time_base=frame.time_base, duration=frame.duration)


def rearranged(frame: Frame, pix_fmt: str) -> Frame:
    """The samples of a frame in another format that holds the same ones. Raises UserError where it doesn't."""
    same = Same()
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
