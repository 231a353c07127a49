"""What was done to a video or an image, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Percentiles", "Report"]


@dataclass(frozen=True)
class Percentiles:
    """Milliseconds a frame: the median and the 99th percentile."""

    p50: float
    p99: float

    @classmethod
    def of_seconds(cls, seconds: Sequence[float]) -> Percentiles:
        """From durations of single frames in seconds; zeros if there are none."""
        if not len(seconds):
            return cls(0.0, 0.0)
        p50, p99 = np.percentile(np.asarray(seconds), (50, 99)) * 1e3
        return cls(float(p50), float(p99))


@dataclass(frozen=True, repr=False)
class Report:
    """What was done. An image counts as one frame; what doesn't apply is None.

    A stage's times exclude waiting for other stages. Encoders work on several frames at once in the background: a
    frame's time is that of handing it over, and `encode_busy_s` includes flushing the encoder at the end.

    frames: how many were upscaled.
    seconds: wall time, from opening the input to the finished output.
    size: (width, height) of the output in pixels; if it changed, that of the last frame.
    decode_ms, upscale_ms, encode_ms: milliseconds a frame: median (`.p50`) and 99th percentile (`.p99`). With a
        source or sink of your own, the time that it took.
    decode_busy_s, upscale_busy_s, encode_busy_s: total seconds of the stage.
    encoder: description of a video file's encoder ("libx264 crf 18, preset fast, yuv420p"); else None.
    replaced: number of frames of a video file that could not be decoded and repeat a neighbour; else None.
    warnings: one line for each thing that could not be kept.
    computed_share: of a video's samples, the share that was computed, since the rest was as in the frame before.
    steps: how the size was reached, where it was not by one pass of the network: "2x by small, then ..."; else None.
    """

    frames: int
    seconds: float
    size: tuple[int, int]
    decode_ms: Percentiles
    upscale_ms: Percentiles
    encode_ms: Percentiles
    decode_busy_s: float
    upscale_busy_s: float
    encode_busy_s: float
    encoder: str | None = None
    replaced: int | None = None
    warnings: list[str] = field(default_factory=list)
    steps: str | None = None
    computed_share: float | None = None

    @property
    def fps(self) -> float:
        """Frames per second of wall time."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def __repr__(self) -> str:
        width, height = self.size
        frames = f"{self.frames} frame{'s' * (self.frames != 1)}"
        count = len(self.warnings)
        said = f", {count} warning{'s' * (count != 1)}" if count else ""
        coded = f", {self.encoder}" if self.encoder else ""
        return f"<Report {frames} to {width}x{height} in {self.seconds:.2f} s, {self.fps:.1f} fps{coded}{said}>"
