"""Long videos in segments that are made one by one, kept, and joined: interrupted work goes on, machines share it."""

from __future__ import annotations

from pocketsr.video.segments.folder import is_segment_folder
from pocketsr.video.segments.job import build
from pocketsr.video.segments.plan import LEAST, LONG, Plan, plan_segments
from pocketsr.video.segments.resumable import Listeners, Made, Maker, Task, make_segments, upscale_in_segments

__all__ = [
    "LEAST",
    "LONG",
    "Listeners",
    "Made",
    "Maker",
    "Plan",
    "Task",
    "build",
    "is_segment_folder",
    "make_segments",
    "plan_segments",
    "upscale_in_segments",
]
