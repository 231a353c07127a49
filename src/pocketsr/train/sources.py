"""What a recipe trains on and validates with."""

from __future__ import annotations

from pathlib import Path

from pocketsr.data import Pair, load_images, split
from pocketsr.errors import UserError
from pocketsr.nets import SRNet
from pocketsr.train.recipe import Recipe

__all__ = ["check_patches", "load_pairs"]


def load_pairs(recipe: Recipe) -> tuple[list[Pair], list[Pair]]:
    """(to train with, to validate with), parted by file. Raises UserError where there is nothing to use."""
    pairs = load_images(Path(recipe.data.folder), exclude=recipe.data.exclude)
    return split(pairs, recipe.data.valid_share)


def check_patches(recipe: Recipe, net: SRNet) -> None:
    """Raises UserError where a patch has no pixel that `net` computes without padding."""
    for _, patch in recipe.stages():
        if patch <= 2 * net.reach:
            raise UserError(
                f"patch {patch}: this network looks {net.reach} pixels to each side, so that nothing of a patch would "
                f"be left; use {4 * net.reach} or more"
            )
