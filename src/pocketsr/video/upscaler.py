"""The frames of PyAV through `frames.FrameUpscaler`, written where the encoder reads them."""

from __future__ import annotations

from collections.abc import Callable

from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from pocketsr.frames import Frame, FrameUpscaler, Layout, tag
from pocketsr.video.source import has_captions
from pocketsr.video.types import Siting, Upscaler

__all__ = ["AvUpscaler"]


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


def _blank(like: VideoFrame, width: int, height: int, pix_fmt: str) -> VideoFrame:
    """A frame to be filled, which carries the closed captions that hang on `like`.

    PyAV can't hang data on a frame, but a frame that swscale makes of another keeps what hung on that.
    """
    if has_captions(like):
        return like.reformat(width, height, pix_fmt, interpolation=Interpolation.POINT)
    return VideoFrame(width, height, pix_fmt)
