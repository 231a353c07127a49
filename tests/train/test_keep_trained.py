"""`tools/keep_trained.py`: what a run trained, as weights that can be measured beside the authors'."""

from __future__ import annotations

from pathlib import Path

import keep_trained
import msgspec
import pytest
import torch

from pocketsr import UserError
from pocketsr.bench.contenders import contenders
from pocketsr.nets import build, load_weights
from pocketsr.train import parse_recipe
from pocketsr.train.checkpoint import save_checkpoint

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "sesr-m5.yaml"


@torch.no_grad()
def test_it_is_the_same_network_with_fewer_numbers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    recipe = parse_recipe(RECIPE, ["name=sesr-m3", "net.name=sesr-m3"])
    net = build("sesr-m3")
    state = {"ema": net.state_dict(), "recipe": msgspec.to_builtins(recipe), "step": 2000, "psnr_db": 33.0}
    save_checkpoint(state, tmp_path / "best.pt")
    file = keep_trained.keep(tmp_path, tmp_path)
    assert file == tmp_path / "sesr-m3.safetensors"
    assert file.stat().st_size < 40_000  # 8,928 numbers and a header
    again = build("sesr-m3")
    load_weights(again, file)
    x = torch.rand(1, 1, 20, 21)
    torch.testing.assert_close(again(x), net(x), atol=2e-6, rtol=0)
    found = contenders([file], print)[-1]
    assert (found.model, found.origin) == ("sesr-m3", "trained here")
    assert found.source == f"sesr-m3.safetensors, {recipe.steps:,} steps of {recipe.batch} patches"


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such checkpoint"):
        keep_trained.keep(tmp_path, tmp_path)
