"""Which pictures are animated, told by their heads."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from pocketsr.image._formats import kind_of

__all__ = ["ANIMATIONS", "ANIMATION_SUFFIXES", "is_animation"]

ANIMATIONS = {".gif": "gif", ".webp": "webp", ".apng": "apng", ".png": "apng", ".avif": "avif"}
"""The animated formats that are written, by suffix."""
ANIMATION_SUFFIXES: tuple[str, ...] = tuple(ANIMATIONS)
_KINDS = ("GIF", "WEBP", "PNG", "AVIF")


def is_animation(path: Path) -> bool:
    """Whether `path` is a picture of several frames that follow each other in time."""
    kind = kind_of(path)
    if kind is None or kind[0] not in _KINDS:
        return False
    with suppress(Exception), warnings.catch_warnings(), path.open("rb") as file:  # what is broken is no animation
        warnings.simplefilter("ignore")
        if kind[0] == "PNG":
            return _announced(file) > 1
        Image.init()
        with Image.OPEN[kind[0]][0](file, "") as image:
            return bool(getattr(image, "is_animated", False))
    return False


def _announced(png: BinaryIO) -> int:
    """How many frames the head of a PNG promises."""
    png.seek(8)
    for _ in range(10_000):
        head = png.read(8)
        if len(head) < 8 or head[4:] == b"IDAT":
            return 1
        size = int.from_bytes(head[:4], "big")
        if head[4:] == b"acTL":
            return int.from_bytes(png.read(4), "big")
        png.seek(size + 4, 1)
    return 1
