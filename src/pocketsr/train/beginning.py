"""What a recipe that names an earlier stage begins with: what a run of that stage gave, or what is kept of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from pocketsr.errors import UserError
from pocketsr.train.checkpoint import load_checkpoint
from pocketsr.train.folder import RunFolder
from pocketsr.train.recipe import Recipe
from pocketsr.train.recipe_file import differences, parse_recipe, recipe_from, stage_of, with_beginning

__all__ = ["other_settings", "resolved"]


def resolved(
    recipe: Recipe, runs: Path, last: Path | None = None, its: Recipe | None = None
) -> tuple[Recipe, str | None]:  # fmt: skip
    """The recipe with a checkpoint in place of the stage that it names, and a line that says which; as it is without.

    runs: the folder of runs.
    last: last.pt of a run that is to go on: it keeps what it began with, if it is the stage's.
    its: the stage's recipe, where it was read already.
    Raises UserError where the stage isn't trained and no checkpoint of it is kept.
    """
    stage = stage_of(recipe)
    if stage is None:
        return recipe, None
    its = its or parse_recipe(Path(stage.recipe))
    run = RunFolder(runs / its.name, its)
    if last is not None and last.is_file():
        began = _beginning(load_checkpoint(last)["recipe"])
        known = [run.best, *([Path(stage.checkpoint)] if stage.checkpoint else [])]
        if began is not None and any(Path(began).resolve() == path.resolve() for path in known):
            return with_beginning(recipe, began), None
    if run.finished():
        differ = other_settings(its, run.best)
        said = f", of a run with other settings: {', '.join(sorted(differ))}" if differ else ""
        return with_beginning(recipe, str(run.best)), f"{recipe.name} begins with {run.best}{said}"
    if stage.checkpoint and Path(stage.checkpoint).is_file():
        line = f"{recipe.name} begins with {stage.checkpoint}, kept of a run of {stage.recipe}"
        return with_beginning(recipe, stage.checkpoint), line
    lacks = f" and {stage.checkpoint} is absent" if stage.checkpoint else ""
    raise UserError(
        f"{recipe.name} starts from {its.name}, which {run.path} holds no finished run of{lacks}: train it first, "
        f"pocketsr train {stage.recipe}"
    )


def _beginning(content: Any) -> str | None:
    if not isinstance(content, dict):
        return None
    quant = content.get("quant")
    began = quant.get("model") if isinstance(quant, dict) else content.get("init")
    return began if isinstance(began, str) else None


def other_settings(recipe: Recipe, best: Path) -> dict[str, tuple[Any, Any]]:
    """{dotted key: (of the run that gave `best`, of `recipe`)} where they differ in what makes a difference."""
    began = recipe_from(load_checkpoint(best)["recipe"], str(best))
    return differences(_told(began), _told(recipe))


def _told(recipe: Recipe) -> dict[str, Any]:
    """What tells one training from another: not the cost, the machine, or the name of the file that it began with."""
    blank = with_beginning(recipe, "") if recipe.init or recipe.quant else recipe
    content: dict[str, Any] = msgspec.to_builtins(blank)
    machine = ("accelerator", "devices", "num_nodes", "threads", "checkpoint_every_s", "cost")
    return {key: value for key, value in content.items() if key not in machine}
