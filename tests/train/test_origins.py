"""What is absent is named with where it comes from, before anything is read or trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pocketsr.errors import UserError
from pocketsr.train import Recipe, parse_recipe, train
from pocketsr.train.origins import check_needs, origin
from pocketsr.train.sources import load_pairs

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))
TEACHER = {"model": "smfanet", "share": 0.5, "weights": "none/smfanet_div2k_x2.safetensors"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"data": {"folder": "none/data/train"}},
            r"data\.folder: no such folder: none/data/train \(CID22.*; DIV2K, data\.vision\.ee\.ethz\.ch/cvl/DIV2K; "
            r"General100, .*; T91, .*\); get it \(docs/data\.md\), or take others: --set data\.folder=DIR",
        ),
        ({"data": {"folder": "none/photos"}}, r"no such folder: none/photos; get it"),
        ({"data": {"folder": ["none/data/train_more"]}}, r"BSDS500's.*CLIC 2025.*Wikipedia.*gb82"),
        (
            {"data": {"folder": "none", "codec": {"clips": "no/clips", "panned_clips": 0}}},
            r"data\.codec\.clips: no such folder: no/clips; any clips in good quality do",
        ),
        (
            {"teacher": TEACHER},
            r"teacher\.weights: no such file of weights: none/smfanet_div2k_x2\.safetensors "
            r"\(SMFANet, github\.com/Zheng-MJ/SMFANet.*\); get it, or name it where it lies: --set teacher\.weights=",
        ),
        ({"teacher": {"model": "no.pt", "share": 0.5}}, r"teacher\.model: no such checkpoint: no\.pt; train it"),
        ({"init": "no.pt"}, r"init: no such checkpoint: no\.pt; train it, or name another: --set init=FILE"),
        ({"net": None, "quant": {"spec": "w8a8", "model": "no.pt"}}, r"quant\.model: no such checkpoint: no\.pt"),
    ],
)
def test_what_is_absent(tmp_path: Path, recipe: Callable[..., Recipe], changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        train(recipe(**changes), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("key", ["sizes", "sampling_weights", "valid_patterns"])
def test_patterns_name_the_collection_that_is_not_there(content: dict[str, Any], key: str) -> None:
    from pocketsr.train.recipe_file import recipe_from

    value: Any = {"sizes": {"clic/*": [0.5]}, "sampling_weights": {"clic/*": 2}, "valid_patterns": ["clic/*"]}[key]
    made = recipe_from(content | {"data": content["data"] | {key: value}}, "test")
    with pytest.raises(UserError, match=rf"{key} 'clic/\*' matches no picture \(CLIC 2025's.*is clic_half/\* now\)"):
        load_pairs(made.data)


def test_a_run_that_goes_on_needs_no_weights_to_begin_with(recipe: Callable[..., Recipe]) -> None:
    check_needs(recipe(init="gone.pt"), resuming=True)
    with pytest.raises(UserError, match=r"gone\.pt"):
        check_needs(recipe(init="gone.pt", init_share=0.5), resuming=True)
    check_needs(recipe(data={"folder": "nowhere"}), pictures=False)  # read already


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_all_that_shipped_recipes_name_has_an_origin(path: Path) -> None:
    recipe = parse_recipe(path)
    named = [*map(str, recipe.data.folders()), *recipe.data.sizes, *recipe.data.sampling_weights]
    named += recipe.data.valid_patterns
    named += [recipe.teacher.weights] if recipe.teacher and recipe.teacher.weights else []
    for name in named:
        assert origin(name), name
    assert not re.search(r"clic/", path.read_text())


def test_names_of_ones_own_have_none() -> None:
    assert origin("photos/summer") is None
    assert origin("*.png") is None
