"""What a checkpoint is chosen by: mean PSNR on the validation images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from pocketsr.data import Pair
from pocketsr.nets import SRNet
from pocketsr.pixels import psnr

__all__ = ["shave", "valid_psnr_db"]

_CEILING_DB = 100.0  # an image that is met exactly must not make every mean infinite


def shave(scale: int) -> int:
    """HR pixels at each border that published figures leave out: as many as the scale, 2 where nothing is enlarged."""
    return scale if scale > 1 else 2


@torch.no_grad()
def valid_psnr_db(net: SRNet, pairs: Sequence[Pair]) -> float:
    """Mean PSNR in dB of whole images, output clipped and rounded to uint8, shaved on each side."""
    device = next(iter(net.parameters())).device
    figures, border = [], shave(net.scale)
    for pair in pairs:
        x = torch.from_numpy(pair.lr).to(device, torch.float32)[None, None] / 255
        sr = net(x)[0, 0].float().cpu().numpy()
        levels = np.clip(np.rint(sr * np.float32(255)), 0, 255)
        inner = (slice(border, -border), slice(border, -border))
        figures.append(min(_CEILING_DB, psnr(levels[inner], pair.hr[inner])))
    return float(np.mean(figures))
