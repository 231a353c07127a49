"""Decoding times as muxers take them: going forward, and never after the moment of showing."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TypeVar

from av.packet import Packet
from av.stream import Stream

__all__ = ["count_from", "in_steps"]

StreamT = TypeVar("StreamT", bound=Stream)


def in_steps(packet: Packet[StreamT], to: Stream, last: dict[int, int], key: int, *, step: int = 1) -> None:
    """Round a packet's times to its output stream's, and move them forward where they don't follow the last.

    FFmpeg's muxers refuse a packet whose decoding time isn't after the one before, in the format's own unit of time
    (TrueHD's packets of 0.8 ms are several a millisecond in Matroska), or is after its time of showing.

    Args:
        to: the stream of a container whose header is written, so that its time base is final.
        last: the last decoding time by `key`, in that time base; the packet's is put in.
        step: by how much it must go on; 0 where a format takes several packets at one time.
    """
    base = to.time_base
    assert base is not None
    if packet.time_base != base:
        ratio = packet.time_base / base
        packet.pts = None if packet.pts is None else _nearest(packet.pts * ratio)
        packet.dts = None if packet.dts is None else _nearest(packet.dts * ratio)
        packet.duration = _nearest((packet.duration or 0) * ratio)
        packet.time_base = base
    before = last.get(key)
    dts = packet.pts if packet.dts is None else packet.dts
    if dts is None:
        dts = 0 if before is None else before + step
    if packet.pts is not None:
        dts = min(dts, packet.pts)  # libx265 makes decoding times up where it gets fewer frames than it reorders
    if before is not None:
        dts = max(dts, before + step)
    packet.dts = last[key] = dts
    if packet.pts is None or packet.pts < dts:
        packet.pts = dts


def _nearest(value: Fraction) -> int:
    """Half a unit goes up, whatever stands before the point."""
    return math.floor(value + Fraction(1, 2))


def count_from(packet: Packet[StreamT], origin: int, time_base: Fraction) -> None:
    """Turn a packet's times, in frames, into `time_base` with frame 0 at `origin`."""
    ratio = packet.time_base / time_base
    packet.pts = None if packet.pts is None else round(packet.pts * ratio) + origin
    packet.dts = None if packet.dts is None else round(packet.dts * ratio) + origin
    packet.duration, packet.time_base = round((packet.duration or 0) * ratio), time_base
