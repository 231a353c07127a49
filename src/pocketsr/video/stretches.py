"""A look at a whole video: what was coded how coarsely, stretch by stretch."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pocketsr.errors import UserError
from pocketsr.frames import Frame
from pocketsr.frames.looking import look_at_frame
from pocketsr.source import Seen, together
from pocketsr.video.decoding import decoder_of, main_stream
from pocketsr.video.ffmpeglog import described
from pocketsr.video.looking import hints_of
from pocketsr.video.opening import open_input
from pocketsr.video.quantizers import QUANTIZERS, Quantizers

__all__ = ["Stretch", "look_at_stretches"]

_LEAST_S, _MOST_S = 4.0, 10.0  # a stretch ends at a key frame, or where it would be longer
_EVERY = 20  # frames, from one that is looked at to the next
_MOST_PACKETS = 4_000_000  # 18 hours of 60 frames a second; what comes later belongs to the last stretch


@dataclass(frozen=True)
class Stretch:
    """start_s: seconds after the first frame."""

    start_s: float
    seen: Seen


def look_at_stretches(path: Path) -> list[Stretch] | None:
    """The file's stretches, from 0 on; None where no frame can be decoded: who reads it in earnest says why.

    The file is read twice: for the sizes of its packets, and decoded.
    """
    try:
        with open_input(path) as container:
            starts, bits = _coarse(container, main_stream(container, path, described(container)))
        seen: list[list[Seen]] = [[] for _ in starts]
        with open_input(path) as container:
            stream = main_stream(container, path, described(container))
            decoder = decoder_of(stream, None)
            decoder.options = {**decoder.options, **QUANTIZERS}
            quantizers = Quantizers(stream)
            origin: float | None = None
            for number, frame in enumerate(_decoded(container, stream, decoder, quantizers)):
                time = frame.time
                origin = time if origin is None else origin
                if number % _EVERY:
                    continue
                at = max(bisect_right(starts, 0.0 if time is None or origin is None else time - origin) - 1, 0)
                hints = hints_of(frame, decoder.name, bits[at], quantizers.of(frame))
                seen[at].append(look_at_frame(Frame.from_av(frame), hints))
    except (UserError, av.FFmpegError, OSError, ValueError, AttributeError):
        return None
    found = [Stretch(start, together(each)) for start, each in zip(starts, seen, strict=True) if each]
    return [Stretch(0.0, found[0].seen), *found[1:]] if found else None


def _coarse(container: InputContainer, stream: VideoStream) -> tuple[list[float], list[float | None]]:
    """Where stretches begin, and the bits of each coded pixel in each."""
    starts, sums, counts = [0.0], array("q", [0]), array("q", [0])
    origin: float | None = None
    for number, packet in enumerate(container.demux(stream)):
        if number >= _MOST_PACKETS:
            break
        time = packet.pts if packet.pts is not None else packet.dts
        if not packet.size:
            continue
        if time is not None and packet.time_base is not None:
            seconds = float(time * packet.time_base)
            origin = seconds if origin is None else origin
            lasted = seconds - origin - starts[-1]
            if lasted >= _MOST_S or (packet.is_keyframe and lasted >= _LEAST_S):
                starts.append(seconds - origin)
                sums.append(0)
                counts.append(0)
        sums[-1] += packet.size
        counts[-1] += 1
    pixels = stream.width * stream.height
    return starts, [
        8 * total / (count * pixels) if count and pixels else None for total, count in zip(sums, counts, strict=True)
    ]


def _decoded(
    container: InputContainer, stream: VideoStream, decoder: VideoCodecContext, quantizers: Quantizers
) -> Iterator[VideoFrame]:
    """All that can be decoded."""
    for packet in container.demux(stream):
        quantizers.read(packet)
        with suppress(av.FFmpegError):
            for frame in decoder.decode(packet if packet.size else None):
                if not frame.is_corrupt:
                    yield frame
