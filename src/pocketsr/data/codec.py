"""What video calls do to pictures: encoders in real time at low bit rates."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast, get_args

import av
import numpy as np
from av.codec import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pocketsr.data.clips import luma_plane
from pocketsr.data.pairs import Plane
from pocketsr.errors import UserError
from pocketsr.scheduling import keep_scheduling

__all__ = ["CODECS", "Codec", "CodecSetting", "degrade_clip", "ladder", "scaled_kbps", "send_clip"]

Codec = Literal["h264", "h265", "vp9", "av1"]
CODECS: tuple[Codec, ...] = get_args(Codec)

_RUNGS_KBPS = (150, 300, 600, 1200)  # at 640x360
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


def ladder(width: int, height: int) -> tuple[int, ...]:
    """Bit rates in kbit/s that calls use, from poor to good: 150, 300, 600, 1200 at 640x360, else by pixel count.

    The same for all codecs, so that what differs between them at one rate is their quality.
    """
    return tuple(scaled_kbps(rate, width, height) for rate in _RUNGS_KBPS)


def scaled_kbps(rate_kbps: int, width: int, height: int) -> int:
    """What a bit rate for 640x360 is for LR frames of width x height: as much a pixel, at least 1 kbit/s."""
    return max(1, round(rate_kbps * width * height / (640 * 360)))


def degrade_clip(frames: Sequence[Plane], setting: CodecSetting) -> list[Plane]:
    """What comes back from `send_clip`, without what it took."""
    return send_clip(frames, setting)[0]


def send_clip(frames: Sequence[Plane], setting: CodecSetting) -> tuple[list[Plane], float]:
    """Encode and decode studio luma (H, W) with grey chroma: as many frames, in their order, of their size.

    The second value is the bit rate that the encoder made of it, in kbit/s.
    Odd sides are padded to even by repeating the edge, and cropped again. Each frame is coded from the ones before
    alone, with a buffer of one second at the bit rate, as calls do. One thread each, so that it is repeatable.
    Raises UserError where this build of FFmpeg lacks the encoder or refuses the setting.
    """
    height, width = frames[0].shape
    padded = [np.pad(frame, ((0, height % 2), (0, width % 2)), mode="edge") for frame in frames]
    size = f"{width}x{height} at {setting.bit_rate_kbps} kbit/s"
    try:
        packets = _encode(padded, setting)
        decoded = _decode(packets, setting.codec)
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        raise UserError(f"{setting.codec} can't be used for {size} ({error}): leave this codec out") from error
    if len(decoded) != len(frames):
        count = f"{len(decoded)} of {len(frames)} frames"
        raise UserError(f"{setting.codec} gave {count} back for {size}: use another rate")
    sent_kbps = sum(packet.size for packet in packets) * 8 / 1000 * setting.fps / len(frames)
    return [np.ascontiguousarray(frame[:height, :width]) for frame in decoded], sent_kbps


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


def _encode(frames: Sequence[Plane], setting: CodecSetting) -> list[Packet[VideoStream]]:
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 tells the story of its life otherwise
    name, options = _ENCODERS[setting.codec]
    fps = Fraction(setting.fps).limit_denominator(1001)
    encoder = cast(VideoCodecContext, CodecContext.create(name, "w"))
    encoder.height, encoder.width = frames[0].shape
    encoder.pix_fmt, encoder.color_range = "yuv420p", _STUDIO
    encoder.time_base, encoder.framerate = 1 / fps, fps
    encoder.bit_rate, encoder.gop_size = 1000 * setting.bit_rate_kbps, setting.keyframe_interval
    encoder.thread_count = 1
    encoder.options = options(setting.bit_rate_kbps)
    with keep_scheduling():
        encoder.open()
    packets = []
    for number, luma in enumerate(frames):
        chroma = np.full((luma.shape[0] // 2, luma.shape[1]), 128, np.uint8)
        frame = VideoFrame.from_ndarray(np.concatenate([luma, chroma]), format="yuv420p")
        frame.pts, frame.time_base, frame.color_range = number, 1 / fps, _STUDIO
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


def _decode(packets: Sequence[Packet[VideoStream]], codec: Codec) -> list[Plane]:
    decoder = cast(VideoCodecContext, CodecContext.create(_DECODERS[codec], "r"))
    decoder.thread_count = 1
    return [luma_plane(frame).copy() for packet in (*packets, None) for frame in decoder.decode(packet)]
