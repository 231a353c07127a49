"""Pictures to packets' payloads: what aiortc's sender asks for each frame."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from aiortc.codecs.base import Encoder
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.mediastreams import VIDEO_TIME_BASE, convert_timebase
from av.frame import Frame as AvFrame
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

__all__ = ["CallEncoder", "Sent"]

_LEAST_BPS, _MOST_BPS = 500_000, 12_000_000
_BITS_A_PIXEL = 0.1  # of 30 frames a second, until the peer says what its line carries
_MOST_BITS_A_PIXEL = 0.3
_FULL = 2  # FFmpeg's AVCOL_RANGE_JPEG
_FOREVER = "100000"  # frames from one key frame to the next: they come when they are asked for
# More threads of libvpx 1.15 wait for each other by spinning: where other programs run, two of them took 10 times the
# time of one (540 ms a frame of 1280x720 against 53, load 8 on 2 cores). The networks need the other cores.
_THREADS = 1

# Each field of the colour tags that an encoder writes into its stream, and that is taken from each frame.
_TAGS = ("color_primaries", "color_trc", "colorspace", "color_range")


@dataclass(frozen=True)
class _Codec:
    """An encoder's facts. tags: whether its stream says what colours mean. rates: whether it takes a lower bit rate
    while it runs."""

    encoder: str
    options: dict[str, str]
    tags: bool
    rates: bool


_CODECS = {
    "VP8": _Codec(
        "libvpx",
        {"deadline": "realtime", "cpu-used": "-12", "lag-in-frames": "0", "error-resilient": "default",
         "static-thresh": "1", "undershoot-pct": "100", "overshoot-pct": "15", "qmin": "2", "qmax": "56"},
        tags=False, rates=False,
    ),
    "H264": _Codec(
        # zerolatency: else 40 frames wait in x264. No level: aiortc's 3.1 is less than 1280x720 at 60 frames a second.
        "libx264",
        {"preset": "superfast", "tune": "zerolatency", "profile": "baseline", "forced-idr": "1"},
        tags=True, rates=True,
    ),
}  # fmt: skip


@dataclass
class Sent:
    """What went to a peer. reopened: encoders that were opened after the first one."""

    frames: int = 0
    key_frames: int = 0
    bytes: int = 0
    reopened: int = 0
    width: int = 0
    height: int = 0


class CallEncoder(Encoder):
    """Encodes for one peer; the base class is aiortc's. `encode` is called by one thread at a time.

    codec: VP8 or H264. done: is told each frame's pts once it is encoded.

    A codec is opened anew where size or colour tags change: PyAV 18 would rescale a picture of another size to the
    first one's without a word.
    """

    def __init__(self, codec: str, done: Callable[[int], None]) -> None:
        self._name, self._facts, self._done = codec, _CODECS[codec], done
        self._codec: VideoCodecContext | None = None
        self._about: tuple[Any, ...] = ()
        self._count, self._asked_bps, self._rated_s = 0, 0, 0.0
        self._picture_id = random.randrange(1 << 15)
        self.sent = Sent()

    @property
    def target_bitrate(self) -> int:
        """Bits a second that the peer's line carries, by its own account; 0: not known."""
        return self._asked_bps

    @target_bitrate.setter
    def target_bitrate(self, bps: int) -> None:
        self._asked_bps = max(_LEAST_BPS, min(int(bps), _MOST_BPS))

    def encode(self, frame: AvFrame, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        """Payloads of the packets, and the time in 1/90000 s."""
        assert isinstance(frame, VideoFrame)
        pts, base = frame.pts or 0, frame.time_base or VIDEO_TIME_BASE
        pts = convert_timebase(pts, base, VIDEO_TIME_BASE)
        codec = self._opened(frame)
        # Times of its own: those of a call may jump, and an encoder refuses what goes backwards.
        frame.pts, frame.time_base = self._count, Fraction(1, 30)
        self._count += 1
        frame.pict_type = PictureType.I if force_keyframe else PictureType.NONE
        packets = codec.encode(frame)
        data = b"".join(bytes(packet) for packet in packets)
        sent = self.sent
        sent.frames += 1
        sent.key_frames += any(packet.is_keyframe for packet in packets)
        sent.bytes += len(data)
        sent.width, sent.height = frame.width, frame.height
        self._done(pts)
        return self._payloads(data), pts

    def pack(self, packet: Packet[Any]) -> tuple[list[bytes], int]:
        """For tracks that are encoded already, of which there are none here."""
        raise NotImplementedError("frames are expected, and no packets")

    def _payloads(self, data: bytes) -> list[bytes]:
        if self._name == "H264":
            return H264Encoder._packetize(H264Encoder._split_bitstream(data))
        self._picture_id = (self._picture_id + 1) % (1 << 15)
        return Vp8Encoder._packetize(data, self._picture_id)

    def _opened(self, frame: VideoFrame) -> VideoCodecContext:
        tags = tuple(getattr(frame, name) for name in _TAGS) if self._facts.tags else ()
        about = (frame.width, frame.height, *tags)
        bps, codec = self._wanted_bps(frame), self._codec
        if codec is not None and about == self._about:
            now = time.monotonic()
            if not 0.8 < bps / (codec.bit_rate or 1) < 1.25 and now - self._rated_s > 2:
                self._rated_s = now
                # x264 takes another rate with the next frame, but only below the largest rate (`maxrate`) that it was
                # opened with, which PyAV 18.1 can't change; libvpx takes none.
                if not self._facts.rates or bps > (codec.max_bit_rate or 0):
                    return self._open(frame, about, tags, bps)
                codec.bit_rate = bps
            return codec
        return self._open(frame, about, tags, bps)

    def _wanted_bps(self, frame: VideoFrame) -> int:
        pixels = frame.width * frame.height * 30
        asked = self._asked_bps or round(pixels * _BITS_A_PIXEL)
        bps = max(_LEAST_BPS, min(asked, round(pixels * _MOST_BITS_A_PIXEL), _MOST_BPS))
        return bps // 1000 * 1000  # x264 counts in thousands

    def _open(self, frame: VideoFrame, about: tuple[Any, ...], tags: Sequence[int], bps: int) -> VideoCodecContext:
        facts = self._facts
        made = av.CodecContext.create(facts.encoder, "w")
        assert isinstance(made, VideoCodecContext)
        made.width, made.height, made.bit_rate = frame.width, frame.height, bps
        full = facts.tags and frame.color_range == _FULL
        made.pix_fmt = "yuvj420p" if full else "yuv420p"  # else PyAV would convert full range to studio range
        made.framerate, made.time_base = Fraction(30), Fraction(1, 30)
        made.thread_count = _THREADS
        made.options = {**facts.options, "g": _FOREVER, "maxrate": str(bps), "bufsize": str(bps)}
        if not facts.rates:
            made.options["minrate"] = str(bps)
        for name, value in zip(_TAGS, tags, strict=False):
            setattr(made, name, value)
        self.sent.reopened += self._codec is not None
        self._codec, self._about = made, about
        return made
