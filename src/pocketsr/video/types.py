"""What the video room takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from pocketsr.arguments import check_number, check_text, check_threads, check_whole
from pocketsr.engine import Plane, Siting, Upscaler
from pocketsr.errors import ArgumentError
from pocketsr.frames import layout_of

__all__ = ["Plane", "Progress", "RawVideo", "Say", "Siting", "Upscaler", "VideoOptions"]

Progress = Callable[[int, int | None], None]
"""Called on the caller's thread after each frame with (frames done, frames in all or None if unknown)."""


Say = Callable[[str], None]
"""Called on the caller's thread, before the work, with each line that tells what of the input can't be kept."""


@dataclass(frozen=True)
class RawVideo:
    """What raw frames, which say nothing of themselves, are.

    pix_fmt: FFmpeg's name. width, height: in pixels, 1 to 16,384. rate: frames per second, up to 1000.
    Raises UserError for what isn't taken.
    """

    pix_fmt: str
    width: int
    height: int
    rate: Fraction = Fraction(25)

    def __post_init__(self) -> None:
        layout_of(self.pix_fmt)
        for side, what in ((self.width, "width"), (self.height, "height")):
            check_whole(side, what, 1, 16_384)
        if not 0 < self.rate <= 1000:
            raise ArgumentError(f"{float(self.rate):g} frames a second: more than 0 to 1000 are expected")

    @property
    def options(self) -> dict[str, str]:
        """For FFmpeg's demuxer."""
        size = f"{self.width}x{self.height}"
        return {"pixel_format": self.pix_fmt, "video_size": size, "framerate": str(self.rate)}


@dataclass(frozen=True)
class VideoOptions:
    """How to encode; None leaves the choice to us.

    codec: h264, h265, av1, vp9, ffv1 or the name of any encoder of FFmpeg; default: the input's own family.
    crf: constant quality, lower is better; the range is the encoder's.
    preset: the encoder's own name for speed against size (x264: ultrafast .. veryslow; av1: 0..13).
    threads: for decoding and for encoding each; default: all cores.
    cores: how many cores an encoder's threads are for, where `threads` doesn't say: some encoders' results depend on
        their number; default: this machine's.
    Raises ArgumentTypeError and ArgumentError for what can be none of these, whatever the encoder.
    """

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    threads: int | None = None
    cores: int | None = None

    def __post_init__(self) -> None:
        for name in ("codec", "preset"):
            if (value := getattr(self, name)) is not None:
                check_text(value, name)
        if self.crf is not None:
            check_number(self.crf, "crf")
        check_threads(self.threads)
