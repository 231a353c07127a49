"""Video in, video out: reader, upscaler and writer, overlapping; nothing of the input is lost on the way."""

from __future__ import annotations

from pocketsr.video.addresses import Address, address_of
from pocketsr.video.changing import Part
from pocketsr.video.deinterlacing import Deinterlace
from pocketsr.video.file_sink import VideoFileSink
from pocketsr.video.file_source import VideoFileSource
from pocketsr.video.pipeline import upscale_video
from pocketsr.video.types import Progress, RawVideo, Say, Siting, Upscaler, VideoOptions

__all__ = [
    "Address",
    "Deinterlace",
    "Part",
    "Progress",
    "RawVideo",
    "Say",
    "Siting",
    "Upscaler",
    "VideoFileSink",
    "VideoFileSource",
    "VideoOptions",
    "address_of",
    "upscale_video",
]
