"""`pocketsr quantize`, from a network and a folder of pictures to a quantized file."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
import yaml
from cli_samples import smooth
from PIL import Image

Run = Callable[..., Any]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(6):
        Image.fromarray(smooth(48, 64)[:, number:]).save(folder / f"{number}.png")
    return folder


def _specs(path: Path) -> str:
    return {item.key: item.value for item in onnx.load(path).metadata_props}["pocketsr.spec"]


def test_ranges_by_pictures(pocketsr: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = pocketsr("quantize", "tiny", "--spec", "w8a8", "--data", pictures)
    assert done.code == 0, done.err
    said = re.fullmatch(
        r"tiny-w8a8\.onnx: [\d,]+ bytes; ([\d.]+) dB on 1 picture kept apart, ([\d.]+) dB in full precision\n", done.out
    )
    assert said, done.out
    assert abs(float(said[1]) - float(said[2])) < 1
    assert _specs(tmp_path / "tiny-w8a8.onnx") == "w8a8"
    again = pocketsr("quantize", "tiny", "--spec", "w8a8", "--data", pictures)
    assert (again.code, again.err) == (2, "pocketsr: tiny-w8a8.onnx exists already: name another file with -o\n")


def test_training_goes_on_from_there(
    pocketsr: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = {
        "name": "other", "net": {"name": "pocket"}, "data": {"folder": "nowhere", "valid_share": 0.25},
        "steps": 3, "patch": 16, "batch": 4, "optimiser": {"lr": 0.001, "warmup": 0},
        "quant": {"spec": "w8a8", "model": "small", "patches": 4},
    }  # fmt: skip
    Path("other.yaml").write_text(yaml.safe_dump(recipe))
    done = pocketsr("quantize", "tiny", "--spec", "w2a4", "--data", pictures, "--qat", "other.yaml", "-o", "few.onnx")
    assert done.code == 0, done.err
    assert re.search(r"few\.onnx: [\d,]+ bytes; [\d.]+ dB in validation, of runs/tiny-w2a4\n", done.out)
    assert Path("few.onnx").read_bytes() == Path("runs/tiny-w2a4/tiny-w2a4.onnx").read_bytes()
    assert _specs(Path("few.onnx")) == "w2a4"


def test_mistakes_are_one_line(pocketsr: Run, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    Image.fromarray(smooth(32, 32)).save(tmp_path / "one" / "0.png")
    for arguments, said in (
        (["tiny", "--spec", "w8a9", "--data", pictures], "no spec 'w8a9': known are w8a8, w4a8, w2a8, w4a4, w2a4, w2a"),
        (["tinny", "--spec", "w8a8", "--data", pictures], "unknown model 'tinny'"),
        (["bicubic", "--spec", "w8a8", "--data", tmp_path / "none"], "none does not exist"),
        (["tiny", "--spec", "w8a8", "--data", tmp_path / "one"], "one holds one picture"),
        (["tiny", "--spec", "w8a8", "--data", pictures, "-o", tmp_path / "no" / "x.onnx"], "there is no folder"),
        (["tiny", "--spec", "w8a8", "--data", pictures, "--qat", tmp_path / "x.yaml"], "x.yaml can't be read as a"),
    ):
        done = pocketsr("quantize", *arguments)
        assert done.code == 2
        assert said in done.err
        assert done.err.startswith("pocketsr: ")
        assert done.err.count("\n") == 1


def test_without_the_extra_the_mend_is_named() -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"  # as if it were not installed
        "from pocketsr.cli import main\n"
        "sys.exit(main(['quantize', 'tiny', '--spec', 'w8a8', '--data', '.']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "pocketsr: quantizing needs torch: pip install 'pocketsr[train]'\n"
