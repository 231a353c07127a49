"""Several frames into one large tile, and one frame's picture where they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pocketsr.bursts.camera import Camera
from pocketsr.bursts.opencv import Plane32, averaged, eroded, resampled
from pocketsr.bursts.refine import refined
from pocketsr.bursts.solver import solved
from pocketsr.bursts.view import View
from pocketsr.engine import Upscaler

__all__ = ["fused"]

_SIDE = 5  # pixels: of the window in which a frame must agree with the prediction
_STRICT, _CUT = 12.0, 0.12  # as s and t of Wronski et al., "Handheld Multi-Frame Super-Resolution", 2019
_LOOSE, _TIGHT = 4.0, 0.01
"""Of the local variance: what a prediction by one frame's network may be wrong by, and one by all frames together."""
_TRIAL_STEPS, _STEPS, _CHROMA_STEPS = 3, 4, 2
_PRIOR, _LEAST_PRIOR = 60.0, 2.0  # variance of what networks get wrong, in levels: as a guess, and the least
_WINDOW = 17  # pixels of the large picture: where that is measured
_UNSHRUNK = np.float32(3)  # the trial is drawn to the single picture: that is so many times as wrong as it shows
_ALIKE = 1.0  # squared levels: of less no eye would know
_MODEL = 0.5  # variance, in levels, of what the camera model, rounding and registration get wrong
_FULL = 0.5  # the others' weight together from which on nothing of the single picture is kept


def fused(
    camera: Camera, views: Sequence[View], start: Sequence[Plane32], noise: float, refining: Upscaler | None = None
) -> tuple[list[Plane32], list[float]]:
    """The planes of a large tile, and the mean weight of each view but the first.

    views: of the reference first. start: the planes that a network makes of the reference. noise: variance in levels.
    refining: corrects the luma of what several frames gave (`refined`).

    In two rounds. All frames that roughly show what the network predicts give a trial; nothing but noise is left of
    each where they agree, sharp edges too, which a network alone gets wrong by more than a faint object. So what
    doesn't fit the trial has moved, and where the reference itself doesn't, all others have: that isn't used.
    """
    whole, *others = views
    sums = [camera.blurred(plane) for plane in start]
    loose = [_weighed(view, sums, _LOOSE) for view in others]
    base = np.float32(camera.scale**2 * (noise / 2 + _MODEL))
    flat = np.full_like(start[0], base / np.float32(_PRIOR + noise / 2))
    trial = solved(camera, [whole, *loose], 0, start[0], flat, _TRIAL_STEPS)
    agreed = [camera.blurred(trial)]
    own = _weighed(replace(whole, noise=noise), agreed, _TIGHT).weight
    tight = [_weighed(view, agreed, _TIGHT) for view in loose]
    kept = [replace(view, weight=view.weight * np.clip(resampled(own, view.there), 0, 1)) for view in tight]
    total = _total(kept, start[0])
    trust = np.clip(total / np.float32(_FULL), 0, 1)
    wrong = averaged(np.square(trial - start[0]) * trust, _WINDOW)
    ridge = base / (_UNSHRUNK * wrong + np.float32(_LEAST_PRIOR + noise / 2))
    planes = []
    for index, plane in enumerate(start):
        large = solved(
            camera, [whole, *kept], index, plane, flat if index else ridge, _CHROMA_STEPS if index else _STEPS
        )
        if refining is not None and index == 0:
            large = refined(refining, large, plane, total, noise)
        planes.append(plane + trust * (large - plane))
    return planes, [float(view.weight.mean()) for view in kept]


def _total(views: Sequence[View], like: Plane32) -> Plane32:
    """The weight of the views together, of each large pixel."""
    return sum((view.spread(view.weight) for view in views), np.zeros_like(like))


def _weighed(view: View, sums: Sequence[Plane32], texture_share: float) -> View:
    """`view` with less weight where it shows something else than the `sums` predict, plane by plane."""
    worst = np.zeros_like(view.weight)
    for samples, blurred in zip(view.samples, sums, strict=False):
        predicted = view.predicted(blurred)
        error = samples - predicted
        off = averaged(error * error, _SIDE) + 4 * np.square(averaged(error, _SIDE))
        mean = averaged(predicted, _SIDE)
        texture = np.maximum(averaged(predicted * predicted, _SIDE) - mean * mean, 0)
        worst = np.maximum(worst, off / (2 * view.noise + _ALIKE + texture_share * texture))
    weight: Plane32 = np.clip(_STRICT * np.exp(-worst) - _CUT, 0, 1).astype(np.float32)
    return replace(view, weight=np.multiply(view.weight, eroded(weight, _SIDE)))
