"""Networks whose kernels are chosen pixel by pixel don't show it: no flicker, and no borders between classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import record_steep_quiet
from numpy.typing import NDArray
from PIL import Image
from recording import digests

import pocketsr.bench
from pocketsr.engine import Plane, Upscaler, load, repeat_edges
from pocketsr.pixels import imresize, rgb_to_luma

Floats = NDArray[np.float64]

NOTE = Path(__file__).resolve().parents[2] / "docs" / "notes" / "steep.md"


@pytest.fixture(scope="module", params=record_steep_quiet.PLAIN)
def both(request: pytest.FixtureRequest) -> tuple[Upscaler, Upscaler]:
    """Steep, and plain."""
    steep, plain = (
        repeat_edges(load(name, threads=1)) for name in (request.param, record_steep_quiet.PLAIN[request.param])
    )
    return steep, plain


@pytest.fixture(scope="module")
def photograph() -> Plane:
    with Image.open(Path(pocketsr.bench.__file__).parent / "picture.webp") as image:
        return np.rint(rgb_to_luma(np.asarray(image.convert("RGB")))).astype(np.uint8)


def test_flat_planes_stay_what_they_are(both: tuple[Upscaler, Upscaler]) -> None:
    assert record_steep_quiet.wrong_on_flats(both[0]) == 0


def test_noise_of_a_still_scene_flickers_no_more(both: tuple[Upscaler, Upscaler], photograph: Plane) -> None:
    lr = imresize(photograph, 0.5)
    steep, plain = (record_steep_quiet.flicker_of_noise(net, lr) for net in both)
    assert steep <= 1.05 * plain


@pytest.mark.parametrize("axis", [0, 1], ids=["down", "across"])
def test_a_pan_by_half_pixels_flickers_no_more(both: tuple[Upscaler, Upscaler], photograph: Plane, axis: int) -> None:
    """What a network gets wrong, from frame to frame, while the scene moves by a pixel of HR."""
    steep, plain = (record_steep_quiet.flicker_of_pan(net, photograph[:320, :320], axis) for net in both)
    assert steep <= 1.05 * plain


def test_what_is_recorded_keeps_the_bar() -> None:
    recorded = json.loads(record_steep_quiet.RESULT.read_text())
    assert set(recorded["most_levels_on_flats"].values()) == {0}
    assert {row["network"] for row in recorded["rows"]} == set(record_steep_quiet.PLAIN)
    assert recorded["networks"] == digests(list(recorded["networks"]))  # else: python tools/record_steep_quiet.py TEST
    noise = max(row["ratio"] for row in recorded["rows"] if row["kind"] == "noise")
    said = f"changes {recorded['mean_ratio']['noise']:.3f} times as much from frame to frame (at most {noise:.3f})"
    assert said in NOTE.read_text()
    for kind, mean in recorded["mean_ratio"].items():
        ratios = [row["levels"] / row["plain_levels"] for row in recorded["rows"] if row["kind"] == kind]
        assert mean == pytest.approx(np.mean(ratios), abs=1e-3)
        assert mean <= 1.05


@pytest.mark.parametrize("slope", [2, 5.7, 11.5, 14])
def test_gradients_show_no_borders_of_classes(both: tuple[Upscaler, Upscaler], slope: float) -> None:
    """Ramps in every direction stay ramps, within a level. A cone has all directions, a bowl all strengths too.

    Slopes of 24 levels a pixel, where the strength of steep-tiny's classes changes, are ten pixels long at most: too
    short to be told from the edge that they are.
    """
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
