"""What the video room takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pocketsr.engine import Plane, Siting, Upscaler

__all__ = ["Percentiles", "Plane", "Progress", "Say", "Siting", "Upscaler", "VideoOptions", "VideoReport"]

Progress = Callable[[int, int | None], None]
"""Called on the caller's thread after each frame with (frames done, frames in all or None if unknown)."""


Say = Callable[[str], None]
"""Called on the caller's thread, before the work, with each line that tells what of the input can't be kept."""


@dataclass(frozen=True)
class VideoOptions:
    """How to encode; None leaves the choice to us.

    codec: h264, h265, av1, vp9, ffv1 or the name of any encoder of FFmpeg; default: the input's own family.
    crf: constant quality, lower is better; the range is the encoder's.
    preset: the encoder's own name for speed against size (x264: ultrafast .. veryslow; av1: 0..13).
    threads: for decoding and for encoding each; default: all cores.
    """

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    threads: int | None = None


@dataclass(frozen=True)
class Percentiles:
    """Milliseconds a frame: the median and the 99th percentile."""

    p50: float
    p99: float

    @classmethod
    def of_seconds(cls, seconds: Sequence[float]) -> Percentiles:
        """From one duration in seconds a frame; zeros where there is none."""
        if not len(seconds):
            return cls(0.0, 0.0)
        p50, p99 = np.percentile(np.asarray(seconds), (50, 99)) * 1e3
        return cls(float(p50), float(p99))


@dataclass(frozen=True)
class VideoReport:
    """What was done. Stage times are the time spent in a stage for a frame, waiting for others left out.

    Encoders work on several frames at once, behind what they are asked: a frame's time is that of handing it over,
    and `encode_busy_s` counts in what they finish at the end.
    """

    frames: int
    seconds: float  # wall time, from opening the input to the finished output
    fps: float
    decode_ms: Percentiles
    upscale_ms: Percentiles
    encode_ms: Percentiles
    decode_busy_s: float
    upscale_busy_s: float
    encode_busy_s: float
    size: tuple[int, int]  # of the output: width, height
    encoder: str  # what was chosen, in words
    replaced: int = 0  # frames that could not be decoded and repeat a neighbour
    warnings: list[str] = field(default_factory=list)
