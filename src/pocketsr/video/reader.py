"""Reads a video: frames in the order of presentation at exact times, other streams' packets as they come."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.codec import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pocketsr.errors import UserError
from pocketsr.pipes import Inflow
from pocketsr.video.clock import starts_anywhere
from pocketsr.video.cropping import cropper
from pocketsr.video.demux import Demuxer
from pocketsr.video.ffmpeglog import Described, described
from pocketsr.video.opening import open_input
from pocketsr.video.source import Source, describe
from pocketsr.video.timeline import Slot, Timeline
from pocketsr.video.types import RawVideo

__all__ = ["Picture", "VideoReader"]

_MOST_PIXELS = 16384 * 16384  # of a frame: 16K is half of it
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
        path: the file; a name alone where there is a `pipe`, which is read instead. raw: as for `open_input`.

    Attributes:
        follows_changes: whether frames may change size or format; else that is a UserError.

    Raises:
        UserError: what is there is no video that can be read, is interlaced, or has unsupported samples.
    """

    def __init__(
        self, path: Path, threads: int | None = None, *, keep_clock: bool = False, pipe: Inflow | None = None,
        raw: RawVideo | None = None,
    ) -> None:  # fmt: skip
        self._path = path
        self.pipe = pipe
        self.container = open_input(path, pipe, raw)
        self.warnings: list[str] = []
        self.replaced = 0
        self.follows_changes = False
        try:
            self.described = described(self.container)
            self.stream = _main_stream(self.container, path, self.described)
            self._decoder = _decoder(self.stream, threads)
            _refuse_interlaced(path, self._decoder.field_order in (2, 3, 4, 5))
            self._demuxer = Demuxer(path, self.container, self.stream, keep_clock=keep_clock)
            self._crop = cropper(self.described[self.stream.index].crop)
            items = self._items()
            head = []
            for item in items:
                head.append(item)
                if isinstance(item, Picture):
                    break
            else:
                raise UserError(f"{path}: not one frame of its video could be decoded")
            self.source: Source = describe(
                self.container, self.stream, item.frame, item.pts, captions=self._demuxer.captions
            )
            self.warnings += [f"{path}: {text}" for text in self.source.warnings]
            self._todo = itertools.chain(head, items)
        except BaseException:
            self.container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.container.close()

    def __iter__(self) -> Iterator[Picture | Packet[Stream]]:
        return self._todo

    def _items(self) -> Iterator[Picture | Packet[Stream]]:
        timeline = Timeline()
        tick = self._tick()
        by_order = self.container.format.name == "avi"  # it stores no times but the order; FFmpeg guesses at some
        previous: VideoFrame | None = None
        last: int | None = None
        key: int | None = None  # time of the first picture that needs no other
        cut_anywhere = starts_anywhere(self.container.format.name)  # other files begin with such a picture
        end = 0
        packets = late = leading = chunks = place = shown = 0

        def show(frame: VideoFrame, slot: Slot) -> Picture:
            nonlocal last, late, end, shown
            shown += 1
            pts = slot.pts
            if last is not None and pts <= last:  # no encoder takes two frames at one time
                late += 1
                pts = last + 1
            last, end = pts, pts + slot.duration
            return Picture(frame, pts, slot.duration)

        for packet in self._packets():
            if packet is not None and packet.stream_index != self.stream.index:
                yield packet
                continue
            if packet is not None:
                packets += 1
                if by_order and packet.dts is not None:  # AVI counts the empty ones between and behind them too
                    chunks, place = 2 * packet.dts - place, packet.dts
                if packet.size and not packet.is_discard and _is_shown(self.source_codec, packet):
                    pts = packet.dts if packet.pts is None or by_order else packet.pts
                    pts = round(packets * tick - tick) if pts is None else pts
                    if key is None and (packet.is_keyframe or not cut_anywhere):
                        key = pts
                    timeline.announce(pts, packet.duration or 0)
            for whole in self._decode(packet):
                _refuse_interlaced(self._path, whole.interlaced_frame)
                if whole.is_corrupt:
                    continue  # stays owed, so that its neighbour takes its place
                frame = whole if self._crop is None else self._crop(whole)
                if previous is not None and not self.follows_changes:
                    self._refuse_change(previous, frame, shown)
                pts = None if by_order else frame.pts
                lost, own = timeline.claim(pts)
                if previous is None:  # cut off mid-stream: what stands before the first whole picture was never meant
                    meant = [slot for slot in lost if key is not None and slot.pts >= key]
                    leading, lost = len(lost) - len(meant), meant
                for slot in lost:
                    self.replaced += 1
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
                self.replaced += 1
                yield show(previous, slot)
        self._sum_up(max(packets, chunks), late, leading, end)

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

    def _sum_up(self, packets: int, late: int, leading: int, shown: int) -> None:
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
        end, reached = _announced_end(self.container, self.stream), shown * (self.stream.time_base or 0) - self.shift
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


def _main_stream(container: InputContainer, path: Path, about: dict[int, Described]) -> VideoStream:
    """The video stream to upscale: the default one, else the largest; never a cover picture."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise UserError(f"{path} holds no video stream")
    # PyAV 18.1 gives a stream without a decoder no codec context: width and all else raise AttributeError.
    known = [s for s in streams if s.codec_context is not None]
    if not known:
        raise UserError(f"{path}: there is no decoder for its video ({about[streams[0].index].name})")
    return max(known, key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height, -s.index))


def _decoder(stream: VideoStream, threads: int | None) -> VideoCodecContext:
    context = stream.codec_context
    alpha = {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode") == "1"
    if alpha and context.name in ("vp8", "vp9"):  # FFmpeg's own decoders drop the alpha plane
        context = CodecContext.create("libvpx" if context.name == "vp8" else "libvpx-vp9", "r")
    context.options = {"max_pixels": str(_MOST_PIXELS)}  # a hostile head of a few bytes may ask for gigabytes
    # Threads within a frame only: an error then belongs to the packet just sent, and none is lost at the end.
    context.thread_type = "SLICE"
    context.thread_count = threads or 0
    return context


def _is_shown(codec: str, packet: Packet[Stream]) -> bool:
    """False for packets that by design become no picture: VP8's and VP9's hidden reference frames."""
    if not packet.size or codec not in ("vp8", "vp9", "libvpx", "libvpx-vp9"):
        return True
    data = memoryview(packet)
    if codec in ("vp8", "libvpx"):
        return bool(data[0] & 0x10)
    superframe = data[-1] & 0xE0 == 0xC0
    return superframe or bool(data[0] & 0x08) or bool(data[0] & 0x02)


def _refuse_interlaced(path: Path, interlaced: bool) -> None:
    if interlaced:
        raise UserError(
            f"{path} is interlaced: deinterlace it first, with "
            f"ffmpeg -i {path.name} -vf bwdif -c:a copy PROGRESSIVE.mkv"
        )
