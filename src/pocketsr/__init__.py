"""pocketsr: real-time super-resolution for phones, laptops and browsers.

```python
sr = pocketsr.load("small")  # a compiled network
big = sr(y)  # (H, W) uint8 or uint16 luma -> (2H, 2W)
pocketsr.upscale_image(rgb)  # (H, W, 3) uint8 -> (2H, 2W, 3)
pocketsr.burst([one, two, three])  # several frames of one scene -> one sharper picture
pocketsr.upscale_video("clip.mp4", "clip_2x.mp4")
with pocketsr.Stream("small") as stream:  # frames of a camera or a call, one by one
    big = stream(frame)
with pocketsr.GovernedStream() as stream:  # the best network that there is time for
    made = stream(frame)
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pocketsr.errors import ArgumentError, ArgumentTypeError, FallbackWarning, PocketsrWarning, UserError

if TYPE_CHECKING:
    from pocketsr.api import upscale_video
    from pocketsr.bursts import burst
    from pocketsr.engine import ModelInfo, Network, Upscaler
    from pocketsr.frames import Colour, Frame, FrameFormat, FrameSink, FrameSource
    from pocketsr.image import upscale_image
    from pocketsr.live import GovernedStream, Level, Made, Power, Pressure, Reason, Statistics, Stream
    from pocketsr.loading import load
    from pocketsr.nets import register_network
    from pocketsr.report import Report
    from pocketsr.sizing import Size
    from pocketsr.video import VideoFileSink, VideoFileSource

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "Colour",
    "FallbackWarning",
    "Frame",
    "FrameFormat",
    "FrameSink",
    "FrameSource",
    "GovernedStream",
    "Level",
    "Made",
    "ModelInfo",
    "Network",
    "PocketsrWarning",
    "Power",
    "Pressure",
    "Reason",
    "Report",
    "Size",
    "Statistics",
    "Stream",
    "Upscaler",
    "UserError",
    "VideoFileSink",
    "VideoFileSource",
    "burst",
    "load",
    "register_network",
    "upscale_image",
    "upscale_video",
]
__version__ = "0.1.0"

_ROOMS = {
    "Colour": "frames",
    "Frame": "frames",
    "FrameFormat": "frames",
    "FrameSink": "frames",
    "FrameSource": "frames",
    "GovernedStream": "live",
    "Level": "live",
    "Made": "live",
    "ModelInfo": "engine",
    "Network": "engine",
    "Power": "live",
    "Pressure": "live",
    "Reason": "live",
    "Report": "report",
    "Size": "sizing",
    "Statistics": "live",
    "Stream": "live",
    "Upscaler": "engine",
    "VideoFileSink": "video",
    "VideoFileSource": "video",
    "burst": "bursts",
    "load": "loading",
    "register_network": "nets",
    "upscale_image": "image",
    "upscale_video": "api",
}
"""Modules of names that load NumPy, FFmpeg or PyTorch: imported on first use, so that `--help` stays instant."""


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module 'pocketsr' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"pocketsr.{_ROOMS[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
