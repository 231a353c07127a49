"""What video calls do to pictures: encoders in real time at low bit rates."""

from __future__ import annotations

from collections.abc import Sequence

import av
import numpy as np

from pocketsr.codec.encoding import CODECS, Codec, CodecSetting, as_frames, decode, encode
from pocketsr.data.clips import luma_plane
from pocketsr.data.pairs import Plane
from pocketsr.errors import UserError

__all__ = ["CODECS", "Codec", "CodecSetting", "degrade_clip", "ladder", "scaled_kbps", "send_clip"]

_RUNGS_KBPS = (150, 300, 600, 1200)  # at 640x360


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
    size = f"{width}x{height} at {setting.bit_rate_kbps} kbit/s"
    try:
        packets = encode(as_frames([_with_chroma(frame) for frame in frames], setting.fps), setting)
        decoded = [luma_plane(frame).copy() for frame in decode(packets, setting.codec)]
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        raise UserError(f"{setting.codec} can't be used for {size} ({error}): leave this codec out") from error
    if len(decoded) != len(frames):
        count = f"{len(decoded)} of {len(frames)} frames"
        raise UserError(f"{setting.codec} gave {count} back for {size}: use another rate")
    sent_kbps = sum(packet.size for packet in packets) * 8 / 1000 * setting.fps / len(frames)
    return [np.ascontiguousarray(frame[:height, :width]) for frame in decoded], sent_kbps


def _with_chroma(luma: Plane) -> Plane:
    """I420 of even sides, its chroma grey."""
    padded = np.pad(luma, [(0, side % 2) for side in luma.shape], mode="edge")
    return np.concatenate([padded, np.full((padded.shape[0] // 2, padded.shape[1]), 128, np.uint8)])
