"""`-m auto` is never worse than `small` by more than 0.05 dB: a cheap part of what tools/record_auto.py measures."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from mixed_sources import PICTURE_STATES, drawing, scan, viewer, window
from PIL import Image, ImageFilter
from source_pictures import large, page

import pocketsr
from pocketsr.engine import takes_strength, upscaled
from pocketsr.image import decode
from pocketsr.image.looking import look_at_animation, look_at_image
from pocketsr.pixels import psnr, rgb_to_luma
from pocketsr.source import choose

LOSSLESS = ("png", "png area", "gif", "gif dithered", "64 colours")
LOSSY = ("jpeg 60", "jpeg 85", "jpeg 95", "jpeg 98", "was jpeg 80", "webp 75", "webp 92", "avif 40", "avif 75", "soft")
SCALED = ("soft text", "enlarged text")  # once lossy, it is a matter of `photo`, and so few pictures say nothing
MOST_LOST_DB = 0.05


def doubled(rgb: np.ndarray) -> np.ndarray:
    """As a display of twice as many pixels shows what wasn't made for it."""
    image = Image.fromarray(rgb).resize((2 * rgb.shape[1], 2 * rgb.shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(image)[:480, :640]


SOURCES = {
    "photograph": [large("chelsea"), large("coffee")],
    "cartoon": [drawing(0), drawing(1)],
    "text": [page(13), page(18, 225, 30)],
    "soft text": [np.asarray(Image.fromarray(page(size)).filter(ImageFilter.GaussianBlur(0.8))) for size in (13, 20)],
    "enlarged text": [doubled(page(13)), doubled(page(16, 220, 30))],
    "scan": [scan(page(size), np.random.default_rng(size)) for size in (14, 20)],
    "photograph in a window": [viewer(large("coffee")[:320, :400]), window(page(14), large("chelsea")[:160, :192])],
}


@cache
def network(name: str) -> pocketsr.Upscaler:
    return pocketsr.load(name, threads=1)


def gained(rgb: np.ndarray, state: str, folder: Path) -> tuple[float, str]:
    """dB that what `auto` takes gains on `small`, and its name."""
    rgb = rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2]
    file = PICTURE_STATES[state](rgb, folder / "picture", np.random.default_rng(0))
    moving = file.suffix == ".gif"
    seen = look_at_animation(file) if moving else look_at_image(file)
    assert seen is not None
    pixels = np.asarray(Image.open(file).convert("RGB")) if moving else decode(file).pixels
    luma = np.ascontiguousarray(np.rint(rgb_to_luma(pixels[..., :3])).astype(np.uint8))
    choice, truth = choose(seen), rgb_to_luma(rgb)[2:-2, 2:-2]
    found = []
    for name in (choice.network, "small"):
        told = choice.strength if takes_strength(network(name)) else None
        made = upscaled(network(name), luma, strength=told)
        found.append(psnr(made[2:-2, 2:-2].astype(np.float64), truth))
    return found[0] - found[1], choice.network


@pytest.mark.parametrize("kind", SOURCES)
def test_never_worse_than_small_in_any_state(kind: str, tmp_path: Path) -> None:
    # What was doubled is by area what it was before, and nothing tells that its large original was soft.
    states = [state for state in LOSSLESS if state != "png area"] if kind in SCALED else (*LOSSLESS, *LOSSY)
    gains = {state: np.mean([gained(rgb, state, tmp_path)[0] for rgb in SOURCES[kind]]) for state in states}
    assert min(gains.values()) >= -MOST_LOST_DB, gains


@pytest.mark.parametrize("name", ["brick", "grass"])
@pytest.mark.parametrize("state", ["jpeg 95", "jpeg 98", "webp 92", "avif 75", "soft"])
def test_fine_texture_that_lost_little_keeps_small(name: str, state: str, tmp_path: Path) -> None:
    """By its strength alone `photo` was taken for `brick` as JPEG of 95 and 98, and lost 0.34 and 0.39 dB."""
    assert gained(large(name), state, tmp_path)[0] >= -MOST_LOST_DB


def test_what_a_fine_quantizer_left_of_a_photograph_in_a_window_is_known(tmp_path: Path) -> None:
    """As AVIF of 75 it was judged by its pixels alone: 0.6 to 0.8, and `photo` lost up to 0.7 dB."""
    gains = [gained(viewer(large(name)[:320, :400]), "avif 75", tmp_path)[0] for name in ("coffee", "brick", "chelsea")]
    assert min(gains) >= -MOST_LOST_DB, gains
    assert gained(large("coffee"), "avif 40", tmp_path)[0] > 0.1  # it kept `small` before


def test_text_gains(tmp_path: Path) -> None:
    for rgb in SOURCES["text"]:
        for state in ("png", "gif", "jpeg 95"):
            assert gained(rgb, state, tmp_path)[0] > 1.0
