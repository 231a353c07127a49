"""A segment's frames to packets, and the packets of all segments into the output."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, cast

from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from pocketsr.errors import UserError
from pocketsr.frames import Frame, FrameFormat
from pocketsr.pipes import Outflow
from pocketsr.video.file_sink import VideoFileSink
from pocketsr.video.file_source import VideoFileSource
from pocketsr.video.reader import VideoReader
from pocketsr.video.sections import Tally
from pocketsr.video.segments.spool import Segment
from pocketsr.video.source import Source
from pocketsr.video.types import VideoOptions
from pocketsr.video.writer import VideoWriter

__all__ = ["JoiningSink", "SegmentSink"]


class _Nowhere(io.BytesIO):
    """Takes a container's head, from which nothing but the encoder's setting up is wanted."""

    broken = False


def _hash(data: bytes | None) -> str:
    return hashlib.sha256(data or b"").hexdigest()


class _SegmentWriter(VideoWriter):
    """Encodes as `VideoWriter` does for a container of the kind, and keeps the packets."""

    def __init__(
        self, target: Path, about: Source, size: tuple[int, int], options: VideoOptions, kind: str, origin: int,
    ) -> None:  # fmt: skip
        self.packets: list[Packet[Any]] = []
        nowhere = cast(Outflow, _Nowhere())
        super().__init__(target, None, about, size, options, pipe=nowhere, kind=kind)
        self.extradata = _hash(self._stream.codec_context.extradata)
        if self._tick is not None:
            self._origin = origin  # frames are counted from the video's first one, not from the segment's

    @property
    def _is_prompt(self) -> bool:
        return False

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        self.packets += packets

    def finish(self) -> None:
        with self._writing():
            self._drain()
        self.abort()  # of the container, which is nobody's

    def segment(self, tally: Tally) -> Segment:
        return Segment(self.packets, tally, self.extradata, self._inexact, self._captions_lost)


class _SegmentFile(VideoFileSink):
    """`VideoFileSink` for one segment."""

    def __init__(self, target: Path, options: VideoOptions, kind: str, origin: int) -> None:
        super().__init__(target, **vars(options))
        self._segment_kind, self._start = kind, origin

    def _made_writer(self, reader: VideoReader | None, about: Source, size: tuple[int, int]) -> VideoWriter:
        del reader  # everything else is copied once, at the end
        return _SegmentWriter(cast(Path, self.path), about, size, self._options, self._segment_kind, self._start)

    def segment(self, tally: Tally) -> Segment:
        return cast(_SegmentWriter, self._writer).segment(tally)


class SegmentSink:
    """A sink of frames that gives `done` a `Segment` for each `Tally` that comes after its frames."""

    def __init__(
        self, target: Path, source: VideoFileSource, options: VideoOptions, kind: str, done: Callable[[Segment], None]
    ) -> None:  # fmt: skip
        about = source.reader.source
        self._make = partial(_SegmentFile, target, options, kind, round(about.start / about.time_base))
        self._source, self._done = source, done
        self._form: FrameFormat | None = None
        self._file: _SegmentFile | None = None

    def begin(self, form: FrameFormat) -> None:
        self._form = form
        if self._file is not None:
            self._file.begin(form)

    def write(self, frame: Frame) -> None:
        if self._file is None:
            self._file = self._make()
            self._file.accompany(self._source)
            if self._form is not None:
                self._file.begin(self._form)
        self._file.write(frame)

    def end(self, tally: Tally) -> None:
        """The frames of a segment are written."""
        file, self._file = self._file, None
        if file is None:
            self._done(Segment([], tally, ""))
            return
        file.close()
        self._done(file.segment(tally))

    def abort(self) -> None:
        if self._file is not None:
            self._file.abort()


class _JoiningWriter(VideoWriter):
    """The output, into which packets come that others encoded."""

    def _open(self) -> OutputContainer:
        container = super()._open()
        if container.format.name in ("matroska", "webm"):  # whose ids FFmpeg makes of random numbers otherwise
            container.container_options["fflags"] = "bitexact"
        return container

    def take(self, segment: Segment) -> None:
        """Before its packets. Raises UserError where its encoder's head isn't this one's."""
        if segment.packets and segment.extradata != _hash(self._stream.codec_context.extradata):
            raise UserError(f"{self._target}: {self.encoder.name} began its segments differently: run it again")
        self._inexact = self._inexact or segment.inexact
        self._captions_lost = self._captions_lost or segment.captions_lost

    def count_from(self, origin: int) -> None:
        if self._tick is not None:
            self._origin = origin

    def store(self, packet: Packet[Any]) -> None:
        packet.stream = self._stream
        with self._writing():
            self._mux([packet])

    def _drain(self) -> None:
        """The encoder was given nothing; SVT-AV1 wouldn't come back from being asked."""


class JoiningSink(VideoFileSink):
    """The output as `VideoFileSink` makes it, but from segments."""

    def __init__(self, target: Path, source: VideoFileSource, options: VideoOptions, *, overwrite: bool) -> None:
        super().__init__(target, overwrite=overwrite, **vars(options))
        self._source = source
        self.accompany(source)

    def _made_writer(self, reader: VideoReader | None, about: Source, size: tuple[int, int]) -> VideoWriter:
        made = _JoiningWriter(self.path, reader, about, size, self._options, overwrite=self._overwrite)
        made.count_from(round(about.start / about.time_base))
        return made

    @property
    def kind(self) -> str:
        """FFmpeg's name of the container, once it has begun."""
        return cast(_JoiningWriter, self._writer).kind

    @property
    def encoder_name(self) -> str:
        return cast(_JoiningWriter, self._writer).encoder.name

    def join(self, segments: Iterator[Segment]) -> Tally:
        """Write all packets of the segments, and the source's other streams between them in its own order."""
        writer = cast(_JoiningWriter, self._writer)
        total = Tally()

        def stored() -> Iterator[Packet[Any]]:
            nonlocal total
            for segment in segments:
                writer.take(segment)
                total += segment.tally
                yield from segment.packets

        packets = stored()
        waiting = next(packets, None)
        main = self._source.reader.stream.index
        for other in self._source.reader.others():
            time = other.dts if other.dts is not None else other.pts
            while waiting is not None and time is not None and _seconds(waiting) <= time * other.time_base:
                writer.store(waiting)
                waiting = next(packets, None)
            if other.stream_index != main:
                writer.copy(other)
        while waiting is not None:
            writer.store(waiting)
            waiting = next(packets, None)
        return total


def _seconds(packet: Packet[Any]) -> Fraction:
    time = packet.dts if packet.dts is not None else packet.pts
    return (time or 0) * packet.time_base
