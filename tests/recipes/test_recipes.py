"""Every recipe can be read, and gives a network of the size that it promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocketsr import nets
from pocketsr.reparam import collapse
from pocketsr.train import parse_recipe

RECIPES = sorted((Path(__file__).resolve().parents[2] / "recipes").glob("*.yaml"))

# The limits that the networks were designed to, in learned numbers once collapsed.
LIMITS = {"tiny": 972, "small": 5848, "sesr-m5": 13_600}  # SESR-M5: 13,520 weights and 80 slopes


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe(path: Path) -> None:
    recipe = parse_recipe(path)
    assert recipe.name == path.stem
    net = collapse(nets.build(recipe.net.name, **recipe.net.config))
    limit = LIMITS[recipe.name.removesuffix("-call").removesuffix("-first")]
    assert sum(parameter.numel() for parameter in net.parameters()) <= limit


def test_there_are_recipes() -> None:
    assert {"small", "tiny"} <= {path.stem for path in RECIPES}
