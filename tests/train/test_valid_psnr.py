"""The figure that checkpoints are chosen by."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.data import Pair
from pocketsr.nets import SRNet
from pocketsr.train.validate import valid_psnr_db


class _Brighter(SRNet):
    """Every pixel four times, `levels` of 255 brighter."""

    scale, channels, halo = 2, 1, 0

    def __init__(self, levels: float) -> None:
        super().__init__()
        self.more = nn.Parameter(torch.tensor(levels / 255))

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2) + self.more


def _pair(level: int) -> Pair:
    """A flat picture whose outer 2 HR pixels are wrong."""
    hr = np.full((20, 16), 255 - level, np.uint8)
    hr[2:-2, 2:-2] = level
    return Pair("flat", hr, np.full((10, 8), level, np.uint8))


def test_a_known_error() -> None:
    # off by 2 levels everywhere: 10 log10(255^2 / 4) = 42.110; the outer 2 pixels don't count
    assert valid_psnr_db(_Brighter(2), [_pair(100)]) == pytest.approx(42.1102, abs=1e-4)


def test_rounded_and_clipped_like_what_is_shown() -> None:
    assert valid_psnr_db(_Brighter(0.4), [_pair(100)]) == 100  # rounds to no error: the ceiling
    assert valid_psnr_db(_Brighter(9), [_pair(255)]) == 100  # 264 is clipped to 255
    assert valid_psnr_db(_Brighter(0.6), [_pair(100)]) == pytest.approx(48.1308, abs=1e-4)  # 1 level


def test_the_mean_is_over_pictures() -> None:
    # 2 levels: 42.1102; of 254 + 2 = 256, clipped to 255, 1 level: 48.1308
    assert valid_psnr_db(_Brighter(2), [_pair(100), _pair(254)]) == pytest.approx((42.1102 + 48.1308) / 2, abs=1e-4)
