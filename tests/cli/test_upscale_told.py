"""A network that takes a strength is told that of each source."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from cli_samples import make_clip, smooth
from PIL import Image

from pocketsr import upscale_image
from pocketsr.image.looking import look_at_image
from pocketsr.video.looking import look_at_video

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from engine_nets import chain
from told_nets import told_model

Run = Callable[..., object]


@pytest.fixture
def told(tmp_path: Path) -> Path:
    onnx.save(told_model(chain((3, 3), 4)), tmp_path / "told.onnx")
    return tmp_path / "told.onnx"


def test_pictures(pocketsr: Run, tmp_path: Path, told: Path) -> None:
    made = {}
    for quality in (30, 90):
        source = tmp_path / f"{quality}.jpg"
        Image.fromarray(smooth(96, 128)).save(source, quality=quality)
        done = pocketsr("upscale", source, "-o", tmp_path / "big.png", "-m", told, "-y", "-j", 1)
        assert (done.code, done.err) == (0, "")  # nothing was chosen
        strength = look_at_image(source).strength
        with Image.open(source) as image:
            expected = upscale_image(np.asarray(image), str(told), 1, strength=strength)
        with Image.open(tmp_path / "big.png") as image:
            assert np.array_equal(np.asarray(image), expected)
        made[quality] = strength
    assert made[30] > made[90]


def test_videos(pocketsr: Run, tmp_path: Path, told: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=6, width=64, height=48)
    seen = look_at_video(clip)
    assert seen is not None
    for name, more in (("a", []), ("b", ["--strength", repr(seen.strength)]), ("c", ["--strength", "0"])):
        done = pocketsr("upscale", clip, "-o", tmp_path / f"{name}.avi", "-m", told, "-j", 1, "--codec", "ffv1", *more)
        assert done.code == 0, done.err
    a, b, c = ((tmp_path / f"{name}.avi").read_bytes() for name in "abc")
    assert a == b
    assert a != c
