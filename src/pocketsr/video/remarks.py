"""What is said of a video that isn't as its file says, or not as it should be: lines without the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pocketsr.errors import UserError
from pocketsr.video.decoding import announced_end
from pocketsr.video.sections import Tally

__all__ = ["INTERLACED", "missing_line", "refuse_change", "tally_lines"]

INTERLACED = "is interlaced, and its frames are upscaled as they are: --deinterlace makes whole pictures of its fields"
_SLACK_S = 0.25  # a stream that ends this much early may only lack its last frame's duration


def tally_lines(tally: Tally) -> Iterator[str]:
    """What became of the frames."""
    if tally.replaced:
        count = f"{tally.replaced} frame{'s' * (tally.replaced > 1)}"
        yield f"{count} could not be decoded: repeated a neighbouring frame"
    if tally.late:
        yield f"{tally.late} timestamps were not increasing and were moved by the least amount"
    if tally.leading:
        yield (
            f"{tally.leading} picture{'s' * (tally.leading > 1)} at the beginning need what came before it: "
            "left out, as players do"
        )


def missing_line(container: InputContainer, stream: VideoStream, packets: int, reached: Fraction) -> str | None:
    """Where the file ends before its head says. packets: that there are. reached: seconds until the end of the last."""
    announced, end = stream.frames, announced_end(container, stream)
    if packets < announced:
        there = f"{packets} of {announced} frames are"
    elif end is not None and reached < end - _SLACK_S:
        there = f"{float(reached):.1f} of {float(end):.1f} seconds are"
    else:
        return None
    return f"truncated: {there} there, and were upscaled"


def refuse_change(path: Path, before: VideoFrame, now: VideoFrame, shown: int) -> None:
    """Raise UserError where a frame has another size or format than the one before. shown: frames until then."""
    if (now.width, now.height, now.format.name) != (before.width, before.height, before.format.name):
        size, name = f"{before.width}x{before.height}", before.format.name
        other = f"{now.width}x{now.height} {now.format.name}"
        raise UserError(
            f"{path}: frames change from {size} {name} to {other} at frame {shown + 1}: "
            f"cut it there, or make it uniform with ffmpeg -i {path.name} "
            f"-vf scale={before.width}:{before.height} -pix_fmt {name} OUT.mkv"
        )
