"""Encoders as calls set them: one frame in, one packet out, no frame from the future, a constant bit rate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import av
import numpy as np
from av.codec import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pocketsr.scheduling import keep_scheduling

__all__ = ["CODECS", "Codec", "CodecSetting", "VideoPacket", "as_frames", "decode", "described", "encode"]

Codec = Literal["h264", "h265", "vp9", "av1"]
CODECS: tuple[Codec, ...] = get_args(Codec)
if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet  # which is generic in PyAV's stubs alone (18.1)

_STUDIO = 1  # AVColorRange: 16..235


@dataclass(frozen=True)
class CodecSetting:
    """How a clip is encoded; together with the frames it decides every bit of the result.

    keyframe_interval: most frames between two key frames.
    """

    codec: Codec
    bit_rate_kbps: int
    fps: float
    keyframe_interval: int


def _h264(kbps: int) -> dict[str, str]:
    rate = str(1000 * kbps)
    return {"preset": "veryfast", "tune": "zerolatency", "bf": "0", "maxrate": rate, "bufsize": rate}


def _h265(kbps: int) -> dict[str, str]:
    parameters = f"bframes=0:pools=none:frame-threads=1:log-level=none:vbv-maxrate={kbps}:vbv-bufsize={kbps}"
    return {"preset": "veryfast", "tune": "zerolatency", "x265-params": parameters}


def _vp9(kbps: int) -> dict[str, str]:
    rate = str(1000 * kbps)
    real_time = {"deadline": "realtime", "cpu-used": "7", "lag-in-frames": "0"}
    return real_time | {"minrate": rate, "maxrate": rate, "bufsize": rate}  # equal rates: CBR


def _av1(_: int) -> dict[str, str]:
    return {"preset": "10", "svtav1-params": "rtc=1:pred-struct=1:rc=2:lp=1"}  # low delay, CBR, one thread


_ENCODERS: dict[Codec, tuple[str, Callable[[int], dict[str, str]]]] = {
    "h264": ("libx264", _h264),
    "h265": ("libx265", _h265),
    "vp9": ("libvpx-vp9", _vp9),
    "av1": ("libsvtav1", _av1),
}
_DECODERS: dict[Codec, str] = {"h264": "h264", "h265": "hevc", "vp9": "vp9", "av1": "libdav1d"}


def described(setting: CodecSetting) -> dict[str, Any]:
    """All that the encoder and the decoder are told, and whose they are, fit for JSON."""
    name, options = _ENCODERS[setting.codec]
    return {
        "encoder": name,
        "decoder": _DECODERS[setting.codec],
        "bit_rate_kbps": setting.bit_rate_kbps,
        "keyframe_interval": setting.keyframe_interval,
        "threads": 1,
        "pix_fmt": "yuv420p",
        "options": options(setting.bit_rate_kbps),
        "ffmpeg": av.ffmpeg_version_info,
    }


def as_frames(pictures: Sequence[NDArray[np.uint8]], fps: float) -> list[VideoFrame]:
    """I420 pictures (3 H / 2, W), studio range, even sides, as frames one after the other."""
    rate = _rate(fps)
    frames = []
    for number, picture in enumerate(pictures):
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base, frame.color_range = number, 1 / rate, _STUDIO
        frames.append(frame)
    return frames


def encode(frames: Sequence[VideoFrame], setting: CodecSetting) -> list[VideoPacket]:
    """One packet a frame, one thread, repeatable. Raises what PyAV raises where this build of FFmpeg can't."""
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 tells the story of its life otherwise
    name, options = _ENCODERS[setting.codec]
    fps = _rate(setting.fps)
    encoder = cast(VideoCodecContext, CodecContext.create(name, "w"))
    encoder.height, encoder.width = frames[0].height, frames[0].width
    encoder.pix_fmt, encoder.color_range = "yuv420p", _STUDIO
    encoder.time_base, encoder.framerate = 1 / fps, fps
    encoder.bit_rate, encoder.gop_size = 1000 * setting.bit_rate_kbps, setting.keyframe_interval
    encoder.thread_count = 1
    encoder.options = options(setting.bit_rate_kbps)
    with keep_scheduling():
        encoder.open()
    packets = [packet for frame in frames for packet in encoder.encode(frame)]
    return packets + encoder.encode(None)


def decode(packets: Sequence[VideoPacket], codec: Codec) -> Iterator[VideoFrame]:
    """The frames of `packets`, in one thread. Raises what PyAV raises."""
    decoder = cast(VideoCodecContext, CodecContext.create(_DECODERS[codec], "r"))
    decoder.thread_count = 1
    for packet in (*packets, None):
        yield from decoder.decode(packet)


def _rate(fps: float) -> Fraction:
    return Fraction(fps).limit_denominator(1001)
