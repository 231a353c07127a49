"""Networks that are told a strength learn from pairs that have one: files as people have them, and clean ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pocketsr.data import Pair, PatchPool, add_blur, add_webp, pair_from, with_strength
from pocketsr.nets import build
from pocketsr.pixels.strength import strength_between
from pocketsr.train.folder import RunFolder
from pocketsr.train.loop import train
from pocketsr.train.recipe import Data, Files, Recipe
from pocketsr.train.recipe_file import recipe_from
from pocketsr.train.sources import load_pairs
from pocketsr.train.validate import valid_psnr_db


def _photograph(seed: int, side: int = 96) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 220, (side // 8, side // 8)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(12):
        Image.fromarray(_photograph(seed)).save(folder / f"photo{seed}.png")
    return folder


def test_patches_carry_the_strength_of_their_picture() -> None:
    pairs = [Pair(f"{k}", pair_from("", _photograph(k)).hr, pair_from("", _photograph(k)).lr, k / 4) for k in range(4)]
    plain, told = PatchPool(pairs, 16), PatchPool(pairs, 16, strengths=True)
    (lr, hr), (lr_told, hr_told) = (pool.batch(np.random.default_rng(3), 12) for pool in (plain, told))
    assert lr_told.shape == (12, 2, 16, 16)
    assert torch.equal(lr_told[:, :1], lr)
    assert torch.equal(hr_told, hr)
    planes = lr_told[:, 1].flatten(1)
    assert torch.equal(planes.amin(1), planes.amax(1))
    assert set(planes[:, 0].tolist()) <= {0.0, 0.25, 0.5, 0.75}
    assert len(set(planes[:, 0].tolist())) > 1


def test_files_are_drawn_with_their_strengths(photographs: Path) -> None:
    files = Files(
        copies=8, clean_share=0.25, blur_sigma=0.6, noise_levels=3, jpeg_quality=(30, 95), webp_quality=(40, 95)
    )
    data = Data(folder=str(photographs), valid_share=0.25, files=files)
    train_pairs, valid, _ = load_pairs(data, seed=5)
    again, _, _ = load_pairs(data, seed=5)
    assert all(np.array_equal(a.lr, b.lr) and a.strength == b.strength for a, b in zip(train_pairs, again, strict=True))
    assert len(train_pairs) + len(valid) == 12 * 8
    strengths = [pair.strength for pair in train_pairs]
    assert 0.1 < np.mean([strength == 0 for strength in strengths]) < 0.4
    assert len(set(strengths)) > len(strengths) / 2
    for pair in train_pairs:
        clean = pair_from("", pair.hr).lr
        assert pair.strength == strength_between(clean, pair.lr)


def test_blur_and_webp_are_what_they_say() -> None:
    picture = _photograph(1)
    assert np.array_equal(add_blur(np.full((9, 7), 80, np.uint8), 1.5), np.full((9, 7), 80))
    point = np.zeros((21, 21), np.uint8)
    point[10, 10] = 255
    soft = add_blur(point, 1.0).astype(float)
    assert soft[10, 10] == pytest.approx(255 / (2 * np.pi), abs=1)
    assert np.array_equal(soft, soft.T)
    worse, better = (strength_between(picture, add_webp(picture, quality)) for quality in (20, 95))
    assert worse > better > 0
    assert add_webp(np.stack([picture] * 3, -1), 80).shape == (96, 96, 3)


def test_a_network_that_is_told_is_trained_and_exported(photographs: Path, tmp_path: Path) -> None:
    content = {
        "name": "told", "steps": 6, "batch": 4, "patch": 16, "validate_every": 3,
        "net": {"name": "pocket", "config": {"layers": [{"channels": 6}, {"channels": 4}], "strengths": 3}},
        "data": {"folder": str(photographs), "valid_share": 0.25, "files": {"copies": 2, "jpeg_quality": [30, 95]}},
        "optimiser": {"lr": 1e-3, "warmup": 1}, "losses": {"psnr": 1.0},
    }  # fmt: skip
    recipe: Recipe = recipe_from(content, "told.yaml")
    outcome = train(recipe, tmp_path / "run")
    assert outcome.finished
    assert RunFolder(tmp_path / "run", recipe).onnx.is_file()


def test_validation_tells_each_picture_its_own_strength() -> None:
    net = build("pocket", layers=[{"channels": 6}, {"channels": 4}], strengths=2)
    with torch.no_grad():
        net.offsets[0][1] += 3.0
    clean = pair_from("", _photograph(2))
    strong = Pair("strong", clean.hr, clean.lr, 1.0)
    figures = [valid_psnr_db(net, [pair]) for pair in (clean, strong)]
    assert figures[0] != figures[1]
    lr = torch.from_numpy(clean.lr[None, None].astype(np.float32) / 255)
    assert with_strength(lr, torch.tensor([0.5])).shape == (1, 2, 48, 48)
