"""Solve RAISR's filters anew: `python tools/train_raisr.py ../shared/data/train`.

Writes checkpoints/raisr.safetensors: 864 filters and the limits of strength and coherence. Of the folders it takes
those named below, without the images kept apart for validation, whose PSNR it prints. About a minute on one core.
"""

from __future__ import annotations

import sys
from pathlib import Path

from safetensors.torch import save

from pocketsr.atomic_io import replacing
from pocketsr.bench.contenders import TRAINED_HERE
from pocketsr.data import load_images, split
from pocketsr.train.raisr import solve_filters
from pocketsr.train.validate import valid_psnr_db

__all__ = ["solve"]

FILTERS = Path(__file__).resolve().parents[1] / "checkpoints" / "raisr.safetensors"
# 23 megapixels: with div2k_crops, three times as many, filters of 121 taps gain 0.01 dB
FOLDERS = ("general100", "t91")


def solve(data: Path) -> None:
    """Solve with the images of `data` and write the file."""
    train, valid = split([pair for folder in FOLDERS for pair in load_images(data / folder)])
    net = solve_filters(train)
    with replacing(FILTERS) as part:
        part.write_bytes(save(net.state_dict(), TRAINED_HERE | {"made_by": "by tools/train_raisr.py"}))
    print(f"{FILTERS}: {valid_psnr_db(net, valid):.3f} dB on {len(valid)} validation images")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    solve(Path(sys.argv[1]))
