"""Frames of videos as luma planes, and videos made by panning over photographs."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from tqdm import tqdm

from pocketsr.data.files import find_files
from pocketsr.data.pairs import Pair, Plane, pair_from
from pocketsr.errors import UserError
from pocketsr.pixels import rgb_to_luma

__all__ = ["Clip", "find_clips", "frame_name", "load_clips", "luma_plane", "pan", "read_clip", "read_clips"]

_SUFFIXES = (".avi", ".mkv", ".mov", ".mp4", ".webm", ".y4m")
_JPEG = 2  # AVColorRange: 0..255
_FASTEST = 4.0  # LR pixels a frame: a head that turns, a camera that is moved


@dataclass(frozen=True)
class Clip:
    """Frames in order, all of one size (H, W): BT.601 or BT.709 luma in studio range, as it was coded."""

    name: str
    frames: Sequence[Plane]
    fps: float = 30.0


def load_clips(
    folder: Path, *, exclude: Collection[str] = (), most_frames: int = 300, take_every: int = 10
) -> list[Pair]:  # fmt: skip
    """Every `take_every`-th frame of all videos under `folder` as pairs; errors and the rest as in `read_clips`."""
    clips = read_clips(folder, exclude=exclude, most_frames=most_frames)
    return [
        pair_from(frame_name(clip.name, number), clip.frames[number])
        for clip in clips
        for number in range(0, len(clip.frames), take_every)
    ]


def read_clips(
    folders: Path | Sequence[Path], *, exclude: Collection[str] = (), most_frames: int = 300
) -> list[Clip]:  # fmt: skip
    """The first `most_frames` frames of all videos under a folder, or several, sorted by path.

    Full range becomes studio range, which is what the networks are trained on.
    exclude: shell patterns of paths or names to leave out, such as clips that are for testing only.
    Raises UserError for a folder without videos, and for videos that can't be read, lack 8-bit luma, or change size.
    """
    bar = tqdm(find_files(folders, _SUFFIXES, "videos", exclude), desc="clips", unit="", disable=None)
    return [replace(read_clip(path, most_frames), name=name) for name, path in bar]


def find_clips(folder: Path, *, exclude: Collection[str] = ()) -> list[Path]:
    """The videos under `folder`, sorted by path; `exclude` and errors as in `read_clips`."""
    return [path for _, path in find_files(folder, _SUFFIXES, "videos", exclude)]


def frame_name(clip: str, number: int) -> str:
    """The name of a pair that is a frame of a clip: `split` keeps all of them on one side."""
    return f"{clip}#{number:05d}"


def read_clip(path: Path, most_frames: int = 300) -> Clip:
    """The first `most_frames` frames of one video, under its file's name; errors and the rest as in `read_clips`."""
    try:
        with av.open(f"file:{path}") as container:
            if not container.streams.video:
                raise UserError(f"{path} holds no video: remove it, or exclude it")
            frames = [_studio(path, f) for f in itertools.islice(container.decode(video=0), most_frames)]
            fps = float(container.streams.video[0].average_rate or Clip.fps)
    except (av.FFmpegError, OSError) as error:
        raise UserError(f"{path} can't be read as a video ({error.strerror}): replace it, or exclude it") from error
    if not frames:
        raise UserError(f"{path} holds no frames: replace it, or exclude it")
    if any(frame.shape != frames[0].shape for frame in frames):
        raise UserError(f"{path} changes its size on the way: cut it there, or exclude it")
    return Clip(path.name, frames, fps)


def _studio(path: Path, frame: VideoFrame) -> Plane:
    kind = frame.format
    if kind.is_rgb or kind.has_palette or kind.components[0].bits != 8:
        raise UserError(f"{path} is {kind.name}: convert it to yuv420p, or exclude it")
    luma = luma_plane(frame)
    if kind.name.startswith("yuvj") or frame.color_range == _JPEG:
        return np.rint(rgb_to_luma(luma)).astype(np.uint8)
    return luma.copy()


def luma_plane(frame: VideoFrame) -> Plane:
    """The frame's first plane (H, W) as it is stored, a view."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def pan(photo: Plane, size: tuple[int, int], frames: int, rng: np.random.Generator) -> list[Plane]:
    """`frames` windows of `size` (height, width) that wander over `photo`, turning back at its edges; views of it.

    Speed and direction are drawn: up to 4 LR pixels a frame in each direction, in whole HR pixels at every frame, so
    that LR frames move by half pixels too.
    Raises UserError for a photograph that is smaller than the window.
    """
    room = np.array(photo.shape) - size
    if room.min() < 0:
        have, need = (f"{width}x{height}" for height, width in (photo.shape, size))
        raise UserError(f"a photograph of {have} can't hold a window of {need}: take larger ones, or a smaller window")
    start, step = rng.uniform(0, np.maximum(room, 1)), rng.uniform(-2 * _FASTEST, 2 * _FASTEST, 2)
    path = start + step * np.arange(frames)[:, None]
    within = np.rint(room - np.abs(np.mod(path, np.maximum(2 * room, 1)) - room)).astype(int)  # a triangle wave
    return [photo[y : y + size[0], x : x + size[1]] for y, x in np.clip(within, 0, room).tolist()]
