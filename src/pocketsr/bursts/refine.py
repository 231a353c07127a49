"""A network trained on fused frames: what they still get wrong, learned from bursts of pictures that are known.

None ships: docs/how-to/burst.md says what one was worth. `fuse` takes one all the same, so that it can be measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pocketsr.bursts.opencv import Plane32, averaged
from pocketsr.engine import Upscaler

__all__ = ["refined"]

_NOISE_UNIT = np.float32(32)  # levels of the network's third plane for one level of noise
_MODEL = 0.5  # variance, in levels, of what else a frame gets wrong: so the plane tells the number of clean frames too
_SIDE = 9  # pixels of the large picture: around one where nothing at all changes, nothing is to be mended
_FLAT = 0.01  # squared slope, in levels a pixel, that is as good as nothing: what networks make of flat pictures


def refined(net: Upscaler, fused: Plane32, start: Plane32, total: Plane32, noise: float) -> Plane32:
    """`fused` as `net` corrects it, in levels of 255.

    net: of three planes at their own size: the fused luma, the one that a network made of the reference, and the noise
    that is left in the first (standard deviation in 32nds of a level). total: weight of all frames but the reference
    at each pixel. noise: variance, in levels, of what two frames differ by.
    """
    left = np.sqrt(np.float32(noise / 2 + _MODEL) / (1 + np.maximum(total, 0)))
    planes = np.stack([fused, start, _NOISE_UNIT * left], axis=-1)
    levels: NDArray[np.uint16] = np.clip(np.rint(planes * np.float32(257)), 0, 65535).astype(np.uint16)
    change = (net(levels)[..., 0].astype(np.float32) - levels[..., 0]) * np.float32(1 / 257)
    return fused + change * _detail(fused)


def _detail(plane: Plane32) -> Plane32:
    """0 where `plane` is flat, and nearly 1 where there is anything that could be seen."""
    down, across = (np.diff(plane, axis=axis, append=plane[-1:] if axis == 0 else plane[:, -1:]) for axis in (0, 1))
    more = np.maximum(averaged(down * down + across * across, _SIDE) - np.float32(_FLAT), 0)
    made: Plane32 = more / (more + np.float32(_FLAT))
    return made
