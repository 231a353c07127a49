"""Reads a video: frames in the order of presentation at exact times, other streams' packets as they come."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pocketsr.errors import UserError
from pocketsr.frames import Span
from pocketsr.pipes import Inflow
from pocketsr.video.addresses import Address
from pocketsr.video.carried import Carried
from pocketsr.video.clock import starts_anywhere
from pocketsr.video.cropping import cropper
from pocketsr.video.cutting import Cut, Picture, frames_in
from pocketsr.video.decoding import decoded, decoder_of, is_shown, main_stream
from pocketsr.video.deinterlacing import Deinterlace, Deinterlacer
from pocketsr.video.demux import Demuxer
from pocketsr.video.ffmpeglog import described
from pocketsr.video.opening import open_input
from pocketsr.video.remarks import INTERLACED, missing_line, refuse_change, tally_lines
from pocketsr.video.sections import Section, Tally
from pocketsr.video.source import Source, describe
from pocketsr.video.timeline import Fields, Increasing, Slot, Timeline
from pocketsr.video.types import RawVideo

__all__ = ["Picture", "VideoReader"]

_INDEXED = frozenset(["mov", "mp4", "matroska", "webm"])  # formats with a table of key frames, and exact times


class VideoReader:
    """An open video.

    Iterating gives a `Picture` a frame and the packets of all other streams, in the file's order. There is
    exactly one picture for each frame that the file announces: one that can't be decoded repeats the one
    before (at the start, the first good one), and `warnings` says so.

    Args:
        path: the file; a name alone where there is a `pipe` or an `address`, which is read instead. raw: as for
            `open_input`.
        span: what is wanted; its times start at 0. deinterlace: how many pictures are made of two fields.

    Attributes:
        follows_changes: whether frames may change size or format; else that is a UserError.
        carried: corrections that came in packets, by the time of their pictures.

    Raises:
        UserError: what is there is no video that can be read, has unsupported samples, or ends before the span.
    """

    def __init__(
        self, path: Path, threads: int | None = None, *, keep_clock: bool = False, pipe: Inflow | None = None,
        raw: RawVideo | None = None, address: Address | None = None, span: Span | None = None,
        deinterlace: Deinterlace | None = None,
    ) -> None:  # fmt: skip
        self._path = path
        self.pipe = pipe
        self.container = open_input(path, pipe, raw, address)
        self.warnings: list[str] = []
        self.replaced = 0
        self.tally = Tally()
        self.follows_changes = False
        self._cut: Cut | None = None
        self._noted = self._sought = False
        try:
            self.described = described(self.container)
            self.stream = main_stream(self.container, path, self.described)
            self._decoder = decoder_of(self.stream, threads)
            self.carried = Carried(self.stream.codec_context.codec.canonical_name)
            self._interlaced = self._decoder.field_order in (2, 3, 4, 5)
            self._demuxer = Demuxer(path, self.container, self.stream, keep_clock=keep_clock, live=address is not None)
            self._crop = cropper(self.described[self.stream.index].crop)
            items = self._items(self._packets())
            if deinterlace is not None or span is None:
                items = self._counted(items)
            self._deinterlacer: Deinterlacer | None = None
            if deinterlace is not None:
                self._deinterlacer = Deinterlacer(path, deinterlace, self.base, self._interlaced)
                items = self._deinterlacer(items)
            if span is not None:
                self._cut = self._cut_out(span)
                items = self._cut(items) if deinterlace is not None else self._counted(self._cut(items))
            self._head: list[Picture | Packet[Stream]] = []
            for item in items:
                self._head.append(item)
                if isinstance(item, Picture):
                    break
            else:
                why = self._cut.missing if self._cut is not None else None
                raise UserError(f"{path} {why}" if why else f"{path}: not one frame of its video could be decoded")
            self._first = item.frame
            self.source: Source = self._described(item, span)
            if address is not None:  # a camera's raw frames ask for no lossless file
                self.source = replace(self.source, codec="", total=None)
            self._note_interlaced()
            self.warnings += [f"{path}: {text}" for text in self.source.warnings]
            self._todo = itertools.chain(self._head, items)
        except BaseException:
            self.container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.container.close()

    def __iter__(self) -> Iterator[Picture | Packet[Stream]]:
        return self._todo

    def pictures(
        self, section: Section, packets: Iterator[Packet[Stream] | None], decoder: VideoCodecContext
    ) -> Iterator[Picture]:
        """Those of a section, from its packets (None: the end), by a decoder that has seen no other; then `tally`."""
        self._decoder = decoder
        for item in self._items(packets, section):
            assert isinstance(item, Picture)
            yield item

    def others(self) -> Iterator[Packet[Stream]]:
        """All packets, of the main stream only those behind the first picture; nothing more is decoded."""
        yield from (item for item in self._head if isinstance(item, Packet))
        yield from self._demuxer
        self.warnings += self._demuxer.warnings

    def _items(
        self, all_packets: Iterator[Packet[Stream] | None], section: Section | None = None
    ) -> Iterator[Picture | Packet[Stream]]:
        timeline, fields, times = Timeline(), Fields(), Increasing()
        tick = self._tick()
        by_order = self.container.format.name == "avi"  # it stores no times but the order; FFmpeg guesses at some
        previous: VideoFrame | None = None
        key: int | None = None  # time of the first picture that needs no other
        cut_anywhere = starts_anywhere(self.container.format.name)  # other files begin with such a picture
        packets = leading = chunks = place = replaced = 0

        for packet in all_packets:
            if self._cut is not None and self._cut.over:  # only sound up to there is missing
                if packet is None or self._cut.done(packet):
                    break
                if packet.stream_index == self.stream.index:
                    continue
            if packet is not None and packet.stream_index != self.stream.index:
                yield packet
                continue
            if packet is not None:
                packets += 1
                if by_order and packet.dts is not None:  # AVI counts the empty ones between and behind them too
                    chunks, place = 2 * packet.dts - place, packet.dts
                if packet.size and not packet.is_discard and is_shown(self.source_codec, packet):
                    pts = packet.dts if packet.pts is None or by_order else packet.pts
                    pts = round(packets * tick - tick) if pts is None else pts
                    if key is None and (packet.is_keyframe or not cut_anywhere):
                        key = pts
                    if section is None or pts in section:
                        timeline.announce(pts, packet.duration or 0)
            for whole in self._decode(packet):
                if section is not None and (whole.pts is None or whole.pts not in section):
                    continue  # a neighbour's
                self._interlaced = self._interlaced or whole.interlaced_frame
                if whole.is_corrupt:
                    continue  # stays owed, so that its neighbour takes its place
                frame = whole if self._crop is None else self._crop(whole)
                before = self._first if previous is None and section is not None else previous
                if before is not None and not self.follows_changes:
                    refuse_change(self._path, before, frame, times.count)
                pts = None if by_order else frame.pts
                lost, own = timeline.claim(pts)
                if self._interlaced:
                    lost = fields.missing(lost, pts)
                if previous is None:  # cut off mid-stream: what stands before the first whole picture was never meant
                    meant = [slot for slot in lost if key is not None and slot.pts >= key]
                    leading, lost = len(lost) - len(meant), meant
                for slot in lost:
                    replaced += 1
                    yield Picture(previous or frame, *times.take(slot), repeated=True)
                if own is None and pts is not None and times.last is not None and pts <= times.last:
                    continue  # came after its time, which a neighbour has taken
                previous = frame
                at = own.pts if own else pts
                if at is None:
                    at = 0 if times.last is None else times.last + max(1, round(tick))
                yield Picture(frame, *times.take(Slot(at, (own.duration if own else 0) or frame.duration)))
        if previous is not None and (self._cut is None or not self._cut.over):
            for slot in fields.missing(timeline.rest(), None) if self._interlaced else timeline.rest():
                replaced += 1
                yield Picture(previous, *times.take(slot), repeated=True)
        self.tally = Tally(times.count, replaced, times.late, leading, times.end)
        if section is None:
            self._note_interlaced()
            self.sum_up(max(packets, chunks), replace(self.tally, replaced=self.replaced))

    @property
    def first_frame(self) -> VideoFrame:
        """The first frame, decoded when the file was opened."""
        return self._first

    @property
    def source_codec(self) -> str:
        """FFmpeg's name of the decoder."""
        return self._decoder.name

    @property
    def shift(self) -> Fraction:
        """Seconds that were added to all times of the file."""
        origin = self._cut.origin if self._cut is not None else None
        return self._demuxer.shift - (origin or 0)

    @property
    def length(self) -> Fraction | None:
        """Seconds after which the output ends whatever the input holds; None: at the input's end."""
        return self._cut.length if self._cut is not None else None

    @property
    def keeps_timecode(self) -> bool:
        """Whether the first picture is the file's own, which a time code counts from."""
        return self._cut is None or self._cut.origin == self._demuxer.start

    @property
    def base(self) -> Fraction:
        """The time base of the stream as it is stored."""
        return self.stream.time_base or Fraction(1, 1000)

    @property
    def how(self) -> str | None:
        """What is done to the pictures before they are handed over, in words; None: nothing."""
        return self._deinterlacer.words if self._deinterlacer is not None else None

    @property
    def first(self) -> dict[int, list[Packet[Stream]]]:
        """The first packets of each stream, by index, as far as they stand near the beginning."""
        return self._demuxer.first

    def _packets(self) -> Iterator[Packet[Stream] | None]:
        """All packets of the file, then None to drain the decoder."""
        yield from self._demuxer
        self.warnings += self._demuxer.warnings
        yield None

    def _decode(self, packet: Packet[Stream] | None) -> list[VideoFrame]:
        if packet is not None and packet.size:
            self.carried.note(packet)
        return decoded(self._decoder, packet)

    def _tick(self) -> Fraction:
        """Time between frames of a stream without times, in units of its time base."""
        rate = self.stream.guessed_rate or self.stream.average_rate or Fraction(25)
        return 1 / rate / self.base

    def _cut_out(self, span: Span) -> Cut:
        """Made ready for a span: gone to its start where the file can be gone about in."""
        zero = self._demuxer.start
        if span.start and self.pipe is None and not _INDEXED.isdisjoint(self.container.format.name.split(",")):
            self._sought = self._demuxer.seek_before(zero + span.start)
        others = {s.index: s for s in self.container.streams if s.index != self.stream.index}
        base = self.base if self._deinterlacer is None else self._deinterlacer.base
        return Cut(span, zero, base, self._tick() * self.base, others)

    def _counted(self, items: Iterator[Picture | Packet[Stream]]) -> Iterator[Picture | Packet[Stream]]:
        for item in items:
            self.replaced += isinstance(item, Picture) and item.repeated
            yield item

    def _described(self, first: Picture, span: Span | None) -> Source:
        made = describe(self.container, self.stream, first.frame, first.pts, captions=self._demuxer.captions)
        if self._deinterlacer is not None:
            made = self._deinterlacer.described(made, first.pts)
        return made if span is None else replace(made, total=frames_in(span, made.total, made.rate))

    def _note_interlaced(self) -> None:
        """Said once: before the work, where the file's head or its first pictures tell, else after it."""
        if self._interlaced and self._deinterlacer is None and not self._noted:
            self._noted = True
            self.warnings.append(f"{self._path} {INTERLACED}")

    def sum_up(self, packets: int, tally: Tally) -> None:
        """Say what was wrong with a video of so many packets."""
        self.replaced = tally.replaced
        self.warnings += [
            f"{self._path}: {line}"
            for line in tally_lines(replace(tally, leading=0 if self._sought else tally.leading))
        ]
        if self._cut is None:
            line = missing_line(
                self.container, self.stream, packets, tally.end * (self.stream.time_base or 0) - self.shift
            )
            self.warnings += [] if line is None else [f"{self._path}: {line}"]
