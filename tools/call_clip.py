"""A clip of photographs whose every frame carries its number, drawn in blocks that survive a codec and a resize."""

from __future__ import annotations

import importlib.util
import math
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pocketsr.frames import Colour, Frame

__all__ = ["ROWS", "Clip", "psnr", "read_number"]

_PHOTOGRAPHS = (
    "motorcycle_left.png",
    "rocket.jpg",
    "coffee.png",
    "astronaut.png",
    "retina.jpg",
    "hubble_deep_field.jpg",
)
_TILE = (480, 360)
_COLUMNS, _LINES = 4, 3  # of tiles
_WIDTH, _HEIGHT = 1280, 720  # of the original
_PERIOD = 240  # frames until the camera is back
_BITS, _CHECK = 16, 4
_BLOCKS = _BITS + _CHECK
_DARK, _LIGHT = 40, 210
ROWS = 9
"""The number takes the first 1/ROWS of the height."""

Luma = NDArray[np.uint8]


class Clip:
    """The frames of any size, made of one original of 1280x720 in BT.601; each side is even."""

    def __init__(self) -> None:
        folder = importlib.util.find_spec("skimage")
        if folder is None or folder.origin is None:
            raise ModuleNotFoundError("the clip's photographs come with scikit-image: pip install scikit-image")
        canvas = Image.new("RGB", (_COLUMNS * _TILE[0], _LINES * _TILE[1]))
        for place in range(_COLUMNS * _LINES):
            name = _PHOTOGRAPHS[place % len(_PHOTOGRAPHS)]
            photo = Image.open(Path(folder.origin).parent / "data" / name, formats=("JPEG", "PNG")).convert("RGB")
            photo = photo.crop((0, 0, *_TILE)) if min(photo.size) < 800 else photo.crop((300, 300, 780, 660))
            canvas.paste(photo, (place % _COLUMNS * _TILE[0], place // _COLUMNS * _TILE[1]))
        made = av.VideoFrame.from_image(canvas).reformat(format="yuv420p", dst_colorspace=5, dst_color_range=1)  # type: ignore[no-untyped-call]
        self._planes = [plane.copy() for plane in Frame.from_av(made).components]

    def frame(self, number: int, width: int, height: int) -> Frame:
        """The frame of that number, with its number in it."""
        planes = [plane.copy() for plane in self._looks(number % _PERIOD, width, height)]
        _draw(planes[0], number)
        for plane in planes[1:]:
            plane[: plane.shape[0] // ROWS + 1] = 128
        return Frame.from_planes("i420", planes, colour=Colour(matrix=5, full_range=False))

    def luma(self, number: int, width: int, height: int) -> Luma:
        """Luma of the frame, without its number: to compare what is below the number's rows."""
        return self._looks(number % _PERIOD, width, height)[0]

    @lru_cache(700)  # noqa: B019  a clip lives as long as its script
    def _looks(self, phase: int, width: int, height: int) -> list[Luma]:
        angle = 2 * math.pi * phase / _PERIOD
        room = (_COLUMNS * _TILE[0] - _WIDTH, _LINES * _TILE[1] - _HEIGHT)
        left = round(room[0] * (0.5 - 0.5 * math.cos(angle)) / 2) * 2
        top = round(room[1] * (0.5 + 0.5 * math.sin(2 * angle)) / 2) * 2
        made = []
        for index, plane in enumerate(self._planes):
            half = 1 if index == 0 else 2
            seen = Image.fromarray(plane[top // half :, left // half :][: _HEIGHT // half, : _WIDTH // half])
            size = (width // half, height // half)
            made.append(np.asarray(seen if seen.size == size else seen.resize(size, Image.Resampling.BICUBIC)))
        return made


def _code(number: int) -> list[int]:
    """16 bits of the number, the highest first, and 4 that check them."""
    number %= 1 << _BITS
    check = (number * 11 + (number >> 5) * 7 + (number >> 11) * 3 + 5) % (1 << _CHECK)
    whole = number << _CHECK | check
    return [whole >> bit & 1 for bit in reversed(range(_BLOCKS))]


def _draw(luma: Luma, number: int) -> None:
    height, width = luma.shape
    edges = [round(width * at / _BLOCKS) for at in range(_BLOCKS + 1)]
    for bit, left, right in zip(_code(number), edges, edges[1:], strict=False):
        luma[: height // ROWS, left:right] = _LIGHT if bit else _DARK


def read_number(luma: Luma) -> int | None:
    """The number that a frame of any size carries; None where its check fails."""
    height, width = luma.shape
    bits = 0
    for at in range(_BLOCKS):
        left, right = (round(width * (at + part) / _BLOCKS) for part in (0.3, 0.7))
        block = luma[height // ROWS // 4 : max(height // ROWS * 3 // 4, 1), left:right]
        bits = bits << 1 | int(block.mean() > (_DARK + _LIGHT) / 2)
    number = bits >> _CHECK
    return number if _code(number) == [bits >> bit & 1 for bit in reversed(range(_BLOCKS))] else None


def psnr(original: Luma, made: Luma) -> float:
    """PSNR in dB of luma, below the rows of the number, with 8 pixels shaved."""
    top = original.shape[0] // ROWS + 16
    a, b = (each[top:-8, 8:-8].astype(np.float64) for each in (original, made))
    return float(10 * np.log10(255**2 / max(float(np.mean((a - b) ** 2)), 1e-9)))
