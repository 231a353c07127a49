"""`pocketsr burst`: files in, a file out, and mistakes in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from burst_scenes import burst_of, scene
from PIL import Image

import pocketsr
from pocketsr.cli import main
from pocketsr.image import upscale_image


@pytest.fixture
def frames(tmp_path: Path) -> list[Path]:
    paths = []
    for index, pixels in enumerate(burst_of(scene(96, 112), 3)):
        paths.append(tmp_path / f"frame{index + 1}.png")
        Image.fromarray(pixels).save(paths[-1], dpi=(72, 72))
    return paths


def _run(*words: object) -> int:
    return main(["burst", "-m", "small", "-j", "1", *map(str, words)])


def test_a_burst_becomes_a_picture(frames: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "big.png"
    assert _run(*frames, "-o", out) == 0
    assert capsys.readouterr() == (f"{out}: 112x96\n", "")
    with Image.open(out) as made:
        assert round(made.info["dpi"][0]) == 72
        np.testing.assert_array_equal(
            np.asarray(made), pocketsr.burst([np.asarray(Image.open(path)) for path in frames], "small", threads=1)
        )
    assert _run(*frames, "-o", out) == 2
    assert "exists already: pass -y" in capsys.readouterr().err
    assert _run(*frames, "-o", out, "-y", "--reference", 3, "--scale", 4, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["output"], told["width"], told["height"]) == (str(out), 224, 192)
    assert [each["file"] for each in told["frames"]] == [str(path) for path in frames]
    assert told["frames"][2]["share"] == 1
    assert min(each["share"] for each in told["frames"]) > 0.5


def test_one_frame_is_what_upscale_makes(frames: list[Path], tmp_path: Path) -> None:
    assert _run(frames[0], "-o", tmp_path / "one.png") == 0
    assert main(["upscale", str(frames[0]), "-m", "small", "-o", str(tmp_path / "same.png")]) == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "same.png").read_bytes()


def test_frames_are_turned_upright_and_keep_what_the_reference_says(frames: list[Path], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274], exif[271] = 6, "Pocket"
    for path in frames:
        with Image.open(path) as image:
            image.transpose(Image.Transpose.ROTATE_90).save(path.with_suffix(".tif"), exif=exif, icc_profile=b"none")
        path.with_suffix(".tif").replace(path.with_suffix(".jpg.tif"))
    out = tmp_path / "upright.png"
    turned = [path.with_suffix(".jpg.tif") for path in frames]
    assert _run(*turned, "-o", out) == 0
    with Image.open(out) as made:
        assert made.size == (112, 96)
        assert made.getexif()[271] == "Pocket"
        assert made.getexif().get(274, 1) == 1


def test_a_frame_that_shows_something_else_is_named(
    frames: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(scene(48, 56, seed=9)).save(tmp_path / "other.png")
    assert _run(*frames, tmp_path / "other.png", "-o", tmp_path / "big.png") == 0
    said = capsys.readouterr().err
    assert f"warning: {tmp_path / 'other.png'} shows something else than {frames[0]}" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["{0}", "missing.png"], "no such file: missing.png"),
        (["{0}", "{folder}"], "is a folder: name its pictures"),
        (["{0}", "{folder}/small.png"], "is 20x20 and"),
        (["{0}", "{folder}/grey.png"], "is grey and"),
        (["{0}", "{folder}/text.png"], "is not an image that can be read"),
        (["{0}", "{1}", "--reference", "3"], "--reference 3: 1 to 2 is expected"),
        (["{0}", "{1}", "--reference", "0"], "--reference 0: 1 to 2 is expected"),
        (["{0}", "{1}", "-s", "5"], "-s 5: 2, 3 or 4 is expected"),
        (["{0}", "{1}", "-j", "0"], "at least one thread"),
        (["{0}", "{1}", "-o", "{1}", "-y"], "is one of the inputs"),
        (["{0}", "{1}", "-o", "{folder}/no/big.png"], "there is no folder"),
        (["{0}", "{1}", "-o", "{folder}/big.mp4"], "big.mp4"),
    ],
)
def test_mistakes_are_one_line(
    frames: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "small.png")
    Image.new("L", (56, 48)).save(tmp_path / "grey.png")
    (tmp_path / "text.png").write_text("no picture at all")
    before = sorted(tmp_path.iterdir())
    filled = [word.format(*frames, folder=tmp_path) for word in words]
    assert _run(*filled, *([] if "-o" in words else ["-o", tmp_path / "big.png"])) == 2
    said = capsys.readouterr()
    assert why in said.err
    assert said.err.count("\n") == 1
    assert not said.out
    assert sorted(tmp_path.iterdir()) == before


def test_without_opencv_one_line_says_what_to_install(frames: list[Path], tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['cv2'] = None\n"
        "from pocketsr.cli import _networks\n"
        "_networks._PATIENCE_S = 86_400.0\n"  # on a busy machine compiling takes long enough for a line of its own
        "from pocketsr.cli import main\n"
        f"one = main(['burst', {str(frames[0])!r}, '-m', 'bicubic', '-o', {str(tmp_path / 'one.png')!r}])\n"
        f"sys.exit(one or main(['burst', *{[str(path) for path in frames]!r}, '-o', {str(tmp_path / 'big.png')!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("pocketsr: fusing several frames needs OpenCV (")
    assert done.stderr.endswith("): pip install 'pocketsr[burst]'\n")
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "one.png").exists()
    assert not (tmp_path / "big.png").exists()


@pytest.mark.parametrize(
    ("frames", "options", "kind"),
    [
        ([], {}, ValueError),
        ("abc", {}, TypeError),
        ([np.zeros((8, 8), np.float32)], {}, TypeError),
        ([np.zeros((8, 8, 2), np.uint8)], {}, ValueError),
        ([np.zeros((8, 8), np.uint8), np.zeros((8, 9), np.uint8)], {}, ValueError),
        ([np.zeros((8, 8), np.uint8)], {"scale": 5}, ValueError),
        ([np.zeros((8, 8), np.uint8)], {"scale": 1.5}, TypeError),
        ([np.zeros((8, 8), np.uint8)], {"reference": 1}, ValueError),
    ],
)
def test_wrong_arguments(frames: object, options: dict[str, object], kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        pocketsr.burst(frames, "bicubic", **options)
    assert isinstance(raised.value, pocketsr.UserError)


def test_arrays_may_be_one_array() -> None:
    stack = np.stack(burst_of(scene(96, 96), 2))
    np.testing.assert_array_equal(pocketsr.burst(stack, "small"), pocketsr.burst([*stack], "small"))
    np.testing.assert_array_equal(pocketsr.burst(stack[:1], "small"), upscale_image(stack[0], "small"))
