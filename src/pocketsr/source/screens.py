"""Whether a picture is text, windows and the like: few levels, sharp edges between two of them, flat areas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCREEN_FEATURES", "screen_features"]

SCREEN_FEATURES = ("flat", "nearly flat", "on few levels", "sharp", "sharp beside flat")
_NEAR = 2.0  # levels within which an encoder leaves what was flat
_STEP, _SHARP = 6.0, 40.0  # levels
_FEW = 6  # levels that a page's paper, ink and frames take


def screen_features(tiles: NDArray[np.float32]) -> NDArray[np.float64]:
    """Numbers of 0..1 as `SCREEN_FEATURES` names them, of (N, H, W) in levels of 255."""
    across, down = np.abs(np.diff(tiles, axis=2)), np.abs(np.diff(tiles, axis=1))
    steps = np.concatenate([across.ravel(), down.ravel()])
    there, sharp = float(np.mean(steps > _STEP)), float(np.mean(steps > _SHARP))
    levels = np.bincount(np.clip(np.rint(tiles), 0, 255).astype(np.intp).ravel(), minlength=256)
    near = np.convolve(levels, np.ones(3), "same")
    on_few = 0.0
    for _ in range(_FEW):  # the fullest level and its neighbours, then the fullest of the others
        best = int(near.argmax())
        on_few += float(levels[max(0, best - 1) : best + 2].sum())
        levels[max(0, best - 1) : best + 2] = 0
        near = np.convolve(levels, np.ones(3), "same")
    edge = across > _SHARP
    still = across < _NEAR
    beside = edge[:, :, 2:-2] & ((still[:, :, :-4] & still[:, :, 1:-3]) | (still[:, :, 3:-1] & still[:, :, 4:]))
    wide = float(np.mean(edge[:, :, 2:-2]))
    return np.array([
        float(np.mean(steps < 0.5)),
        float(np.mean(steps < _NEAR)),
        on_few / tiles.size,
        sharp / (there + 0.01),
        float(np.mean(beside)) / (wide + 0.002),
    ])  # fmt: skip
