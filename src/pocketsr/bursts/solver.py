"""The picture that, shrunk and moved by the model, gives all frames: regularised least squares.

Irani and Peleg's back-projection, with weights, as conjugate gradients: the inverse of the blur is the preconditioner,
so that a few steps do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pocketsr.bursts.camera import Camera
from pocketsr.bursts.opencv import Plane32, cosines, extended, from_cosines
from pocketsr.bursts.view import View

__all__ = ["solved"]


def solved(
    camera: Camera, views: Sequence[View], index: int, start: Plane32, ridge: Plane32, steps: int
) -> Plane32:  # fmt: skip
    """The large plane x that makes the sum over all samples of weight (sample - predicted)^2 scale^2 the least, and
    over all pixels of ridge (x - start)^2.

    views: `samples[index]` of each counts. ridge: of the shape of `start`, above 0.
    """
    total = sum((view.spread(view.weight) for view in views), np.zeros_like(start))
    divisor = _Divisor(camera, start.shape, float(np.mean(total)), float(np.mean(ridge)))
    large = start.copy()
    sums = camera.blurred(large)
    errors = [view.samples[index] - view.predicted(sums) for view in views]
    direction, before, slope = np.zeros_like(start), start, 1.0
    for step in range(steps):
        gradient = ridge * (start - large)
        for view, error in zip(views, errors, strict=True):
            gradient += view.spread(view.weight * error)
        turned = divisor(gradient)
        now = float(np.vdot(gradient, turned))
        if not now > 0:
            break
        # Polak and Ribiere's way forgives that `spread` is not quite the transpose
        mixed = max(0.0, now - float(np.vdot(before, turned))) / slope if step else 0.0
        direction = turned + np.float32(mixed) * direction
        sums = camera.blurred(direction)
        changes = [view.predicted(sums) for view in views]
        bend = sum(float(np.vdot(view.weight * change, change)) for view, change in zip(views, changes, strict=True))
        bend = camera.scale**2 * bend + float(np.vdot(ridge * direction, direction))
        length = np.float32(float(np.vdot(gradient, direction)) / max(bend, 1e-9))
        large += length * direction
        errors = [error - length * change for error, change in zip(errors, changes, strict=True)]
        before, slope = gradient, now
    return large


class _Divisor:
    """Divides by what the normal equations multiply each frequency with, where all samples count alike."""

    def __init__(self, camera: Camera, shape: tuple[int, ...], weight: float, ridge: float) -> None:
        self._shape, self._padded = shape, (shape[0] + shape[0] % 2, shape[1] + shape[1] % 2)
        down, across = (np.square(camera.response(length)) for length in self._padded)
        self._divisor = np.float32(max(weight, 1.0)) * down[:, None] * across[None] + np.float32(max(ridge, 1e-3))

    def __call__(self, plane: Plane32) -> Plane32:
        (height, width), (rows, columns) = self._shape, self._padded
        full = extended(plane, rows - height, columns - width)
        made: Plane32 = from_cosines(cosines(full) / self._divisor)[:height, :width]
        return np.ascontiguousarray(made)
