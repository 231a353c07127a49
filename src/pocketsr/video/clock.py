"""Clocks that jump: packets' times made one continuous line, as FFmpeg's own tool does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream

__all__ = ["Clock", "starts_anywhere"]

# Demuxers of formats whose clock may be set anew in the middle: of broadcasts, discs and live streams. FFmpeg marks
# them AVFMT_TS_DISCONT, which PyAV doesn't show.
_JUMPING = frozenset(["mpegts", "mpeg", "flv", "live_flv", "ogg", "rm", "wtv"])
_OWN_CLOCK = frozenset(["mpegts", "mpeg", "wtv"])
# The thresholds of fftools: farther ahead than this is a jump, and so is this far back.
_AHEAD = Fraction(10)
_BACK = Fraction(1, 10)
# Where parts can be joined though the clock never jumps within one: only a new beginning counts, a time so near the
# first one, long after it.
_RESTARTING = frozenset(["matroska"])
_BEGINNING = Fraction(1)


def starts_anywhere(demuxer: str) -> bool:
    """Whether a format's clock counts from an arbitrary moment, so that where it starts means nothing."""
    return not _OWN_CLOCK.isdisjoint(demuxer.split(","))


@dataclass
class _Track:
    first: Fraction  # what the file itself says of the first packet
    last: Fraction  # time of the last packet, in seconds: of decoding, or where only a beginning counts of presentation
    due: Fraction  # when the next is due
    offset: Fraction  # what was added to the last


@dataclass
class Clock:
    """Moves packets so that decoding times of no stream jump.

    Args:
        demuxer: FFmpeg's name of the input's format; times of those without jumps are only shifted.
        shift: seconds to add to all times.
    """

    demuxer: str
    shift: Fraction = Fraction(0)
    jumps: int = field(default=0, init=False)
    _tracks: dict[int, _Track] = field(default_factory=dict, init=False)
    _offset: Fraction = field(default=Fraction(0), init=False)

    def set(self, packet: Packet[Stream], *, paces: bool) -> None:
        """Give a packet, in the order of the file, its time on the continuous line.

        Args:
            paces: whether the stream is one of sound or pictures, whose packets follow each other without gaps.
        """
        if not self._jumping and not self._restarting:
            self._move(packet, self.shift)
            return
        if not paces or packet.dts is None:
            self._move(packet, self._offset + self.shift)
            return
        # Where Matroska's parts meet, FFmpeg 8.1 makes decoding times of B-frames of both parts' times of presentation.
        ticks = packet.dts if self._jumping or packet.pts is None else packet.pts
        track = self._tracks.get(packet.stream_index)
        time, offset = ticks * packet.time_base, self._offset
        if track is None:
            track = self._tracks[packet.stream_index] = _Track(time, time + offset, time + offset, offset)
        # A demuxer hands over the last picture before a joint after the first sound behind it: one that follows
        # its predecessor by the old clock still belongs to that. (FFmpeg's own tool takes it for a gap.)
        if abs(time + track.offset - track.due) < abs(time + offset - track.due):
            offset = track.offset
        ahead = time + offset - track.due
        back = time + offset + _BACK < track.last
        if self._jumping:
            jumps = back or abs(ahead) > _AHEAD
        else:
            jumps = back and packet.is_keyframe and time < track.first + _BEGINNING
        if jumps:
            self._offset = offset = offset - ahead
            self.jumps += 1
        end = time + offset + (packet.duration or 0) * packet.time_base
        if self._jumping or jumps or end > track.due:
            track.last, track.due = time + offset, end
        track.offset = offset
        self._move(packet, offset + self.shift)

    @property
    def _jumping(self) -> bool:
        return not _JUMPING.isdisjoint(self.demuxer.split(","))

    @property
    def _restarting(self) -> bool:
        return not _RESTARTING.isdisjoint(self.demuxer.split(","))

    @staticmethod
    def _move(packet: Packet[Stream], by: Fraction) -> None:
        if not by:
            return
        ticks = round(by / packet.time_base)
        if packet.dts is not None:
            packet.dts += ticks
        if packet.pts is not None:
            packet.pts += ticks
