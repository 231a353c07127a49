"""Colour where an image is transparent: made harmless before it is upscaled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["fill_hidden_colour"]


def fill_hidden_colour(rgb: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Replace the colour of fully transparent pixels by that of the visible pixels around them.

    rgb (H, W, 3) and alpha (H, W), of one integer type. Such pixels hold anything (mostly black or white),
    and any filter would mix it into the visible pixels beside them. Multiplying by alpha first would avoid
    that too, but show the network a picture with dark rims in place of the real one. Visible pixels are not
    touched.

    Push-pull: averages weighted by alpha go down a pyramid, the gaps are filled from the coarser level on the
    way back (Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.6).
    """
    hidden = alpha == 0
    if not hidden.any() or hidden.all():
        return rgb
    weight = alpha.astype(np.float32) * np.float32(1 / np.iinfo(alpha.dtype).max)
    filled = _push_pull(rgb.astype(np.float32) * weight[..., None], weight)
    return np.where(hidden[..., None], np.rint(filled).astype(rgb.dtype), rgb)


def _push_pull(weighted: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colour (H, W, 3) everywhere, from colour times weight and the weight (H, W) in 0..1, not all zero."""
    height, width = weight.shape
    known = weight > 0
    divisor = np.where(known, weight, 1).astype(np.float32)
    colour = weighted / divisor[..., None]
    if known.all():
        return colour
    pad = (height % 2, width % 2)
    coarse_weighted = _mean_2x2(np.pad(weighted, ((0, pad[0]), (0, pad[1]), (0, 0))))
    coarse_weight = _mean_2x2(np.pad(weight, ((0, pad[0]), (0, pad[1])))[..., None])[..., 0]
    coarse = _push_pull(coarse_weighted, coarse_weight)
    spread = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return np.where(known[..., None], colour, spread).astype(np.float32, copy=False)


def _mean_2x2(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(2h, 2w, C) to (h, w, C): the mean of each 2x2 block, so that nothing grows from level to level."""
    height, width, channels = values.shape
    blocks = values.reshape(height // 2, 2, width // 2, 2, channels)
    mean: NDArray[np.float32] = blocks.mean(axis=(1, 3))
    return mean
