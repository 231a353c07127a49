"""Pictures that no file is needed for, and bursts of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pocketsr.pixels import imresize

Picture = NDArray[np.uint8]


def scene(height: int, width: int, seed: int = 3) -> Picture:
    """Sharp discs, bars and lines in colour over a soft ground, (height, width, 3): drawn four times as large."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: 4 * height, : 4 * width] / 4.0
    made = np.stack([110 + 40 * np.sin(x / 31 + c) + 30 * np.cos(y / 23 - c) for c in range(3)], axis=-1)
    for _ in range(height * width // 500):
        colour = rng.uniform(20, 235, 3)
        cx, cy, size = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(3, 14)
        angle = rng.uniform(0, np.pi)
        along, across = (
            (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle),
            (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle),
        )
        kind = rng.integers(3)
        if kind == 0:
            inside = along**2 + across**2 < size**2
        elif kind == 1:
            inside = (abs(along) < size) & (abs(across) < size / 5)
        else:
            inside = (abs(along) < size) & (abs(across) < size) & (np.sin(along * 2.2) > 0)
        made[inside] = colour
    return np.rint(made.reshape(height, 4, width, 4, 3).mean(axis=(1, 3))).astype(np.uint8)


def moved(hr: Picture, x: float, y: float, degrees: float = 0.0) -> Picture:
    """`hr` seen from (x, y) of its pixels further on, turned about its middle."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(hr.shape[:2]) - 1) / 2
    offset = middle - turn @ middle + np.array([y, x])
    planes = [
        ndimage.affine_transform(hr[..., c].astype(float), turn, offset, order=5, mode="mirror") for c in range(3)
    ]
    return np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)


def burst_of(hr: Picture, count: int, *, sigma: float = 0.0, seed: int = 1, scale: int = 2) -> list[Picture]:
    """`count` frames at 1/scale of the size, by random shifts and small turns; the first shows what `hr` shows."""
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(count):
        x, y = rng.uniform(-3, 3, 2)
        small = imresize(moved(hr, x, y, rng.uniform(-0.7, 0.7)) if index else hr, 1 / scale)
        noisy = small + rng.normal(0, sigma, small.shape) if sigma else small
        frames.append(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    return frames
