"""A sample clip from real photographs, with smooth sub-pixel motion: what `make demo` upscales.

The photographs ship inside the scikit-image package and are in the public domain (CC0): a motorcycle
(Middlebury Stereo Datasets, D. Scharstein) and a rocket on its pad (SpaceX).
"""

from __future__ import annotations

import importlib.util
import math
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

from pocketsr.errors import UserError

__all__ = ["make_clip"]

_WIDTH, _HEIGHT, _FRAME_RATE = 640, 360, 25
_FRAMES_A_SHOT = 4 * _FRAME_RATE
_BT601, _LIMITED = 5, 1  # as FFmpeg numbers colour matrices and ranges

_Window = tuple[float, float, float]
"""Left, top and width, in pixels of the photograph, of what a frame shows; the height follows from 16:9."""

# The camera moves from the first window to the second. None is narrower than the clip: nothing is magnified.
_SHOTS: tuple[tuple[str, _Window, _Window], ...] = (
    ("motorcycle_left.png", (0.0, 40.0, 741.0), (84.0, 100.0, 645.0)),
    ("rocket.jpg", (0.0, 66.0, 640.0), (0.0, 1.0, 640.0)),
)


def make_clip(path: Path) -> None:
    """Write the clip, 640x360 at 25 frames per second, 8 s, H.264, to `path`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_FRAME_RATE)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        stream.options = {"crf": "16", "preset": "medium"}
        # Said, not left to the player: it would guess another matrix for the larger picture
        stream.codec_context.colorspace, stream.codec_context.color_range = _BT601, _LIMITED
        for shot, (name, start, end) in enumerate(_SHOTS):
            photo = Image.open(_photographs() / name, formats=("JPEG", "PNG", "WEBP")).convert("RGB")
            for index in range(_FRAMES_A_SHOT):
                image = _look(photo, start, end, index / (_FRAMES_A_SHOT - 1))
                frame = av.VideoFrame.from_image(image).reformat(  # type: ignore[no-untyped-call]
                    format="yuv420p", dst_colorspace=_BT601, dst_color_range=_LIMITED
                )
                frame.pts = shot * _FRAMES_A_SHOT + index
                frame.time_base = Fraction(1, _FRAME_RATE)
                container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _look(photo: Image.Image, start: _Window, end: _Window, time: float) -> Image.Image:
    ease = 0.5 - 0.5 * math.cos(math.pi * time)
    left, top, width = (a + (b - a) * ease for a, b in zip(start, end, strict=True))
    box = (left, top, left + width, top + width * _HEIGHT / _WIDTH)
    return photo.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS, box=box)


def _photographs() -> Path:
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise UserError("the sample's photographs are in scikit-image: pip install --no-deps scikit-image")
    return Path(package.origin).parent / "data"
