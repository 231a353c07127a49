"""A network of one's own: registered, trained from a recipe, collapsed to ONNX, and used.

    python own_network.py PHOTOS      # a folder of images; a few minutes give a first network, runs/quick.onnx

A package that is installed registers its networks by itself: an entry point in the group `pocketsr.networks` names a
function such as `register` below. `pocketsr train`, `bench quality` and `upscale -m` then know them by name.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

import pocketsr
from pocketsr.nets import SRNet
from pocketsr.nets.base import pad_edges
from pocketsr.train import Recipe, train


class QuickConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a recipe's `net.config` may change."""

    width: int = 12
    scale: int = 2


class Quick(SRNet):
    """Two 3x3 convolutions on luma, added to the nearest-neighbour upsampling."""

    channels = 1
    halo = 2  # LR pixels to each side that a result looks at

    def __init__(self, config: QuickConfig) -> None:
        super().__init__()
        self.scale = config.scale
        self.first = nn.Conv2d(1, config.width, 3)
        self.slope = nn.PReLU(config.width)
        self.last = nn.Conv2d(config.width, config.scale**2, 3)

    def forward(self, x: Tensor) -> Tensor:
        """N 1 H W in 0..1 to N 1 scale*H scale*W; the picture's edges are repeated."""
        y = self.last(pad_edges(self.slope(self.first(pad_edges(x, 1, 1))), 1, 1))
        return F.pixel_shuffle(y + x, self.scale)


def register() -> None:
    pocketsr.register_network("quick", Quick, QuickConfig())


def main(photos: str, steps: int = 4000, out: str = "runs/quick") -> None:
    register()
    recipe = {
        "name": "quick",
        "net": {"name": "quick", "config": {"width": 8}},
        "data": {"folder": photos, "valid_share": 0.1},  # a tenth is kept apart to choose the weights by
        "steps": steps,
        "batch": 8,
        "patch": 32,
        "validate_every": steps,
        "optimiser": {"lr": 4e-3, "warmup": min(200, steps // 4)},
    }
    done = train(msgspec.convert(recipe, Recipe), Path(out))
    sr = pocketsr.load(Path(out) / "quick.onnx")  # one C file, compiled for this machine
    print(f"{done.best_psnr_db:.2f} dB in validation; {sr!r}")
    print(sr(np.zeros((90, 160), np.uint8)).shape)


if __name__ == "__main__":
    main(sys.argv[1])
