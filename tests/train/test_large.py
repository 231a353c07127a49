"""recipes/large*.yaml: what they train runs in the engine, and each stage begins with what the one before gave."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from pocketsr.engine import load
from pocketsr.train import parse_recipe
from pocketsr.train.stages import Stages, train_stages

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
LAYERS = [{"channels": 6}, {"channels": 6}, {"channels": 4, "add": [0]}]


def test_all_stages_train_and_give_a_file_that_runs(pictures: Path, tmp_path: Path) -> None:
    """With a smaller network from nothing, and pictures of the test's own."""
    files = tuple(
        RECIPES / f"{name}.yaml" for name in ("large-first", "large-second", "large-third", "large-fourth", "large")
    )
    changed = [
        f"data.folder={pictures}", "data.exclude=[]", "data.sizes={}", "data.sampling_weights={}",
        "data.valid_patterns=[]", "data.valid_share=0.25", "teacher=null", "steps=3", "batch=2", "patch=22",
    ]  # fmt: skip
    small, deep = ([*changed, f"net.config.layers={json.dumps(layers)}"] for layers in (LAYERS, [LAYERS[0], *LAYERS]))
    recipes = (
        parse_recipe(files[0], [*small, "init=null"]),
        *(parse_recipe(file, small) for file in files[1:3]),
        parse_recipe(files[3], deep),
        parse_recipe(files[4], [*changed, "quant.model.checkpoint=null"]),
    )
    folders = tuple(tmp_path / recipe.name for recipe in recipes)
    outcome, number = train_stages(Stages(recipes, files, folders))
    assert (outcome.finished, number) == (True, 4)
    assert outcome.best_psnr_db > 5
    network = load(tmp_path / "large" / "large.onnx", threads=1)
    assert network(np.full((9, 8), 90, np.uint8)).shape == (18, 16)
