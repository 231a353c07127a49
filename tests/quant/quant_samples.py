"""Pictures to choose ranges by."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pocketsr.pixels import imresize

__all__ = ["textures"]


def textures(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """N 1 H W: smooth pictures of 8 bits, as floats in 0..1."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(10, 245, (count, -(-height // 3), -(-width // 3)))
    planes = np.stack([imresize(one, 3)[:height, :width] for one in coarse])
    return torch.from_numpy((np.clip(np.rint(planes), 0, 255) / 255).astype(np.float32))[:, None]
