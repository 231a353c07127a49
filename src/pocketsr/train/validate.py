"""What a checkpoint is chosen by: mean PSNR on the validation images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pocketsr.data import Pair, to_picture, to_tensor, with_strength
from pocketsr.nets import SRNet
from pocketsr.pixels import psnr, rgb_to_luma

__all__ = ["shave", "valid_psnr_db"]

_CEILING_DB = 100.0  # an image that is met exactly must not make every mean infinite


def shave(scale: int) -> int:
    """HR pixels at each border that published figures leave out: as many as the scale, 2 where nothing is upscaled."""
    return scale if scale > 1 else 2


@torch.no_grad()
def valid_psnr_db(net: SRNet, pairs: Sequence[Pair]) -> float:
    """Mean PSNR of luma in dB over whole images, output clipped and rounded to uint8, shaved on each side.

    Of RGB it is the luma of the bench's protocol: BT.601 in studio range, unrounded, of the rounded picture. So figures
    of networks of RGB and of luma compare.
    """
    device = next(iter(net.parameters())).device
    figures, border = [], shave(net.scale)
    inner = (slice(border, -border), slice(border, -border))
    for pair in pairs:
        lr = to_tensor(pair.lr)
        if net.conditioned:
            lr = with_strength(lr, torch.tensor([pair.strength]))
        sr, hr = (_luma(picture)[inner] for picture in (to_picture(net(lr.to(device))), pair.hr))
        figures.append(min(_CEILING_DB, psnr(sr, hr)))
    return float(np.mean(figures))


def _luma(picture: NDArray[np.uint8]) -> NDArray[Any]:
    return picture if picture.ndim == 2 else rgb_to_luma(picture)
