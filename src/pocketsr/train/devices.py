"""What a run computes on."""

from __future__ import annotations

from lightning_fabric import Fabric

from pocketsr.errors import UserError
from pocketsr.train.recipe import Recipe

__all__ = ["fabric_for"]


def fabric_for(recipe: Recipe) -> Fabric:
    """The devices that the recipe asks for. Raises UserError where this machine hasn't got them."""
    try:
        return Fabric(
            accelerator=recipe.accelerator, devices=recipe.devices, num_nodes=recipe.num_nodes,
            precision=recipe.precision, strategy="ddp" if recipe.devices * recipe.num_nodes > 1 else "auto",
        )  # fmt: skip
    except Exception as error:  # Fabric 2.6 has no class of its own for this: RuntimeError, ValueError, ImportError ..
        asked = f"{recipe.devices} x accelerator={recipe.accelerator}"
        why = " ".join(str(error).split())
        raise UserError(
            f"{asked} can't be had on this machine ({why}): take accelerator=cpu or fewer devices"
        ) from error
