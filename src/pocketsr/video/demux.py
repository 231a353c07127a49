"""The packets of an open file, in its order, at times that go on without jumps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from pocketsr.errors import UserError
from pocketsr.video.clock import Clock, starts_anywhere
from pocketsr.video.ffmpeglog import described
from pocketsr.video.joined import not_read

__all__ = ["Demuxer"]

_LATE_S = 10  # a clock that starts later counts from elsewhere; earlier, and it is an offset that is meant
# How far to read for the first packets of every stream: subtitles may begin late.
_FIRST = 3
_MOST_AHEAD = 16 * 2**20  # bytes
_MOST_PACKETS_AHEAD = 2000
_MARGINS_S = (0, 2, 15, 60)  # FFmpeg finds key frames by when they are decoded, which may be before they are shown
_PICTURES = 60  # captions often begin some frames late
_WITH_CAPTIONS = ("h264", "hevc", "mpeg2video")
_CAPTION = b"GA94\x03"  # how ATSC's caption data begins in a stream's user data


class Demuxer:
    """Iterating gives each packet once; the first of each stream can be looked at before.

    Args:
        path: what to call the file in messages.
        container: the open file.
        main: the stream that is upscaled.
        keep_clock: whether a clock that may start anywhere is left as it is, where the output has such a clock too.
        live: whether packets come as they are made: none is waited for but the first picture, and clocks mean nothing.

    Attributes:
        shift: seconds that were added to all times, so that such a clock starts at zero.
        captions: whether closed captions stand in the main stream near its beginning.
        first: the first packets of each stream, by index, as far as they stand near the beginning.
        warnings: what is to be said of it all, complete when the last packet was read.
    """

    def __init__(
        self, path: Path, container: InputContainer, main: VideoStream, *, keep_clock: bool, live: bool = False
    ) -> None:
        self._path = path
        self._container = container
        self.warnings: list[str] = []
        self.shift = self._find_shift(keep_clock, live)
        self._clock = Clock(container.format.name, self.shift)
        self._end = 0  # of the last packet, in bytes
        self._packets = self._read()
        self._ahead: deque[Packet[Stream]] = deque()
        self._captioned = not live and main.codec_context.name in _WITH_CAPTIONS
        self.first = self._look_ahead(main.index, live)
        self._main = main
        self.captions = self._captioned and any(
            _CAPTION in bytes(packet) for packet in self._ahead if packet.stream_index == main.index
        )

    def __iter__(self) -> Iterator[Packet[Stream]]:
        while self._ahead:
            yield self._ahead.popleft()
        yield from self._packets
        late = len(described(self._container)) - len(self._container.streams)
        if late > 0:
            self.warnings.append(f"{self._path}: {late} of its streams begin too late to be copied: left out")
        rest = not_read(self._path, self._container.format.name, self._end)
        if rest is not None:
            self.warnings.append(rest)
        if self._clock.jumps:
            self.warnings.append(
                f"{self._path}: its clock jumps (joined recordings?): the parts follow each other without a gap"
            )

    @property
    def jumps(self) -> int:
        """How often its clock was set anew, up to here."""
        return self._clock.jumps

    def seek(self, pts: int) -> None:
        """Go on with the packets from the key frame at `pts`, as `Demuxer` gives times, or before it.

        Only for clocks that don't jump. Raises FFmpegError.
        """
        self._go_to(pts - round(self.shift / (self._main.time_base or 1)))

    @property
    def start(self) -> Fraction:
        """When the film begins, in seconds of its clock, moved as its packets are.

        That is zero, whatever an encoder's delay puts before it, but the first picture where a clock starts anywhere.
        """
        if starts_anywhere(self._container.format.name) and self._main.start_time is not None:
            return self._main.start_time * (self._main.time_base or 0) + self.shift
        return Fraction(0)

    def seek_before(self, moment: Fraction) -> bool:
        """Go on at a key frame that is shown at `moment`, in seconds of the moved clock, or before.

        Returns whether one was found; else the packets come from the beginning.
        """
        for margin in _MARGINS_S:
            if self._seek(moment - margin) and self._is_early_enough(moment):
                return True
        if not self._seek(self._earliest() + self.shift):
            raise UserError(f"{self._path}: it can't be gone back in: leave out --start")
        return False

    def _seek(self, moment: Fraction) -> bool:
        base = self._main.time_base or Fraction(1, av.time_base)
        ticks = round(max(moment - self.shift, self._earliest()) / base)
        try:
            self._go_to(ticks)
        except (av.FFmpegError, OSError):
            return False
        return True

    def _go_to(self, ticks: int) -> None:
        self._container.seek(ticks, stream=self._main, backward=True)
        self._clock = Clock(self._container.format.name, self.shift)  # which would take it for a jump
        self._packets = self._read()
        self._ahead.clear()

    def _is_early_enough(self, moment: Fraction) -> bool:
        for packet in self._packets:
            self._ahead.append(packet)
            if packet.stream_index == self._main.index:
                time = packet.pts if packet.pts is not None else packet.dts
                return packet.is_keyframe and time is not None and time * packet.time_base <= moment
            if len(self._ahead) >= _MOST_PACKETS_AHEAD:
                break
        return False

    def _earliest(self) -> Fraction:
        """The first time of any stream of sound or pictures, in seconds of the file's own clock."""
        streams = [
            stream
            for stream in self._container.streams
            if stream.type in ("audio", "video") and not stream.disposition & Disposition.attached_pic
        ]
        starts = [s.start_time * s.time_base for s in streams if s.start_time is not None and s.time_base]
        return min(starts, default=Fraction(0))

    def _find_shift(self, keep_clock: bool, live: bool) -> Fraction:
        start = self._earliest()
        if starts_anywhere(self._container.format.name):
            return Fraction(0) if keep_clock and start >= 0 else -start
        if live:
            return -start
        if start < _LATE_S:
            return Fraction(0)
        self.warnings.append(f"{self._path}: its clock starts at {float(start):.1f} s: the output's starts at 0")
        return -start

    def _read(self) -> Iterator[Packet[Stream]]:
        kinds = {stream.index: stream.type for stream in self._container.streams}
        try:
            for packet in self._container.demux():
                self._end = max(self._end, (packet.pos or 0) + packet.size)
                if packet.size or packet.pts is not None or packet.dts is not None:
                    self._clock.set(packet, paces=kinds.get(packet.stream_index) in ("audio", "video"))
                    yield packet
        except IndexError:
            pass  # PyAV 18.1's way to end where streams came up that the file's head didn't announce
        except av.FFmpegError as error:
            self.warnings.append(f"{self._path}: breaks off ({error.strerror}): what could be read was upscaled")

    def _look_ahead(self, main: int, live: bool) -> dict[int, list[Packet[Stream]]]:
        types = () if live else ("audio", "video", "subtitle")
        missing = {s.index for s in self._container.streams if s.type in types}
        first: dict[int, list[Packet[Stream]]] = {}
        size = pictures = 0
        # Captions alone are worth the wait for many pictures, which through a pipe may come at their time.
        enough = _PICTURES if self._captioned else 1
        while (missing or pictures < enough) and size < _MOST_AHEAD and len(self._ahead) < _MOST_PACKETS_AHEAD:
            packet = next(self._packets, None)
            if packet is None:
                break
            self._ahead.append(packet)
            size += packet.size
            mine = first.setdefault(packet.stream_index, [])
            if packet.size and len(mine) < _FIRST:
                mine.append(packet)
            missing.discard(packet.stream_index)
            pictures += packet.stream_index == main
        return first
