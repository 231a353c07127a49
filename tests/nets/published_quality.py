"""PSNR of a network as PyTorch runs it, by the protocol that `pocketsr bench quality` follows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pocketsr.bench.quality import find_sets, network_quality, read_image
from pocketsr.nets import SRNet
from pocketsr.pixels import imresize


@dataclass
class _Run:
    """What the protocol calls: levels in (H, W) or (H, W, 3), levels of the same kind out, twice as large."""

    net: SRNet
    scale: int = 2

    @property
    def channels(self) -> int:
        return self.net.channels

    @torch.no_grad()
    def __call__(self, picture: NDArray[np.generic]) -> NDArray[np.generic]:
        top = np.iinfo(picture.dtype).max
        planes = picture[..., None] if self.channels == 1 else picture
        x = torch.from_numpy(planes.astype(np.float32) / np.float32(top)).permute(2, 0, 1)[None]
        y = self.net(x)[0].permute(1, 2, 0).numpy().astype(np.float64) * top
        levels = np.clip(np.floor(y + 0.5), 0, top).astype(picture.dtype)
        return levels[..., 0] if self.channels == 1 else levels


def mean_psnr_db(net: SRNet, data: Path, name: str) -> float:
    """Over the set `name`, a folder in `data`."""
    net.eval()
    images = (read_image(file) for file in find_sets(data, [name])[name])
    return float(np.mean([network_quality(_Run(net), hr, imresize(hr, 1 / 2)).psnr_db for hr in images]))  # type: ignore[arg-type]
