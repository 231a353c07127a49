"""Two pictures side by side, each with its name."""

from __future__ import annotations

import numpy as np

from pocketsr.engine import Plane
from pocketsr.pixels.labels import label_mask, stamp

__all__ = ["side_by_side"]


def side_by_side(left: Plane, right: Plane, names: tuple[str, str]) -> Plane:
    """(H, 2W[, C]) of two arrays (H, W[, C]), uint8 or uint16; a label is opaque where there is alpha."""
    height, width = left.shape[:2]
    joined: Plane = np.concatenate([left, right], axis=1)
    top = int(np.iinfo(joined.dtype).max)
    for index, name in enumerate(names):
        pane = joined[:, index * width : (index + 1) * width]
        mask = label_mask(name, width, height)
        planes = [pane] if pane.ndim == 2 else [pane[..., channel] for channel in range(pane.shape[2])]
        for channel, plane in enumerate(planes):
            stamp(plane, mask, top, top if channel == 3 else 0, opaque=channel == 3)
    return joined
