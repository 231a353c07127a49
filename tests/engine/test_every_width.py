"""No column of the result depends on what was in memory before: every width, twice, with poisoned scratch memory."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from engine_nets import NETS, save
from every_width import TARGETS, built, faults, halo_of, widest_tile
from quantized_nets import WHOLE, save_whole

from pocketsr import models
from pocketsr.engine import read_network

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="its targets are x86-64's")

CASES = [
    *(("tiny", target) for target in TARGETS if target != "16 lanes, dots"),
    ("tiny-call", "avx2"),
    ("tiny-call", "16 lanes"),
    ("small", "16 lanes"),
    ("bicubic", "avx2"),
    ("small-w8a8", "avx2"),
    ("whole_w2a2", "16 lanes"),
    ("whole_w2a8", "16 lanes"),
    ("whole_zeros", "16 lanes, dots"),
    ("whole_skips", "sse"),
    ("five", "avx2"),
    ("seven_x3", "16 lanes"),
    ("residual_concat", "avx2"),
    ("grouped_rgb", "avx2"),
    ("groups_shuffled", "16 lanes"),
    ("gated", "sse"),
    ("gated", "avx2"),
    ("gated", "16 lanes"),
    ("large_then_conv", "avx2"),
    ("deconvolution", "16 lanes"),
    ("anchor_tile_x4", "avx2"),
    ("whole_steep", "sse"),
    ("whole_steep", "16 lanes, dots"),
    ("whole_steep_many", "avx2"),
    ("whole_steep_many", "16 lanes, dots"),
    ("steep", "sse"),
    ("steep", "avx2"),
    ("steep", "16 lanes"),
    ("steep_many", "avx2"),
    ("steep_many", "16 lanes"),
]
"""Every kind of layer and of vector; `tools/sweep_widths.py` takes every network for every target."""


@pytest.mark.parametrize(("name", "target"), CASES)
def test_every_width_twice(name: str, target: str, tmp_path: Path) -> None:
    path = (
        save(name, tmp_path) if name in NETS else save_whole(name, tmp_path) if name in WHOLE else models.resolve(name)
    )
    network = built(read_network(path)[0], TARGETS[target], tmp_path)
    widths = range(1, min(3 * widest_tile(network.plan), 200) + 9)
    assert faults(network, halo_of(path), widths) == []
