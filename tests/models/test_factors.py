"""Networks made for x3 and x4: how names say the scale, and what a factor takes."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pocketsr
from pocketsr import Size
from pocketsr.cli import main
from pocketsr.frames import Frame
from pocketsr.models import ALIASES, SHIPPED, SHIPPED_X2, at_size, scale_at, scale_of
from pocketsr.sizing import Shape
from pocketsr.video import VideoFileSink, VideoFileSource

ROOT = Path(__file__).resolve().parents[2]
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
    others = (None, Size(factor=Fraction(2)), Size(factor=Fraction(3, 2)))
    assert [at_size("small", size) for size in others] == ["small"] * 3
    assert at_size("screen", Size(factor=Fraction(4))) == "screen"
    assert at_size("net.onnx", Size(factor=Fraction(4))) == "net.onnx"
    assert [at_size(alias, Size(factor=Fraction(2))) for alias in ALIASES] == list(ALIASES)


@pytest.mark.parametrize(
    ("size", "name"),
    [
        (Size(factor=Fraction(5, 2)), "small-x3"),
        (Size(factor=Fraction(8)), "small-x4"),
        (Size(height=720), "small"),
        (Size(height=1080), "small-x3"),
        (Size(width=1926), "small-x3"),  # a side that was rounded is no other factor
        (Size(width=2000), "small-x4"),
        (Size(width=1280, height=1080), "small-x3"),  # 2 times as wide, 3 times as high
        (Size(fit=(3840, 2160)), "small-x4"),
    ],
)
def test_a_size_takes_what_suits_the_picture(size: Size, name: str) -> None:
    assert at_size("small", size, Shape(640, 360)) == name
    assert at_size("medium", size, Shape(640, 360)) == "medium"
    if size.factor is None:
        assert at_size("small", size) == "small"


def test_a_turned_film_fits_a_turned_box() -> None:
    box = Size(fit=(1080, 1920))
    assert at_size("small", box, Shape(640, 360)) == "small"
    assert at_size("small", box, Shape(640, 360, turned=True)) == "small-x3"
    assert at_size("small", box, Shape(720, 640, aspect=Fraction(1, 2))) == "small-x3"


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


def test_pictures_of_a_height_take_it() -> None:
    rgb = _picture()
    assert np.array_equal(
        pocketsr.upscale_image(rgb, "small", threads=1, size=(None, 60)),
        pocketsr.upscale_image(rgb, "small-x3", threads=1),
    )


def test_frames_of_a_height_take_it(tmp_path: Path) -> None:
    frames = [Frame.from_array("gray", np.ascontiguousarray(_picture()[..., 0]))]
    for name, size in (("small", (None, 60)), ("small-x3", None)):
        pocketsr.upscale_video(
            frames, tmp_path / f"{name}.mkv", model=name, size=size, threads=1, codec="ffv1", rate=25
        )
    made = [next(iter(VideoFileSource(tmp_path / f"{name}.mkv"))) for name in ("small", "small-x3")]
    assert made[0].height == 60
    assert np.array_equal(made[0].planes[0], made[1].planes[0])


@pytest.mark.parametrize("suffix", [".png", ".mkv", ".gif"])
@pytest.mark.parametrize(
    ("options", "line"),
    [(["--height", "60"], "small at this size: small-x3"), (["--size", "98x70"], "4x by small-x4, then 112x80 to")],
)
def test_a_height_on_the_command_line(
    suffix: str, options: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, made = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    if suffix == ".mkv":
        _film(source)
    else:
        extra = {"save_all": True, "append_images": [Image.new("RGB", (28, 20))]} if suffix == ".gif" else {}
        Image.fromarray(_picture()).save(source, **extra)
    assert main(["upscale", str(source), "-o", str(made), "-m", "small", "-j", "1", *options]) == 0
    said = capsys.readouterr()
    assert line in said.err
    assert len([each for each in said.err.splitlines() if "small-x" in each and "compiling" not in each]) == 1
    assert ("98x70" if "--size" in options else "84x60") in said.out


def _film(path: Path) -> None:
    frames = [Frame.from_array("rgb24", _picture(), pts=n, time_base=Fraction(1, 25)) for n in range(2)]
    with VideoFileSink(path, codec="ffv1") as sink:
        sink.begin(frames[0].format)
        for frame in frames:
            sink.write(frame)


def test_the_rule_is_the_best_of_what_was_measured() -> None:
    """Within 0.04 dB: a smaller scale makes fewer pixels."""
    rows = json.loads((ROOT / "benchmarks" / "any_size.json").read_text())["scales"]["rows"]
    assert {row["set"] for row in rows} == {"Set14", "B100"}
    for row in rows:
        found = row["psnr_db"]
        scale = scale_at(row["factor"])
        assert found[f"small-x{scale}" if scale > 2 else "small"] >= max(found.values()) - 0.04, row
        if 2.1 < row["factor"] < 3.9:
            assert found[f"small-x{scale}"] > found["small"] + 0.08, row
