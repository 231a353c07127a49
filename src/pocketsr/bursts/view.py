"""A frame's part of a tile: its samples, where they lie, and how far they are trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pocketsr.bursts.camera import Camera
from pocketsr.bursts.motion import Box, Motion, centres
from pocketsr.bursts.opencv import Map, Plane32, places, resampled

__all__ = ["View", "view_of"]

_EDGE = 3  # pixels of the small picture at a tile's border that can't be predicted


@dataclass(frozen=True)
class View:
    """What a frame shows of a tile.

    samples: of each plane, levels of 255 (h, w). at, there: where in the tile's `Camera.blurred`, and in the tile of
    the reference, each sample lies. back: where in the samples each pixel of the large tile is. weight: of each
    sample, 0..1. noise: variance, in levels, of what the frame differs by from another that shows the same.
    """

    samples: list[Plane32]
    at: Map
    there: Map
    back: Map
    weight: Plane32
    noise: float

    def predicted(self, sums: Plane32) -> Plane32:
        return resampled(sums, self.at)

    def spread(self, values: Plane32) -> Plane32:
        """The transpose of the camera, times scale^2: bicubic interpolation of the samples at the large pixels."""
        return resampled(values, self.back, outside=0.0)


def view_of(
    camera: Camera, tile: Box, size: tuple[int, int], motion: Motion | None,
    read: Callable[[Box], list[NDArray[np.uint16]]], noise: float = 0.0,
) -> View | None:  # fmt: skip
    """The part of a frame that shows `tile`, with weights of 1 where it does; None where nothing does.

    size: (height, width) of a frame. motion: None for the reference. read: gives a part of the
    frame, its planes in 257ths of a level.
    """
    height, width = size
    large = tile.times(camera.scale)
    x, y = ((each + 0.5) / camera.scale - 0.5 for each in centres(large))
    x, y = np.broadcast_arrays(x, y)
    if motion is not None:
        x, y = motion.to_frame(x, y)
    found = (np.floor(y.min()) - 2, np.floor(x.min()) - 2, np.ceil(y.max()) + 3, np.ceil(x.max()) + 3)
    if not np.isfinite(found).all():
        return None
    top, left, bottom, right = (int(np.clip(side, -9, max(size) + 9)) for side in found)
    box = Box(max(top, 0), max(left, 0), min(bottom, height), min(right, width))
    if box.bottom <= box.top or box.right <= box.left:
        return None
    back = places(x - box.left, y - box.top)
    here = np.broadcast_arrays(*centres(box)) if motion is None else motion.to_reference(box)
    inside = np.ones(box.shape, bool)
    for place, low, high, most in ((here[0], tile.left, tile.right, width), (here[1], tile.top, tile.bottom, height)):
        inside &= place >= (0 if low == 0 else low + _EDGE)
        inside &= place <= (most - 1 if high == most else high - 1 - _EDGE)
    index_x, index_y = (
        camera.index(place) - camera.scale * low for place, low in ((here[0], tile.left), (here[1], tile.top))
    )
    samples = [plane.astype(np.float32) * np.float32(1 / 257) for plane in read(box)]
    there = places(here[0] - tile.left, here[1] - tile.top)
    return View(samples, places(index_x, index_y), there, back, inside.astype(np.float32), noise)
