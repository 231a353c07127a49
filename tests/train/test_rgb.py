"""A network of RGB from outside the package: trained, resumed, given a teacher, exported, compiled, used, measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import rgb_nets
import torch
from PIL import Image

import pocketsr
from pocketsr.bench.quality import mean_psnr_db, read_sample
from pocketsr.cli.main import main
from pocketsr.data import add_jpeg, load_images
from pocketsr.errors import PocketsrWarning, UserError
from pocketsr.pixels import imresize
from pocketsr.train import Outcome, Recipe, loop, train
from pocketsr.train.checkpoint import load_checkpoint, load_network
from pocketsr.train.recipe_file import recipe_from
from pocketsr.train.sources import load_pairs
from pocketsr.train.teacher import load_teacher
from pocketsr.train.validate import valid_psnr_db

Make = Callable[..., Recipe]


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    rgb_nets.register()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight smooth textures of 96 x 72 in colour."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(8):
        coarse = np.random.default_rng(number).uniform(20, 235, (18, 24, 3))
        Image.fromarray(np.clip(imresize(coarse, 4), 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture of the curve, which takes most of so short a run."""
    monkeypatch.setattr(loop, "draw", lambda _: None)


@pytest.fixture
def make(photos: Path) -> Make:
    content: dict[str, Any] = {
        "name": "colour", "net": {"name": rgb_nets.NAME}, "data": {"folder": str(photos), "valid_share": 0.25},
        "steps": 30, "batch": 4, "patch": 12, "optimiser": {"lr": 0.005, "warmup": 2}, "validate_every": 10,
    }  # fmt: skip
    return lambda **changes: recipe_from(content | changes, "test")


@pytest.fixture(scope="module")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run by the command itself."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "colour.yaml").write_text(
        f"name: colour\nnet: {{name: {rgb_nets.NAME}}}\ndata: {{folder: '{photos}', valid_share: 0.25}}\n"
        "steps: 30\nbatch: 4\npatch: 12\noptimiser: {lr: 0.005, warmup: 2}\nvalidate_every: 10\nborders_every: 3\n"
    )
    assert main(["train", str(folder / "colour.yaml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


def test_resumed_it_has_the_same_weights(make: Make, tmp_path: Path) -> None:
    recipe = make(borders_every=3, schedule={"kind": "constant"})
    train(recipe, tmp_path / "one")
    train(msgspec.structs.replace(recipe, steps=13), tmp_path / "two")
    train(recipe, tmp_path / "two", resume=True, changed=["steps"])
    first, second = (load_checkpoint(tmp_path / run / "last.pt") for run in ("one", "two"))
    assert first["step"] == second["step"] == 30
    for name, weight in first["net"].items():
        assert torch.equal(weight, second["net"][name]), name


def test_it_learns(make: Make, tmp_path: Path) -> None:
    before = train(make(steps=1, validate_every=1), tmp_path / "one").best_psnr_db
    assert train(make(steps=120, validate_every=40), tmp_path / "two").best_psnr_db > before + 3


def test_it_compiles_and_upscales(trained: Path, photos: Path, tmp_path: Path) -> None:
    sr = pocketsr.load(trained / "colour.onnx")
    assert (sr.channels, sr.scale) == (3, 2)
    lr = load_images(photos, channels=3)[0].lr
    net = load_network(trained / "best.pt")
    x = torch.from_numpy(np.moveaxis(lr, -1, 0).copy())[None].float() / 255
    wanted = np.moveaxis((net(x)[0] * 255).round().clamp(0, 255).numpy(), 0, -1)
    assert np.abs(sr(lr).astype(int) - wanted).max() <= 1
    target = tmp_path / "large.png"
    assert main(["upscale", str(photos / "0.png"), "-o", str(target), "-m", str(trained / "colour.onnx")]) == 0
    with Image.open(target) as image:
        assert (image.mode, image.size) == ("RGB", (192, 144))
    assert main(["compile", str(trained / "colour.onnx"), "-o", str(tmp_path / "c")]) == 0


def test_validation_is_by_the_protocol_of_the_bench(trained: Path, photos: Path) -> None:
    """Luma of the rounded RGB picture, shaved by the scale: what `bench quality` says of the same pictures."""
    net, sr = load_network(trained / "best.pt"), pocketsr.load(trained / "colour.onnx")
    samples = [read_sample("photos", path) for path in sorted(photos.iterdir())]
    mine = valid_psnr_db(net, load_images(photos, channels=3))
    assert mine == pytest.approx(mean_psnr_db(sr, samples), abs=0.005)  # the engine rounds a level now and then


def test_bench_quality_measures_it(trained: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data = str(trained / "colour.onnx"), str(photos.parent)
    assert main(["bench", "quality", "-m", model, "--data", data, "--sets", photos.name, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert model in json.dumps(rows)


@pytest.mark.parametrize("scale", [3, 4])
def test_other_scales(make: Make, tmp_path: Path, scale: int) -> None:
    made = make(net={"name": rgb_nets.NAME, "config": {"scale": scale}}, steps=3, patch=8)
    assert isinstance(train(made, tmp_path / "run"), Outcome)
    sr = pocketsr.load(tmp_path / "run" / "colour.onnx")
    assert sr(np.zeros((9, 7, 3), np.uint8)).shape == (9 * scale, 7 * scale, 3)


def test_noise_jpeg_sizes_and_a_finish(make: Make, photos: Path, tmp_path: Path) -> None:
    data = {
        "folder": str(photos), "valid_share": 0.25, "noise_levels": 4.0, "jpeg_quality": [40, 80],
        "sizes": {"*": [1, 0.8]}, "sampling_weights": {"2.png": 3},
    }  # fmt: skip
    made = make(data=data, losses={"psnr": 1.0, "fft": 0.1}, finish={"at": 0.5, "losses": {"l2": 1.0}}, steps=6)
    pairs = load_pairs(made.data, made.seed, 2, 3)[0]
    assert all(pair.lr.shape[2] == 3 and pair.hr.shape[2] == 3 for pair in pairs)
    assert train(made, tmp_path / "run").finished


def test_jpeg_keeps_colour() -> None:
    """In eight columns each of red, green and blue."""
    stripes = np.zeros((16, 48, 3), np.uint8)
    for channel in range(3):
        stripes[:, 16 * channel : 16 * channel + 16, channel] = 200
    back = add_jpeg(stripes, 90)
    assert np.abs(back[:, 4:12].astype(int) - stripes[:, 4:12]).max() < 12


def test_a_teacher_of_rgb_for_rgb_and_for_luma(make: Make, trained: Path, tmp_path: Path) -> None:
    for model in (trained / "best.pt", trained / "colour.onnx"):
        teacher = {"model": str(model), "share": 0.5}
        losses = {"l1": 1.0, "distillation": 0.5}
        assert train(make(teacher=teacher, losses=losses, steps=3), tmp_path / model.suffix[1:]).finished
        luma = load_teacher(str(model), torch.device("cpu")).enlarge(torch.full((1, 1, 8, 8), 0.5))
        assert luma.shape == (1, 1, 16, 16)
        assert float((luma[..., 4:-4, 4:-4] - 0.5).abs().max()) < 0.1
    with pytest.raises(UserError, match=r"teacher.model small is x2 of 1 channels: x2 of RGB \(3 channels\) is needed"):
        train(make(teacher={"model": "small", "share": 0.5}), tmp_path / "refused")


def test_codecs_are_refused_in_a_line(make: Make, photos: Path, tmp_path: Path) -> None:
    data = {"folder": str(photos), "codec": {"clips": str(photos)}}
    with pytest.raises(UserError, match=r"data\.codec gives frames of luma, and this network is of RGB"):
        train(make(data=data), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_pictures_without_colour_are_said(make: Make, pictures: Path, tmp_path: Path) -> None:
    with pytest.warns(PocketsrWarning, match="no picture in .* has colour"):
        train(make(data={"folder": str(pictures), "valid_share": 0.25}, steps=2), tmp_path / "run")


def test_grey_files_become_rgb_as_they_become_luma(tmp_path: Path) -> None:
    """Levels of 16..235 are studio luma: 16 is black and 235 is white."""
    Image.fromarray(np.array([[16, 235], [16, 235]], np.uint8)).save(tmp_path / "studio.png")
    Image.fromarray(np.array([[0, 255], [0, 255]], np.uint8)).save(tmp_path / "full.png")
    for pair in load_images(tmp_path, channels=3):
        assert pair.hr.tolist() == [[[0] * 3, [255] * 3]] * 2


def test_quantized(make: Make, trained: Path, tmp_path: Path) -> None:
    made = make(net=None, quant={"spec": "w8a8", "model": str(trained / "best.pt"), "patches": 4}, steps=4)
    train(made, tmp_path / "run")
    sr, exact = pocketsr.load(tmp_path / "run" / "colour.onnx"), pocketsr.load(trained / "colour.onnx")
    lr = np.random.default_rng(0).integers(60, 200, (20, 24, 3), np.uint8)
    assert np.abs(sr(lr).astype(int) - exact(lr)).mean() < 4
