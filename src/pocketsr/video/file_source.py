"""Video files as a source of frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from av.packet import Packet
from av.stream import Stream

from pocketsr.arguments import as_path, check_threads
from pocketsr.errors import ArgumentError
from pocketsr.frames import Frame, FrameFormat, Span
from pocketsr.pipes import Inflow
from pocketsr.video.addresses import Address
from pocketsr.video.cutting import Picture
from pocketsr.video.deinterlacing import Deinterlace
from pocketsr.video.reader import VideoReader
from pocketsr.video.types import RawVideo

__all__ = ["VideoFileSource"]


class VideoFileSource:
    """The frames of a video file in presentation order, with exact times: `with VideoFileSource(path) as source`.

    A frame that can't be decoded repeats its neighbour, and `warnings` says so. The frames can be iterated over once.

    Args:
        path: the file, which is opened here.
        threads: for the decoder; default: all cores.
        pipe: what is read instead, piece by piece; the path is a name for it then. Whoever opened it closes it.
        raw: what raw frames are, which a file doesn't say.
        address: a camera, the screen or a server, which is read instead; the path is a name for it then.
        span: the part that is wanted, whose times start at 0; None: all.
        deinterlace: makes whole pictures of fields: one for each "frame", or for each "field"; None: leaves them.
        keep_clock: whether timestamps that start anywhere (as in transport streams) are kept; else they start at 0.

    Raises UserError for a file without readable video, or whose video ends before the span.
    """

    def __init__(
        self, path: str | Path, *, threads: int | None = None, keep_clock: bool = False, pipe: Inflow | None = None,
        raw: RawVideo | None = None, address: Address | None = None, span: Span | None = None,
        deinterlace: Deinterlace | None = None,
    ) -> None:  # fmt: skip
        self.path = as_path(path, "path")
        self._ended = False
        check_threads(threads)
        if deinterlace not in (None, "frame", "field"):
            raise ArgumentError(f"deinterlace is {deinterlace!r}: 'frame', 'field' or None is expected")
        self.reader = VideoReader(
            self.path, threads, keep_clock=keep_clock, pipe=pipe, raw=raw, address=address, span=span,
            deinterlace=deinterlace,
        )  # fmt: skip
        self.reader.follows_changes = True

    @property
    def format(self) -> FrameFormat:
        """The format of the first frame."""
        about = self.reader.source
        return FrameFormat(about.layout.name, about.width, about.height, about.colour, about.siting, about.time_base)

    @property
    def rate(self) -> Fraction | None:
        """Frames per second as stated by the file, if it does; actual times may vary."""
        return self.reader.source.rate

    @property
    def warnings(self) -> list[str]:
        """One line for each problem; complete when the last frame has been read."""
        return self.reader.warnings

    def items(self) -> Iterator[Frame | Packet[Stream]]:
        """Frames, interleaved with the packets of the file's other streams."""
        siting = self.reader.source.siting
        for item in self.reader:
            if self._ended:
                return
            if isinstance(item, Picture):
                base = self.reader.source.time_base
                frame = Frame.from_av(item.frame, siting)
                messages = frame.messages + self.reader.carried.take(item.frame.pts)
                duration = item.duration or None
                yield replace(frame, pts=item.pts, time_base=base, duration=duration, messages=messages)
            else:
                yield item

    def __iter__(self) -> Iterator[Frame]:
        return (item for item in self.items() if isinstance(item, Frame))

    def end(self) -> None:
        """Let the frame in hand be the last: for what delivers frames without an end."""
        self._ended = True

    @property
    def ended(self) -> bool:
        """Whether `end` was called."""
        return self._ended

    def interrupt(self) -> None:
        """End a wait, in another thread, for what comes through a pipe."""
        self.end()
        if self.reader.pipe is not None:
            self.reader.pipe.stop()

    def close(self) -> None:
        """Close the file."""
        self.reader.container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        rate = "" if self.rate is None else f", {float(self.rate):g} fps"
        return f"<VideoFileSource {self.path.name!r} {self.format}{rate}>"
