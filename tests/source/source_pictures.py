"""Photographs that scikit-image ships, shrunk as the networks expect, and pages of text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pocketsr.pixels import imresize

PHOTOS = ("astronaut", "chelsea", "coffee", "camera", "motorcycle_left")


@cache
def large(name: str) -> np.ndarray:
    """(2H, 2W, 3) R'G'B'."""
    folder = Path(pytest.importorskip("skimage", reason="needs scikit-image's photographs").__file__).parent / "data"
    with Image.open(folder / f"{name}.png") as image:
        rgb = np.asarray(image.convert("RGB"))
    rgb = rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2]
    return rgb if max(rgb.shape) < 700 else imresize(rgb, 0.5)[:512, :512]  # a large file's pixels are soft


@cache
def photo(name: str) -> np.ndarray:
    """(H, W, 3) R'G'B': the large one by the protocol's shrink."""
    return imresize(large(name)[: large(name).shape[0] // 2 * 2, : large(name).shape[1] // 2 * 2], 0.5)


def page(size: int = 13, ink: int = 20, paper: int = 245) -> np.ndarray:
    """(240, 400, 3): a window with a title and lines of text, as a screen shows it."""
    image = Image.new("RGB", (400, 240), (paper,) * 3)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 399, 24), fill=(40, 90, 160))
    font = ImageFont.load_default(size)
    draw.text((8, 4), "Untitled - Editor", fill=(255, 255, 255), font=font)
    for line, y in enumerate(range(34, 230, size + 5)):
        draw.text((10, y), f"{line:3}  The quick brown fox jumps over the lazy dog", fill=(ink,) * 3, font=font)
    return np.asarray(image)
