"""Clips with their chroma, as calls' encoders take them, and the same smaller."""

from __future__ import annotations

import hashlib
import itertools
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from pocketsr.codec.rule import half_size_psnr
from pocketsr.errors import UserError
from pocketsr.pixels import imresize
from pocketsr.pixels.resize import resized

__all__ = ["SCALES", "Footage", "luma", "read_footage", "sent_size", "shrunk"]

Picture = NDArray[np.uint8]
"""I420: luma, then both chroma planes of half the sides, as (3 H / 2, W); studio range."""

SCALES: dict[str, float] = {"native": 1, "1.5x": 1.5, "2x": 2}

_SMALLEST = 64  # pixels a side: SVT-AV1 refuses half of less
_MULTIPLE = 4  # of the sides: half of them is even
_JPEG = 2  # AVColorRange: 0..255
_SLOWEST, _FASTEST = 1, 240  # frames a second that are believed


@dataclass(frozen=True)
class Footage:
    """The first frames of a clip. sha256: of its file."""

    name: str
    sha256: str
    fps: float
    pictures: tuple[Picture, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        rows, width = self.pictures[0].shape
        return width, rows * 2 // 3

    def about(self) -> dict[str, Any]:
        """What it is, fit for JSON. softness_db: mean `half_size_psnr` of the first, the middle and the last frame."""
        shown = [self.pictures[number] for number in (0, len(self.pictures) // 2, -1)]
        return {
            "sha256": self.sha256,
            "size": "{}x{}".format(*self.size),
            "fps": self.fps,
            "frames": len(self.pictures),
            "softness_db": round(statistics.fmean(half_size_psnr(luma(picture)) for picture in shown), 2),
        }


def read_footage(path: Path, most_frames: int) -> Footage:
    """Cropped to multiples of 4, whatever it is stored as made to 8-bit 4:2:0 of studio range.

    Raises UserError for what is no video, is too small, changes its size, or is shorter than two frames.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with av.open(f"file:{path}") as container:
            if not container.streams.video:
                raise UserError(f"{path} holds no video")
            pictures = [_picture(frame) for frame in itertools.islice(container.decode(video=0), most_frames)]
            fps = float(container.streams.video[0].average_rate or 30)
    except (av.FFmpegError, OSError) as error:
        raise UserError(f"{path} can't be read as a video: {error.strerror}") from error
    if len(pictures) < 2:
        raise UserError(f"{path} holds {len(pictures)} frames: at least two make a video")
    if any(picture.shape != pictures[0].shape for picture in pictures):
        raise UserError(f"{path} changes its size on the way: cut it there")
    footage = Footage(path.stem, digest, min(max(fps, _SLOWEST), _FASTEST), tuple(pictures))
    if min(footage.size) < _SMALLEST:
        width, height = footage.size
        raise UserError(f"{path} is {width}x{height}: too small, {_SMALLEST}x{_SMALLEST} is the least")
    return footage


def _picture(frame: VideoFrame) -> Picture:
    full = frame.color_range == _JPEG or frame.format.name.startswith("yuvj")
    kind = "yuvj420p" if full and not frame.format.is_rgb else "yuv420p"  # the range stays what it was
    stored = frame if frame.format.name == kind else frame.reformat(format=kind)
    planes = []
    for number, plane in enumerate(stored.planes):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        height, width = (side // _MULTIPLE * _MULTIPLE >> bool(number) for side in (stored.height, stored.width))
        values = rows[:height, :width]
        planes.append(_studio(values, chroma=bool(number)) if kind == "yuvj420p" else values)
    return _joined(planes)


def _studio(plane: Picture, *, chroma: bool) -> Picture:
    zero, gain, offset = (128, 224 / 255, 128) if chroma else (0, 219 / 255, 16)
    return np.asarray(np.rint((plane.astype(np.float32) - zero) * gain + offset), np.uint8)


def _joined(planes: list[Picture]) -> Picture:
    width = planes[0].shape[1]
    joined: Picture = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(-1, width)
    return joined


def luma(picture: Picture) -> Picture:
    """(H, W), a view."""
    return picture[: picture.shape[0] * 2 // 3]


def sent_size(width: int, height: int, scale: float) -> tuple[int, int]:
    """Width and height of what is coded: the nearest even sides."""
    return 2 * round(width / scale / 2), 2 * round(height / scale / 2)


def shrunk(picture: Picture, scale: float) -> Picture:
    """What a sender codes: bicubic with antialiasing, luma at 2x by MATLAB's `imresize`, as the protocol has it."""
    if scale == 1:
        return picture
    y = luma(picture)
    height, width = y.shape
    to_width, to_height = sent_size(width, height, scale)
    chroma = picture[height:].reshape(2, height // 2, width // 2)
    small = imresize(y, 1 / scale) if scale == 2 else resized(y, to_width, to_height)
    return _joined([small, *(resized(plane, to_width // 2, to_height // 2) for plane in chroma)])
