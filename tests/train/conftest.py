"""Pictures that anything learns something from, and a recipe that takes a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pocketsr.pixels import imresize
from pocketsr.train import Recipe
from pocketsr.train.recipe_file import recipe_from

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight smooth textures of 64 x 48; with a share of 1/4, "1.png" and "5.png" are to validate with."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(8):
        coarse = np.random.default_rng(number).uniform(30, 220, (12, 16))
        Image.fromarray(np.clip(imresize(coarse, 4), 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def content(pictures: Path) -> dict[str, Any]:
    """A recipe as YAML gives it; two 3x3 layers reach 2 pixels to each side."""
    return {
        "name": "probe",
        "net": {"name": "pocket", "config": {"layers": [{"channels": 3}, {"channels": 4}], "expansion": 4}},
        "data": {"folder": str(pictures), "valid_share": 0.25},
        "steps": 6,
        "batch": 4,
        "patch": 12,
        "optimiser": {"lr": 0.005, "warmup": 2},
        "validate_every": 1000,
    }


@pytest.fixture
def recipe(content: dict[str, Any]) -> Callable[..., Recipe]:
    """The recipe with these keys in place of its own."""
    return lambda **changes: recipe_from(content | changes, "test")
