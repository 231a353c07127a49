"""What gives frames and what takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pocketsr.frames.format import FrameFormat
from pocketsr.frames.frame import Frame

__all__ = ["FrameSink", "FrameSource"]


class FrameSource(Protocol):
    """What gives frames in the order of their times: a file, a camera, a call, a list or a generator.

    Size and format may change on the way. An exception raised here ends the run, and reaches its caller as it is.
    """

    def __iter__(self) -> Iterator[Frame]: ...


class FrameSink(Protocol):
    """What takes frames in the order of their times: a file, a window, a call.

    Whoever opened a sink closes it; `upscale_video` only writes to it. An exception raised here ends the run, and
    reaches its caller as it is.
    """

    def begin(self, form: FrameFormat) -> None:
        """Frames of this size and format follow. Called before the first frame, and again before each one whose format
        isn't the one before's: a sink that can't follow raises UserError.
        """
        ...

    def write(self, frame: Frame) -> None:
        """Take a frame. It is the sink's to keep: its memory isn't written to again."""
        ...
