"""Reads a video: frames in the order of presentation at exact times, other streams' packets as they come."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pocketsr.errors import UserError
from pocketsr.pipes import Inflow
from pocketsr.video.addresses import Address
from pocketsr.video.clock import starts_anywhere
from pocketsr.video.cropping import cropper
from pocketsr.video.demux import Demuxer
from pocketsr.video.ffmpeglog import described
from pocketsr.video.mainstream import decoder_of, is_shown, main_stream
from pocketsr.video.opening import open_input
from pocketsr.video.source import Source, describe
from pocketsr.video.spans import Span, Tally
from pocketsr.video.timeline import Slot, Timeline
from pocketsr.video.types import RawVideo

__all__ = ["Picture", "VideoReader"]

_SLACK_S = 0.25  # a stream that ends this much early may only lack its last frame's duration


@dataclass(frozen=True)
class Picture:
    """A frame to show at `pts` for `duration` (0: unknown), in units of the stream's time base."""

    frame: VideoFrame
    pts: int
    duration: int


class VideoReader:
    """An open video.

    Iterating gives a `Picture` a frame and the packets of all other streams, in the file's order. There is
    exactly one picture for each frame that the file announces: one that can't be decoded repeats the one
    before (at the start, the first good one), and `warnings` says so.

    Args:
        path: the file; a name alone where there is a `pipe` or an `address`, which is read instead. raw: as for
            `open_input`.

    Attributes:
        follows_changes: whether frames may change size or format; else that is a UserError.

    Raises:
        UserError: what is there is no video that can be read, is interlaced, or has unsupported samples.
    """

    def __init__(
        self, path: Path, threads: int | None = None, *, keep_clock: bool = False, pipe: Inflow | None = None,
        raw: RawVideo | None = None, address: Address | None = None,
    ) -> None:  # fmt: skip
        self._path = path
        self.pipe = pipe
        self.container = open_input(path, pipe, raw, address)
        self.warnings: list[str] = []
        self.replaced = 0
        self.tally = Tally()
        self.follows_changes = False
        try:
            self.described = described(self.container)
            self.stream = main_stream(self.container, path, self.described)
            self._decoder = decoder_of(self.stream, threads)
            _refuse_interlaced(path, self._decoder.field_order in (2, 3, 4, 5))
            self._demuxer = Demuxer(path, self.container, self.stream, keep_clock=keep_clock, live=address is not None)
            self._crop = cropper(self.described[self.stream.index].crop)
            items = self._items(self._packets())
            self._head: list[Picture | Packet[Stream]] = []
            for item in items:
                self._head.append(item)
                if isinstance(item, Picture):
                    break
            else:
                raise UserError(f"{path}: not one frame of its video could be decoded")
            self._first = item.frame
            self.source: Source = describe(
                self.container, self.stream, item.frame, item.pts, captions=self._demuxer.captions
            )
            if address is not None:
                self.source = replace(
                    self.source, codec="", total=None
                )  # a camera's raw frames ask for no lossless file
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
        self, span: Span, packets: Iterator[Packet[Stream] | None], decoder: VideoCodecContext
    ) -> Iterator[Picture]:
        """Those of a span, from its packets (None: the end), by a decoder that has seen no other; then see `tally`."""
        self._decoder = decoder
        for item in self._items(packets, span):
            assert isinstance(item, Picture)
            yield item

    def others(self) -> Iterator[Packet[Stream]]:
        """All packets, of the main stream only those behind the first picture; nothing more is decoded."""
        yield from (item for item in self._head if isinstance(item, Packet))
        yield from self._demuxer
        self.warnings += self._demuxer.warnings

    def _items(
        self, all_packets: Iterator[Packet[Stream] | None], span: Span | None = None
    ) -> Iterator[Picture | Packet[Stream]]:
        timeline = Timeline()
        tick = self._tick()
        by_order = self.container.format.name == "avi"  # it stores no times but the order; FFmpeg guesses at some
        previous: VideoFrame | None = None
        last: int | None = None
        key: int | None = None  # time of the first picture that needs no other
        cut_anywhere = starts_anywhere(self.container.format.name)  # other files begin with such a picture
        end = 0
        packets = late = leading = chunks = place = shown = replaced = 0

        def show(frame: VideoFrame, slot: Slot) -> Picture:
            nonlocal last, late, end, shown
            shown += 1
            pts = slot.pts
            if last is not None and pts <= last:  # no encoder takes two frames at one time
                late += 1
                pts = last + 1
            last, end = pts, pts + slot.duration
            return Picture(frame, pts, slot.duration)

        for packet in all_packets:
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
                    if span is None or pts in span:
                        timeline.announce(pts, packet.duration or 0)
            for whole in self._decode(packet):
                if span is not None and (whole.pts is None or whole.pts not in span):
                    continue  # a neighbour's
                _refuse_interlaced(self._path, whole.interlaced_frame)
                if whole.is_corrupt:
                    continue  # stays owed, so that its neighbour takes its place
                frame = whole if self._crop is None else self._crop(whole)
                before = self._first if previous is None and span is not None else previous
                if before is not None and not self.follows_changes:
                    self._refuse_change(before, frame, shown)
                pts = None if by_order else frame.pts
                lost, own = timeline.claim(pts)
                if previous is None:  # cut off mid-stream: what stands before the first whole picture was never meant
                    meant = [slot for slot in lost if key is not None and slot.pts >= key]
                    leading, lost = len(lost) - len(meant), meant
                for slot in lost:
                    replaced += 1
                    yield show(previous or frame, slot)
                if own is None and pts is not None and last is not None and pts <= last:
                    continue  # came after its time, which a neighbour has taken
                previous = frame
                at = own.pts if own else pts
                if at is None:
                    at = 0 if last is None else last + max(1, round(tick))
                yield show(frame, Slot(at, (own.duration if own else 0) or frame.duration))
        if previous is not None:
            for slot in timeline.rest():
                replaced += 1
                yield show(previous, slot)
        self.tally = Tally(shown, replaced, late, leading, end)
        if span is None:
            self.sum_up(max(packets, chunks), self.tally)

    @property
    def source_codec(self) -> str:
        """FFmpeg's name of the decoder."""
        return self._decoder.name

    @property
    def shift(self) -> Fraction:
        """Seconds that were added to all times of the file."""
        return self._demuxer.shift

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
        if packet is not None and not packet.size:
            return []  # AVI fills gaps with these; to a decoder an empty packet would mean the end
        try:
            return self._decoder.decode(packet)
        except av.EOFError:
            return []
        except av.FFmpegError:
            return []  # the time stays owed

    def _tick(self) -> Fraction:
        """Time between frames of a stream without times, in units of its time base."""
        rate = self.stream.guessed_rate or self.stream.average_rate or Fraction(25)
        return 1 / rate / (self.stream.time_base or Fraction(1, 1000))

    def _refuse_change(self, before: VideoFrame, now: VideoFrame, shown: int) -> None:
        if (now.width, now.height, now.format.name) != (before.width, before.height, before.format.name):
            size, name = f"{before.width}x{before.height}", before.format.name
            other = f"{now.width}x{now.height} {now.format.name}"
            raise UserError(
                f"{self._path}: frames change from {size} {name} to {other} at frame {shown + 1}: "
                f"cut it there, or make it uniform with ffmpeg -i {self._path.name} "
                f"-vf scale={before.width}:{before.height} -pix_fmt {name} OUT.mkv"
            )

    def sum_up(self, packets: int, tally: Tally) -> None:
        """Say what was wrong with a video of so many packets."""
        self.replaced, late, leading = tally.replaced, tally.late, tally.leading
        if self.replaced:
            count = f"{self.replaced} frame{'s' * (self.replaced > 1)}"
            self.warnings.append(f"{self._path}: {count} could not be decoded: repeated a neighbouring frame")
        if late:
            self.warnings.append(
                f"{self._path}: {late} timestamps were not increasing and were moved by the least amount"
            )
        if leading:
            self.warnings.append(
                f"{self._path}: {leading} picture{'s' * (leading > 1)} at the beginning need what came before it: "
                "left out, as players do"
            )
        announced = self.stream.frames
        end = _announced_end(self.container, self.stream)
        reached = tally.end * (self.stream.time_base or 0) - self.shift
        if packets < announced:
            there = f"{packets} of {announced} frames are"
        elif end is not None and reached < end - _SLACK_S:
            there = f"{float(reached):.1f} of {float(end):.1f} seconds are"
        else:
            return
        self.warnings.append(f"{self._path}: truncated: {there} there, and were upscaled")


def _announced_end(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """When the last frame ends, in seconds, by what the file's head says; None if it doesn't say."""
    if not container.format.name.startswith("matroska"):
        return None  # counts frames instead, or says nothing that would be reliable
    words = {key.lower(): value for key, value in stream.metadata.items()}.get("duration", "")
    parts = words.split(":")
    if len(parts) == 3:
        try:
            return sum((Fraction(part) * 60 ** (2 - at) for at, part in enumerate(parts)), Fraction(0))
        except ValueError:
            return None
    alone = len(container.streams) == 1
    return Fraction(container.duration, av.time_base) if alone and container.duration else None


def _refuse_interlaced(path: Path, interlaced: bool) -> None:
    if interlaced:
        raise UserError(
            f"{path} is interlaced: deinterlace it first, with "
            f"ffmpeg -i {path.name} -vf bwdif -c:a copy PROGRESSIVE.mkv"
        )
