"""Networks made for x3 and x4: how names say the scale, and what a factor takes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pocketsr
from pocketsr import Size
from pocketsr.cli import main
from pocketsr.models import ALIASES, SHIPPED, SHIPPED_X2, at_size, scale_of

OTHERS = [name for name in SHIPPED if name not in SHIPPED_X2]


def _picture() -> np.ndarray:
    rows, columns = np.mgrid[:20, :28]
    return np.stack([(rows * 11) % 256, (columns * 9) % 256, (rows * columns) % 256], -1).astype(np.uint8)


@pytest.mark.parametrize("name", OTHERS)
def test_names_say_the_scale(name: str) -> None:
    assert pocketsr.load(name, threads=1).scale == scale_of(name) != 2


def test_there_are_networks_for_x4() -> None:
    assert "small-x4" in OTHERS
    assert "small" in SHIPPED_X2


def test_a_factor_takes_the_network_made_for_it() -> None:
    assert at_size("small", Size(factor=Fraction(4))) == "small-x4"
    others = (None, Size(factor=Fraction(2)), Size(factor=Fraction(5, 2)))
    assert [at_size("small", size) for size in others] == ["small"] * 3
    assert at_size("screen", Size(factor=Fraction(4))) == "screen"
    assert at_size("net.onnx", Size(factor=Fraction(4))) == "net.onnx"
    assert [at_size(alias, Size(factor=Fraction(2))) for alias in ALIASES] == list(ALIASES)


@pytest.mark.parametrize("model", ["small", "auto"])
def test_pictures_and_streams_take_it(model: str) -> None:
    rgb = _picture()
    wanted = pocketsr.upscale_image(rgb, "small-x4", threads=1)
    assert wanted.shape == (80, 112, 3)
    assert np.array_equal(pocketsr.upscale_image(rgb, model, threads=1, size=4), wanted)


def test_streams_take_it() -> None:
    grey = np.ascontiguousarray(_picture()[..., 0])
    with pocketsr.Stream("small", threads=1, size=4) as stream, pocketsr.Stream("small-x4", threads=1) as other:
        assert np.array_equal(stream(grey).planes[0], other(grey).planes[0])


@pytest.mark.parametrize("model", ["auto", "small"])
def test_the_command_line_takes_it(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(_picture()).save(tmp_path / "in.png")
    assert (
        main(["upscale", str(tmp_path / "in.png"), "-o", str(tmp_path / "out.png"), "-m", model, "-s", "4", "-j", "1"])
        == 0
    )
    assert ("small-x4" in capsys.readouterr().err) == (model == "auto")
    assert np.array_equal(Image.open(tmp_path / "out.png"), pocketsr.upscale_image(_picture(), "small-x4", threads=1))
