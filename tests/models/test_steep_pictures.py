"""Networks whose kernels are chosen pixel by pixel don't show it: no flicker, and no borders between classes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import pocketsr.bench
from pocketsr.engine import Plane, Upscaler, load, repeat_edges
from pocketsr.pixels import imresize, rgb_to_luma

Floats = NDArray[np.float64]

PLAIN = {"steep-tiny": "tiny"}
"""Of each steep network the one with the same layers and one kernel for all pixels."""

LIMIT = 11.5  # levels a pixel: the slope at which steep networks take other kernels


@pytest.fixture(scope="module", params=PLAIN)
def both(request: pytest.FixtureRequest) -> tuple[Upscaler, Upscaler]:
    """Steep, and plain."""
    steep, plain = (repeat_edges(load(name, threads=1)) for name in (request.param, PLAIN[request.param]))
    return steep, plain


@pytest.fixture(scope="module")
def photograph() -> Plane:
    with Image.open(Path(pocketsr.bench.__file__).parent / "picture.webp") as image:
        return np.rint(rgb_to_luma(np.asarray(image.convert("RGB")))).astype(np.uint8)


def test_noise_of_a_still_scene_flickers_no_more(both: tuple[Upscaler, Upscaler], photograph: Plane) -> None:
    lr, rng = imresize(photograph, 0.5), np.random.default_rng(0)
    frames = [np.clip(np.rint(lr + rng.normal(0, 1, lr.shape)), 0, 255).astype(np.uint8) for _ in range(4)]
    steep, plain = ([_changed(net(a), net(b)) for a, b in pairwise(frames)] for net in both)
    assert np.mean(steep) <= 1.05 * np.mean(plain)


@pytest.mark.parametrize("axis", [0, 1], ids=["down", "across"])
def test_a_pan_by_half_pixels_flickers_no_more(both: tuple[Upscaler, Upscaler], photograph: Plane, axis: int) -> None:
    """What a network gets wrong, from frame to frame, while the scene moves by a pixel of HR."""
    frames = [np.roll(photograph, -step, axis)[:320, :320] for step in range(5)]
    found = []
    for net in both:
        wrong = [np.roll(net(imresize(hr, 0.5)).astype(float) - hr, step, axis) for step, hr in enumerate(frames)]
        found.append(np.mean([np.abs(a - b)[16:-16, 16:-16].mean() for a, b in pairwise(wrong)]))
    assert found[0] <= 1.05 * found[1]


@pytest.mark.parametrize("slope", [2, 5.7, LIMIT - 0.3, LIMIT, LIMIT + 0.3])
def test_gradients_show_no_borders_of_classes(both: tuple[Upscaler, Upscaler], slope: float) -> None:
    """Ramps in every direction stay ramps, within a level. A cone has all directions, a bowl all strengths too."""
    for turn in np.radians(np.arange(0, 180, 7.5)):
        down, across = np.mgrid[-24.0:24, -24.0:24]
        _smooth(both, slope * (np.cos(turn) * across + np.sin(turn) * down), 1.0)
    down, across = np.mgrid[-24.0:24, -24.0:24]
    round_ = np.hypot(down, across)
    _smooth(both, np.maximum(slope * (round_ - 12), -8 * slope), None)
    _smooth(both, slope * round_**2 / 24, None)


def _smooth(both: tuple[Upscaler, Upscaler], lr: Floats, most: float | None) -> None:
    """In 16 bits, so that rounding adds no steps. most: levels from the straight ramp; None: half a level more than
    the plain network's distance from bicubic."""
    levels = 128 + lr
    inside = (levels > 8) & (levels < 247)
    plane = np.clip(np.rint(256 * levels), 0, 65535).astype(np.uint16)
    exact = load("bicubic", threads=1)(plane) / 256
    kept = np.pad(inside[8:-8, 8:-8], 8).repeat(2, 0).repeat(2, 1)
    for rows in range(-6, 7):  # what clipping touches, a network sees from afar
        kept &= np.roll(inside, rows, 0).repeat(2, 0).repeat(2, 1) & np.roll(inside, rows, 1).repeat(2, 0).repeat(2, 1)
    assert kept.sum() > 40
    steep, plain = (float(np.abs(net(plane) / 256 - exact)[kept].max()) for net in both)
    assert steep <= (most if most is not None else plain + 0.5), f"{steep:.2f} levels, plain {plain:.2f}"


def _changed(before: Plane, after: Plane) -> float:
    return float(np.abs(before.astype(float) - after).mean())
