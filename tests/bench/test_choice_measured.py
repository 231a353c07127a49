"""Two networks by block, measured on pictures that are made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pocketsr.adaptive import open_adaptive
from pocketsr.bench.choice import measure_set, steps_at_borders


def test_the_steps_that_a_change_of_network_adds() -> None:
    good, cheap = np.zeros((4, 6)), np.zeros((4, 6))
    cheap[:, 2] = 3  # beside the good one's part
    cheap[:, 4] = 50  # far from it
    good[:, 0] = 1  # inside
    chosen = np.zeros((4, 6), bool)
    chosen[:, :2] = True
    steps = steps_at_borders(good, cheap, chosen)
    assert (steps.border, steps.borders) == (4 * 9, 4)
    assert (steps.inside, steps.insides) == (4, 8)
    turned = steps_at_borders(good.T, cheap.T, chosen.T)
    assert turned == steps


def test_a_row_of_a_set(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(2):
        pixels = np.full((96, 160, 3), 90, np.uint8)
        pixels[:, 80:] = rng.integers(0, 256, (96, 80, 1), np.uint8).repeat(3, 2)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    with open_adaptive("tiny", "small-w8a8", threads=1, least_db=0.5) as adaptive:
        row = measure_set("made", sorted(tmp_path.iterdir()), adaptive, 1)
    assert (row.set, row.images) == ("made", 2)
    assert 0 < row.share < 1
    assert row.lost_db == pytest.approx(row.good_db - row.psnr_db)
    assert min(row.ms_ratio, row.cpu_ratio, row.good_ms, row.border_levels, row.inside_levels) > 0
