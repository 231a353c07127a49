"""Frames in I420, and what the engine makes of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine import load, load_chroma

__all__ = ["enlarged", "frame_of", "joined"]

Plane = NDArray[np.uint8]


def frame_of(width: int, height: int) -> list[Plane]:
    """Luma with edges and noise, and chroma half as wide and high."""
    random = np.random.default_rng(width)
    y, x = np.mgrid[0:height, 0:width]
    luma = ((x * 7 + y * 3) % 251 * ((x + y) // 9 % 2)).astype(np.uint8)
    return [luma, *(random.integers(0, 256, (height // 2, width // 2), np.uint8) for _ in range(2))]


def enlarged(model: str, planes: list[Plane]) -> list[Plane]:
    network = load(model, threads=1)
    chroma = load_chroma(network.scale, "left", threads=1)
    return [network(planes[0]), chroma(planes[1]), chroma(planes[2])]


def joined(planes: list[Plane]) -> bytes:
    return b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes)
