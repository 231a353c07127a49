"""Recipes that begin where others end: which stages there are, what of them is at hand, and training what is not."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from lightning_fabric.utilities.rank_zero import rank_zero_only as rank_zero

from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build
from pocketsr.train import loop
from pocketsr.train.beginning import other_settings, resolved
from pocketsr.train.checkpoint import load_weights
from pocketsr.train.conversion import converted
from pocketsr.train.folder import RunFolder
from pocketsr.train.origins import check_needs
from pocketsr.train.recipe import Recipe
from pocketsr.train.recipe_file import current_key, parse_recipe, stage_of

__all__ = ["Stages", "applicable", "check_fit", "earlier_stages", "train_stages"]


@dataclass(frozen=True)
class Stages:
    """All stages of a training, the first one first, each with its file and the folder of its run."""

    recipes: tuple[Recipe, ...]
    files: tuple[Path, ...]
    folders: tuple[Path, ...]


def earlier_stages(recipe: Recipe, file: Path, overrides: Sequence[str] = ()) -> list[tuple[Recipe, Path]]:
    """The recipes that `recipe`, read from `file`, builds on, the first stage first, and their files.

    overrides: as `parse_recipe` takes them, for each of them as far as they are `applicable`.
    Raises UserError for a file that is missing or no recipe, for stages that go round in a circle, or share a name.
    """
    found: list[tuple[Recipe, Path]] = []
    seen, current, its_file = {_identity(file)}, recipe, file
    while stage := stage_of(current):
        path = Path(stage.recipe)
        if not path.is_file():
            raise UserError(f"{its_file} starts from the recipe {path}, which isn't there: correct its `recipe`")
        if _identity(path) in seen:
            raise UserError(f"{its_file} starts from {path}, which starts from it: its stages form a cycle")
        seen.add(_identity(path))
        current = parse_recipe(path, applicable(overrides, path))
        its_file = path
        found.append((current, path))
    names = [each.name for each in (recipe, *(each for each, _ in found))]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"{file}: two of its stages are called {twice}, and a stage's run is called like its recipe")
    return found[::-1]


def _identity(path: Path) -> tuple[int, int]:
    """What a file is, by whatever name: links, hard ones too, must not hide a circle."""
    status = path.stat()
    return status.st_dev, status.st_ino


def applicable(overrides: Sequence[str], file: Path) -> list[str]:
    """Those of `overrides` that the recipe in `file` can take: without keys inside a section that it hasn't got."""
    content = msgspec.to_builtins(parse_recipe(file)) if overrides else {}
    return [each for each in overrides if not _inside_nothing(content, current_key(each.partition("=")[0]))]


def _inside_nothing(content: Any, key: str) -> bool:
    for parent in key.split(".")[:-1]:
        if parent not in content:  # a slip, which is answered where it is read
            return False
        content = content[parent]
        if not isinstance(content, dict):
            return True
    return False


def train_stages(
    stages: Stages, *, anew: bool = False, resume: bool = False, changed: Collection[str] = (),
    changed_earlier: Collection[str] = (),
) -> tuple[loop.Outcome, int]:  # fmt: skip
    """Train the last of `stages`, and before it those that it needs: the outcome, and the number of its stage.

    A stage that ran to its end in its folder isn't trained again; nor, without `anew`, one whose checkpoint is kept.
    One that was interrupted goes on. resume, changed: of the last one's run, as `train` takes them.
    Raises UserError for what `train` does, and before anything is trained where stages don't fit each other.
    """
    last = len(stages.recipes) - 1
    first = _first_to_train(stages, anew)
    resumable = RunFolder(stages.folders[last], stages.recipes[last]).last.exists()
    started = any(folder.exists() for folder in stages.folders[:last])
    if resumable and resume:
        first = last  # its checkpoint has all that is needed
    resume_last = resume and (resumable or not (first < last or started))
    for number in range(first, last + 1):
        recipe, file = stages.recipes[number], stages.files[number]
        check_needs(recipe, resuming=number == last and resumable, option="--set" if number == last else "--set-all")
        if number > first:  # a stage before it is to be trained
            check_fit(stages.recipes[number - 1], stages.files[number - 1], recipe, file)
    if not resume_last and _leads():
        RunFolder(stages.folders[last], stages.recipes[last]).check_new()
    for number in range(first, last + 1):
        recipe, folder = stages.recipes[number], stages.folders[number]
        if first < last:
            _say(f"stage {number + 1} of {last + 1}: {recipe.name}, in {folder}{_cost(recipe)}")
        elif not (resumable and resume) and _cost(recipe):
            _say(f"{recipe.name} takes{_cost(recipe).removeprefix(',')}")
        run = RunFolder(folder, recipe)
        going_on = resume_last if number == last else run.last.exists()
        before = stages.recipes[number - 1] if number else None
        recipe, said = resolved(recipe, stages.folders[0].parent, run.last if going_on else None, before)
        if said:
            _say(said)
        outcome = loop.train(recipe, folder, resume=going_on, changed=changed if number == last else changed_earlier)
        if not outcome.finished:
            break
    return outcome, number


def _first_to_train(stages: Stages, anew: bool) -> int:
    """The number of the first stage that has to be trained; what those before it gave is at hand."""
    last = len(stages.recipes) - 1
    for number in range(last - 1, -1, -1):
        recipe, folder = stages.recipes[number], stages.folders[number]
        run = RunFolder(folder, recipe)
        if run.finished():
            if anew:
                _check_same(recipe, run)
                _say(f"stage {number + 1} of {last + 1}: {recipe.name} has run to its end in {folder}")
            return number + 1
        stage = stage_of(stages.recipes[number + 1])
        if not anew and stage and stage.checkpoint and Path(stage.checkpoint).is_file():
            return number + 1
    return 0


def _check_same(recipe: Recipe, run: RunFolder) -> None:
    """Raises UserError where the run is of another recipe: all stages from nothing means these."""
    for key, (was, now) in other_settings(recipe, run.best).items():
        raise UserError(
            f"{run.path} ran by another recipe ({key} was {was!r} and is now {now!r}): move it away, or name another "
            "place with --out"
        )


def check_fit(before: Recipe, file: Path, after: Recipe, its_file: Path) -> None:
    """Raises UserError where what `before`, read from `file`, gives doesn't fit into `after`, read from `its_file`."""
    if before.quant is not None:
        if after.quant is not None and after.quant.spec == before.quant.spec:
            return
        raise UserError(
            f"{its_file} starts from {file}, which is quantized: name a stage in full precision, or set quant.spec to "
            f"{before.quant.spec} to go on from it"
        )
    if after.net is not None:
        try:
            net = _built(after)
            load_weights(net, converted(_built(before).state_dict(), net), file)
        except UserError as error:
            raise UserError(f"{its_file} can't start from that stage: {error}") from error


def _built(recipe: Recipe) -> SRNet:
    assert recipe.net is not None
    with torch.random.fork_rng(devices=[]):
        return build(recipe.net.name, **recipe.net.config)


def _cost(recipe: Recipe) -> str:
    return f", about {recipe.cost.core_hours:.2g} core-hours on an AMD EPYC" if recipe.cost else ""


def _leads() -> bool:
    """Whether this is the first of a run's processes: the others run the same command."""
    return int(getattr(rank_zero, "rank", 0)) == 0


def _say(line: str) -> None:
    if _leads():
        print(f"pocketsr: {line}", file=sys.stderr)
