"""What the video room takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pocketsr.arguments import check_number, check_text, check_threads
from pocketsr.engine import Plane, Siting, Upscaler

__all__ = ["Plane", "Progress", "Say", "Siting", "Upscaler", "VideoOptions"]

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
    Raises ArgumentTypeError and ArgumentError for what can be none of these, whatever the encoder.
    """

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("codec", "preset"):
            if (value := getattr(self, name)) is not None:
                check_text(value, name)
        if self.crf is not None:
            check_number(self.crf, "crf")
        check_threads(self.threads)
