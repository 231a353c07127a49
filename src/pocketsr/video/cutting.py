"""A part of a film: which pictures, and which packets of the other streams, and the times that they get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame

from pocketsr.frames import Span

__all__ = ["Cut", "Picture", "frames_in"]

_BEHIND_S = 10  # how far other streams may be behind the pictures in the file
_APART = Fraction(3, 2)  # pictures: a gap that is none of rounding
_MOST_WAITING = 20_000  # packets of other streams before the first picture


@dataclass(frozen=True)
class Picture:
    """A frame to show at `pts` for `duration` (0: unknown), in units of the stream's time base.

    repeated: whether it stands in for one that could not be decoded.
    """

    frame: VideoFrame
    pts: int
    duration: int
    repeated: bool = False


class Cut:
    """Takes a span out of pictures and packets as they come. Times start at 0 with the first picture of the span.

    Args:
        zero: when the film begins, in seconds of its clock.
        base: the pictures' time base.
        tick: between two pictures, in seconds, about.
        streams: all but the pictures'.

    Attributes:
        origin: when the first picture was, in seconds of the film's clock; None before it.
        over: whether the last picture was given.
        reached: the end of the last picture that was seen, in seconds from the beginning.
    """

    def __init__(
        self, span: Span, zero: Fraction, base: Fraction, tick: Fraction, streams: Mapping[int, Stream]
    ) -> None:  # fmt: skip
        self._start = zero + span.start
        self._end = None if span.end is None else zero + span.end
        self._zero, self._base, self._tick = zero, base, tick
        self._kinds: dict[int, Literal["cover", "sound", "video", "other"]] = {
            index: "cover"
            if stream.disposition & Disposition.attached_pic
            else "sound" if stream.type == "audio" else "video" if stream.type == "video" else "other"
            for index, stream in streams.items()
        }  # fmt: skip
        self._behind = {index for index, kind in self._kinds.items() if kind == "sound"}
        self._covers_given: set[int] = set()
        self._begun: set[int] = set()
        self.origin: Fraction | None = None
        self.over = False
        self.reached = Fraction(0)

    @property
    def length(self) -> Fraction | None:
        """How long the span is from its first picture on, in seconds; None: to the end."""
        return None if self._end is None or self.origin is None else self._end - self.origin

    @property
    def missing(self) -> str | None:
        """Why there is no picture in the span, in words that follow the film's name; None: no picture came at all."""
        if not self.reached:
            return None
        if self.reached > self._start - self._zero:
            return "has no frame in this span: give it a longer --duration"
        return f"ends after {float(self.reached):.2f} s, before --start {float(self._start - self._zero):g}"

    def done(self, packet: Packet[Stream]) -> bool:
        """Once it is over: whether this packet and all that follow are beyond the end, in every stream."""
        assert self._end is not None
        time = _time(packet)
        if time is None:
            return False
        if time >= self._end:
            self._behind.discard(packet.stream_index)
        return not self._behind or time >= self._end + _BEHIND_S

    def __call__(self, items: Iterator[Picture | Packet[Stream]]) -> Iterator[Picture | Packet[Stream]]:
        """The span of `items`."""
        held: Picture | None = None
        waiting: list[Packet[Stream]] = []
        for item in items:
            if isinstance(item, Packet):
                if self.origin is not None or self._kinds.get(item.stream_index) == "cover":
                    yield from self._packet(item)
                elif len(waiting) < _MOST_WAITING and not self._before(item, self._start):
                    waiting.append(item)
                continue
            begin = item.pts * self._base
            self.reached = begin + (item.duration * self._base or self._tick) - self._zero
            if begin < self._start:
                held = item
                continue
            late = self._end is not None and begin >= self._end
            apart = begin - self._start >= self._tick * _APART
            if self.origin is None and held is not None and (late or apart):
                yield from self._first(held, waiting)  # a picture that stays long, as of slides, is on show
            if late:
                self.over = True
                continue
            if self.origin is None:
                self.origin = self._from_start() * self._base if apart else begin
                yield from self._all(waiting)
            yield self._picture(item)
        if self.origin is None and held is not None and self.reached > self._start - self._zero:
            yield from self._first(held, waiting)

    def _first(self, held: Picture, waiting: list[Packet[Stream]]) -> Iterator[Picture | Packet[Stream]]:
        """The picture that was on show at the start already, from there on."""
        pts = self._from_start()
        self.origin = pts * self._base
        yield from self._all(waiting)
        yield self._picture(replace(held, pts=pts, duration=max(held.duration - (pts - held.pts), 0)))

    def _from_start(self) -> int:
        return -(-self._start // self._base)

    def _all(self, waiting: list[Packet[Stream]]) -> Iterator[Packet[Stream]]:
        for packet in waiting:
            yield from self._packet(packet)
        waiting.clear()

    def _picture(self, picture: Picture) -> Picture:
        assert self.origin is not None
        duration = picture.duration
        if self._end is not None:
            duration = min(duration, -(-(self._end - picture.pts * self._base) // self._base))
        return replace(picture, pts=picture.pts - int(self.origin / self._base), duration=duration)

    def _packet(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """A packet of another stream at its new time, where it reaches into the span."""
        kind = self._kinds.get(packet.stream_index, "other")
        if kind == "cover":
            if packet.stream_index not in self._covers_given:  # FFmpeg hands it over again after a seek
                self._covers_given.add(packet.stream_index)
                yield packet
            return
        assert self.origin is not None
        time = _time(packet)
        if time is None or self._before(packet, self.origin) or (self._end is not None and time >= self._end):
            return
        if kind == "video" and packet.stream_index not in self._begun:  # it is copied, and needs a key frame first
            if not packet.is_keyframe or time < self.origin:
                return
            self._begun.add(packet.stream_index)
        base = packet.time_base
        ticks = round(self.origin / base)
        packet.pts = None if packet.pts is None else packet.pts - ticks
        packet.dts = None if packet.dts is None else packet.dts - ticks
        if kind == "other":
            self._shorten(packet)
        yield packet

    def _shorten(self, packet: Packet[Stream]) -> None:
        """What is shown, as subtitles are, is shown within the span."""
        if packet.pts is not None and packet.pts < 0:
            packet.duration = max((packet.duration or 0) + packet.pts, 0)
            packet.pts = packet.dts = 0
        length = self.length
        if length is not None and packet.duration and packet.pts is not None:
            packet.duration = min(packet.duration, max(round(length / packet.time_base) - packet.pts, 1))

    @staticmethod
    def _before(packet: Packet[Stream], moment: Fraction) -> bool:
        """Whether a packet ends by then; one without a duration is a moment itself."""
        time = _time(packet)
        if time is None:
            return True
        stop = time + (packet.duration or 0) * packet.time_base
        return stop <= moment if packet.duration else stop < moment


def _time(packet: Packet[Stream]) -> Fraction | None:
    ticks = packet.dts if packet.pts is None else packet.pts
    return None if ticks is None else ticks * packet.time_base


def frames_in(span: Span, total: int | None, rate: Fraction | None) -> int | None:
    """How many frames of `total` there are in a span, about, at `rate` a second; None: unknown."""
    if rate is None:
        return None
    asked = None if span.duration is None else round(span.duration * rate)
    rest = None if total is None else max(total - round(span.start * rate), 1)
    return min((count for count in (asked, rest) if count is not None), default=None)
