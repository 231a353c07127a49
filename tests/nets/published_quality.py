"""PSNR of networks as PyTorch runs them, by the protocol that `pocketsr bench quality` follows."""

from __future__ import annotations

import functools
from pathlib import Path

from pocketsr.bench import quality
from pocketsr.nets import SRNet
from pocketsr.nets.running import by_torch


@functools.cache  # shrunk once, for all networks
def _samples(data: Path, name: str) -> list[quality.Sample]:
    return [quality.read_sample(name, file) for file in quality.find_sets(data, [name])[name]]


def mean_psnr_db(net: SRNet, data: Path, name: str) -> float:
    """Over the set `name`, a folder in `data`."""
    return quality.mean_psnr_db(by_torch(net.eval(), name), _samples(data, name))
