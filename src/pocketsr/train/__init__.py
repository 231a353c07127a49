"""From a recipe to a network: one loop that can be interrupted, resumed exactly, and spread over processes."""

from __future__ import annotations

from pocketsr.train.loop import Outcome, train
from pocketsr.train.recipe import Recipe
from pocketsr.train.recipe_file import current_key, dump_recipe, parse_recipe
from pocketsr.train.stages import Stages, applicable, earlier_stages, train_stages

__all__ = [
    "Outcome",
    "Recipe",
    "Stages",
    "applicable",
    "current_key",
    "dump_recipe",
    "earlier_stages",
    "parse_recipe",
    "train",
    "train_stages",
]
