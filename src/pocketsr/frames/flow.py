"""Protocols of frame sources and sinks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pocketsr.frames.format import FrameFormat
from pocketsr.frames.frame import Frame

__all__ = ["FrameSink", "FrameSource"]


class FrameSource(Protocol):
    """Yields frames in order of time: a file, a camera, a call, a list or a generator.

    Size and format may change between frames. An exception raised here ends the run and is propagated unchanged.
    """

    def __iter__(self) -> Iterator[Frame]: ...


class FrameSink(Protocol):
    """Receives frames in order of time: a file, a window, a call.

    Whoever opened a sink closes it; `upscale_video` only writes to it. An exception raised here ends the run and is
    propagated unchanged.
    """

    def begin(self, form: FrameFormat) -> None:
        """Frames of this size and format follow. Called before the first frame, and again before each frame whose
        format differs from the previous one's: a sink that can't follow raises UserError.
        """
        ...

    def write(self, frame: Frame) -> None:
        """Receive a frame. The sink may keep it: its memory isn't written to again."""
        ...
