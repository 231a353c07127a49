"""Video in, video out: reader, upscaler and writer, overlapping; nothing of the input is lost on the way."""

from __future__ import annotations

from pocketsr.video.pipeline import upscale_video
from pocketsr.video.types import Percentiles, Progress, Say, Siting, Upscaler, VideoOptions, VideoReport

__all__ = ["Percentiles", "Progress", "Say", "Siting", "Upscaler", "VideoOptions", "VideoReport", "upscale_video"]
