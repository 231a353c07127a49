"""Small pictures and clips to run the command line on."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def smooth(height: int, width: int, shift: int = 0) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([(x * 5 + shift) % 256, (y * 7) % 256, (x + y) * 3 % 256], axis=-1).astype(np.uint8)


def make_clip(path: Path, *, frames: int, width: int, height: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(smooth(height, width, index), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def command_line(*args: object) -> list[str]:
    """The command that runs `pocketsr ARGS` in a process of its own, installed or not."""
    return [sys.executable, "-m", "pocketsr", *map(str, args)]
