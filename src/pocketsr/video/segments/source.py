"""The frames of some of a video's segments, each decoded as if there were no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from pocketsr.frames import Frame
from pocketsr.video.decoding import decoder_of
from pocketsr.video.demux import Demuxer
from pocketsr.video.file_source import VideoFileSource
from pocketsr.video.opening import open_input
from pocketsr.video.sections import Section, Tally
from pocketsr.video.segments.plan import Plan

__all__ = ["SegmentSource"]

_WORTH_A_SEEK = 400  # packets that would be passed over
_NEAR = 5000  # packets within which what was gone to must come


class SegmentSource:
    """A video file, open: `whole` knows all but the frames of segments, which `items` gives.

    Decoders remember: how far pictures are reordered, for one. So that a segment's frames never depend on which were
    decoded before, each has a decoder of its own.
    """

    def __init__(self, path: Path, plan: Plan, *, threads: int | None, keep_clock: bool) -> None:
        self.whole = VideoFileSource(path, threads=threads, keep_clock=keep_clock)
        self._path, self._plan, self._threads, self._keep_clock = path, plan, threads, keep_clock
        self._open: InputContainer | None = None
        self._next = 0  # which packet of the stream comes next
        self._again: list[tuple[int, Packet[Stream]]] = []  # read already, and a part of the next segment too

    def items(self, sections: Sequence[Section]) -> Iterator[Frame | Tally]:
        """The frames of the segments, in their order, and after the last of each what came of it."""
        reader = self.whole.reader
        reader.follows_changes = False
        for section in sections:
            with open_input(self._path) as own:
                stream = cast(VideoStream, own.streams[reader.stream.index])
                decoder = decoder_of(stream, self._threads)
                for made in reader.pictures(section, self._packets(section), decoder):
                    frame = Frame.from_av(made.frame, reader.source.siting)
                    base = reader.source.time_base
                    messages = frame.messages + reader.carried.take(made.frame.pts)
                    yield replace(
                        frame, pts=made.pts, time_base=base, duration=made.duration or None, messages=messages
                    )
            yield reader.tally

    def _packets(self, section: Section) -> Iterator[Packet[Stream] | None]:
        self._go_to(section)
        following = self._plan.sections[section.number + 1].first if section.end is not None else None
        again, self._again = self._again, []
        for index, packet in self._numbered(again):
            if following is not None and index >= following:
                self._again.append((index, packet))
            if index >= section.first:
                yield packet
            if section.last is not None and index + 1 >= section.last:
                break
        yield None

    def _numbered(self, again: list[tuple[int, Packet[Stream]]]) -> Iterator[tuple[int, Packet[Stream]]]:
        yield from again
        for packet in self._demuxed:
            if packet.stream_index == self.whole.reader.stream.index and packet.size:
                self._next += 1
                yield self._next - 1, packet

    def _go_to(self, section: Section) -> None:
        at = self._again[0][0] if self._again else self._next
        if self._open is None or at > section.first:
            self._reopen()
            at = 0
        if not self._plan.seekable or section.start is None or section.first - at < _WORTH_A_SEEK:
            return
        self._again = []
        try:
            self._demuxer.seek(section.start)
        except av.FFmpegError:
            self._reopen()
            return
        for _, packet in zip(range(_NEAR), self._demuxed, strict=False):
            if packet.stream_index != self._stream.index or not packet.size:
                continue
            if packet.pts == section.start and packet.is_keyframe:
                self._again, self._next = [(section.first, packet)], section.first + 1
                return
        self._reopen()  # an index that leads astray: what comes before is read instead

    def _reopen(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = open_input(self._path)
        self._stream = cast(VideoStream, self._open.streams[self.whole.reader.stream.index])
        self._demuxer = Demuxer(self._path, self._open, self._stream, keep_clock=self._keep_clock)
        self._demuxed, self._next, self._again = iter(self._demuxer), 0, []

    def close(self) -> None:
        self.whole.close()
        if self._open is not None:
            self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
