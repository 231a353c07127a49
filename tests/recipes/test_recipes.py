"""Every recipe can be read, and gives a network of the size that it promises."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from pocketsr.nets import SRNet
from pocketsr.quant.ptq import source_of
from pocketsr.reparam import collapse
from pocketsr.train import earlier_stages, parse_recipe
from pocketsr.train.beginning import resolved
from pocketsr.train.checkpoint import load_network
from pocketsr.train.networks import quant_net
from pocketsr.train.quantized import initial_network
from pocketsr.train.recipe import Recipe, Stage
from pocketsr.train.stages import check_fit

CHECKPOINTS = sorted((Path(__file__).resolve().parents[2] / "checkpoints").glob("*.pt"))
RECIPES = sorted((Path(__file__).resolve().parents[2] / "recipes").glob("*.yaml"))

# The limits that the networks were designed to, in learned numbers once collapsed.
LIMITS = {
    "tiny": 972, "small": 5848, "medium": 14_772, "quality": 74_380, "steep-tiny": 11_492, "steep-tiny-all": 15_009,
    "steep-small": 15_100, "steep-small-w8a8": 15_100,
    "small-x3": 6393, "small-x4": 7156, "quality-x3": 75_465, "quality-x4": 76_984, "phone": 972,
    "small-call": 6168, "photo": 6168, "photo-quality": 76_200, "medium-call": 15_352,  # with biases at five strengths
    "screen": 5848,
    "burst": 9952,
    "large": 335_572,  # of 350,000
    "sesr-m5": 13_600,  # 13,520 weights and 80 slopes
    "curve": 972, "curve-bits": 5848,  # what stands in the files until `tools/contest.py` names others
}  # fmt: skip


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe(path: Path) -> None:
    recipe = parse_recipe(path)
    assert recipe.name == path.stem
    net = collapse(_begun(recipe))
    name = (
        recipe.name
        if recipe.name in LIMITS
        else re.sub(r"-(call|first|psnr|second|third|fourth|soap|w\da\d)$", "", recipe.name)
    )
    limit = LIMITS[name]
    scales = [name for name, _ in net.named_parameters() if name.endswith("log_scale")]  # of integers
    assert bool(scales) == (recipe.quant is not None)
    assert sum(parameter.numel() for name, parameter in net.named_parameters() if name not in scales) <= limit


def _begun(recipe: Recipe) -> SRNet:
    """What the recipe begins with, by a checkpoint that is kept; a stage of which none is kept has random weights."""
    if recipe.quant is None:
        return initial_network(recipe.subject())
    stage = recipe.quant.model
    if not isinstance(stage, Stage) or stage.checkpoint:  # else a network that ships
        return initial_network(resolved(recipe, Path("runs-of-nobody"))[0].subject())
    return quant_net(recipe.quant, source_of(initial_network(parse_recipe(Path(stage.recipe)).subject()), "stage"))


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.stem)
def test_a_kept_checkpoint_holds_all_that_its_network_needs(path: Path) -> None:
    """steep-small-w8a8's once lacked the network that its quantization began with."""
    assert sum(parameter.numel() for parameter in load_network(path).parameters()) > 0


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_each_trains_from_nothing_and_says_what_it_costs(path: Path) -> None:
    recipe = parse_recipe(path)
    stages = [*(each for each, _ in earlier_stages(recipe, path)), recipe]
    assert stages[0].net is not None or recipe.name == "curve-bits"  # which tools/contest.py completes
    assert stages[0].init is None
    for stage in stages:
        assert stage.cost is not None
        assert 0.001 < stage.cost.core_hours < 100
    for before, after in pairwise(stages):
        check_fit(before, Path(before.name), after, path)


def test_there_are_recipes() -> None:
    assert {"small", "tiny"} <= {path.stem for path in RECIPES}
