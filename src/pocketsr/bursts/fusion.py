"""Several frames into one large picture: the picture that, shrunk and moved by the model, gives all of them.

Least squares over all frames' samples, each with a weight that is 0 where something moved, and a ridge towards the
start, what a network makes of the reference (maximum a posteriori, as in Irani and Peleg's back-projection and its
successors). Conjugate gradients, with the blur's inverse as preconditioner, in tiles: memory doesn't grow with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pocketsr.bursts.camera import Camera
from pocketsr.bursts.motion import Box, Motion, centres
from pocketsr.bursts.opencv import Map, Plane32, averaged, cosines, eroded, from_cosines, opencv, places, resampled

__all__ = ["Settings", "View", "fused", "view_of"]

MARGIN = 24
"""Pixels of the small picture around a tile that are solved with it."""
_EDGE = 3  # pixels of the small picture at a tile's border that can't be predicted
_SIDE = 5  # pixels: of the window in which a frame must agree with the prediction
_STRICT, _CUT = 12.0, 0.12  # as s and t of Wronski et al., "Handheld Multi-Frame Super-Resolution", 2019
_TEXTURE = 0.06  # of the local variance: what the prediction may be wrong by


@dataclass(frozen=True)
class Settings:
    """ridge: of the start, against one sample of a frame. steps: of conjugate gradients, of luma and of chroma, which has less
    that is fine."""

    ridge: float
    steps: int = 4
    chroma_steps: int = 2


@dataclass(frozen=True)
class View:
    """What a frame shows of a tile.

    samples: of each plane, levels of 255 (h, w). at: where in the tile's `Camera.blurred` each sample is predicted.
    back: where in the samples each pixel of the large tile is. weight: of each sample, 0..1.
    """

    samples: list[Plane32]
    at: Map
    back: Map
    weight: Plane32

    def predicted(self, sums: Plane32) -> Plane32:
        return resampled(sums, self.at)

    def spread(self, values: Plane32) -> Plane32:
        """The transpose of the camera, times scale^2: bicubic interpolation of the samples at the large pixels."""
        return resampled(values, self.back, outside=0.0)


def view_of(
    camera: Camera, tile: Box, size: tuple[int, int], motion: Motion | None,
    read: Callable[[Box], list[NDArray[np.uint16]]],
) -> View | None:
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
    if box.bottom - box.top < 2 or box.right - box.left < 2:
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
    return View(samples, places(index_x, index_y), back, inside.astype(np.float32))


def trusted(view: View, sums: Sequence[Plane32], noise: float) -> View:
    """`view` with less weight where it shows something else than the `sums` predict, plane by plane.

    noise: variance, in levels, of what frames that show the same differ by.
    """
    worst = np.zeros_like(view.weight)
    for samples, blurred in zip(view.samples, sums, strict=True):
        predicted = view.predicted(blurred)
        error = samples - predicted
        off = averaged(error * error, _SIDE) + 4 * np.square(averaged(error, _SIDE))
        mean = averaged(predicted, _SIDE)
        texture = averaged(predicted * predicted, _SIDE) - mean * mean
        worst = np.maximum(worst, off / (2 * noise + 1 + _TEXTURE * np.maximum(texture, 0)))
    weight = np.clip(_STRICT * np.exp(-worst) - _CUT, 0, 1)
    return View(view.samples, view.at, view.back, view.weight * eroded(weight, _SIDE))


def fused(
    camera: Camera, views: Sequence[View], index: int, start: Plane32, settings: Settings
) -> Plane32:
    """The plane `index` of a large tile, from what the first view, the reference, begins as: `start`."""
    total = sum((view.spread(view.weight) for view in views), np.zeros_like(start))
    divisor = _Divisor(camera, start.shape, float(np.mean(total)), settings.ridge)
    ridge = np.float32(settings.ridge)
    large = start.copy()
    sums = camera.blurred(large)
    errors = [view.samples[index] - view.predicted(sums) for view in views]
    direction, before, slope = np.zeros_like(start), start, np.float32(1)
    for step in range(settings.chroma_steps if index else settings.steps):
        gradient = ridge * (start - large)
        for view, error in zip(views, errors, strict=True):
            gradient += view.spread(view.weight * error)
        turned = divisor(gradient)
        now = np.float32(np.vdot(gradient, turned))
        if not now > 0:
            break
        mixed = max(0.0, float(np.vdot(gradient - before, turned)) / float(slope)) if step else 0.0
        direction = turned + np.float32(mixed) * direction
        sums = camera.blurred(direction)
        changes = [view.predicted(sums) for view in views]
        bend = sum(float(np.vdot(view.weight * change, change)) for view, change in zip(views, changes, strict=True))
        bend = camera.scale**2 * bend + settings.ridge * float(np.vdot(direction, direction))
        length = np.float32(float(np.vdot(gradient, direction)) / max(bend, 1e-9))
        large += length * direction
        errors = [error - length * change for error, change in zip(errors, changes, strict=True)]
        before, slope = gradient, now
    trust = np.clip(sum((view.spread(view.weight) for view in views[1:]), np.zeros_like(start)) * 2, 0, 1)
    return start + trust * (large - start)


class _Divisor:
    """Divides by what the normal equations multiply each frequency with, where all samples count alike."""

    def __init__(self, camera: Camera, shape: tuple[int, ...], weight: float, ridge: float) -> None:
        self._shape, self._padded = shape, (shape[0] + shape[0] % 2, shape[1] + shape[1] % 2)
        down, across = (np.square(camera.response(length)) for length in self._padded)
        self._divisor = np.float32(max(weight, 1.0)) * down[:, None] * across[None] + np.float32(max(ridge, 1e-3))

    def __call__(self, plane: Plane32) -> Plane32:
        (height, width), (rows, columns) = self._shape, self._padded
        cv2 = opencv()
        full = cv2.copyMakeBorder(plane, 0, rows - height, 0, columns - width, cv2.BORDER_REFLECT)
        made: Plane32 = from_cosines(cosines(full) / self._divisor)[:height, :width]
        return np.ascontiguousarray(made)
