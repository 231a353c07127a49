"""One frame through `burst` is what `upscale` makes of it, whatever network and size; and frames that show nothing."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from burst_scenes import burst_of, scene
from PIL import Image

import pocketsr
from pocketsr.cli import main


@pytest.mark.parametrize(("model", "scale"), [("small", 3), ("small-call", 2)])
def test_one_frame_is_upscaled_by_the_network_for_its_size(model: str, scale: int, tmp_path: Path) -> None:
    Image.fromarray(scene(40, 48)).save(tmp_path / "in.jpg", quality=30)
    with Image.open(tmp_path / "in.jpg") as image:
        pixels = np.asarray(image)
    wanted = pocketsr.upscale_image(pixels, model, threads=1, size=scale)
    np.testing.assert_array_equal(pocketsr.burst([pixels], model, scale=scale, threads=1), wanted)
    options = ["-m", model, "-s", str(scale), "-j", "1", "-o"]
    assert main(["burst", str(tmp_path / "in.jpg"), *options, str(tmp_path / "one.png")]) == 0
    assert main(["upscale", str(tmp_path / "in.jpg"), *options, str(tmp_path / "same.png")]) == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "same.png").read_bytes()


def test_where_nothing_agrees_neither_does_size_or_strength_matter() -> None:
    first = burst_of(scene(96, 96), 1)[0]
    other = scene(48, 48, seed=9)
    for model, scale in (("small", 3), ("small-call", 2)):
        with pytest.warns(pocketsr.PocketsrWarning, match="frame 1 shows something else"):
            made = pocketsr.burst([first, other], model, scale=scale, threads=1)
        np.testing.assert_array_equal(made, pocketsr.upscale_image(first, model, threads=1, size=scale))


@pytest.mark.parametrize("shape", [(40, 50), (24, 31, 3)])
def test_equal_flat_frames_show_the_same(shape: tuple[int, ...]) -> None:
    flat = np.full(shape, 77, np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = pocketsr.burst([flat] * 3, "bicubic", threads=1)
    assert np.all(made == 77)
    with pytest.warns(pocketsr.PocketsrWarning, match="frame 1 shows something else"):
        made = pocketsr.burst([flat, flat + 40], "bicubic", threads=1)
    assert np.all(made == 77)


@pytest.mark.parametrize("shape", [(400, 1), (1, 400), (1, 1)])
def test_a_line_is_no_mistake(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pocketsr.PocketsrWarning)
        made = pocketsr.burst([pixels] * 2, "bicubic", threads=1)
    assert made.shape == (2 * shape[0], 2 * shape[1])
