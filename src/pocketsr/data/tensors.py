"""Pictures of 8 bits as the tensors that networks take and give."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["to_picture", "to_tensor", "with_strength"]


def to_tensor(picture: NDArray[np.uint8]) -> Tensor:
    """(H, W) or (H, W, 3) of 0..255 to 1 C H W of float32 in 0..1."""
    planes = picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)
    return torch.from_numpy(np.ascontiguousarray(planes))[None].to(torch.float32) / 255


def to_picture(planes: Tensor) -> NDArray[np.uint8]:
    """1 C H W, about in 0..1, to (H, W) or (H, W, C) of 0..255, clipped and rounded."""
    levels = (planes[0].float() * 255).round().clamp(0, 255).to("cpu", torch.uint8).numpy()
    return np.ascontiguousarray(levels[0] if len(levels) == 1 else np.moveaxis(levels, 0, -1))


def with_strength(planes: Tensor, strength: Tensor) -> Tensor:
    """N C H W and the strengths (N) of what was done to each, as one more plane of each: N C+1 H W."""
    count, _, height, width = planes.shape
    plane = strength.to(planes).view(count, 1, 1, 1).expand(count, 1, height, width)
    return torch.cat([planes, plane], 1)
