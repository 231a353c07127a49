"""Recipes as YAML: read strictly, changed by `--set`, compared, and written down with every default."""

from __future__ import annotations

import copy
import itertools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec.structs import replace

from pocketsr.errors import PocketsrWarning, UserError
from pocketsr.losses import LossSum
from pocketsr.quant import Spec
from pocketsr.settings import convert, parse_yaml, read_yaml
from pocketsr.train.recipe import Recipe, Stage

__all__ = [
    "current_key",
    "differences",
    "dump_recipe",
    "parse_recipe",
    "recipe_from",
    "stage_of",
    "with_beginning",
]


_RENAMED = {
    "data.favour": "data.sampling_weights",
    "data.valid_only": "data.valid_patterns",
    "data.codec.pans": "data.codec.panned_clips",
    "data.codec.draws": "data.codec.encodings",
}
"""Keys of 0.1 by what they are called now. They are read, with a note in recipes, until 0.3."""


def parse_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a YAML file, with `overrides` such as "optimiser.lr=0.004" (dotted key, YAML value).

    Raises UserError, with the key's name, for what can't be read, is unknown, of a wrong type or contradictory.
    """
    content = read_yaml(path, "recipe", "name:, net: and data:")
    content, old = _with_new_names(content, str(path))
    steps = content.get("steps")  # of which the recipe tells the cost
    for override in overrides:
        key, equals, value = override.partition("=")
        old += [known for known in _RENAMED if current_key(key) != key and known in key]
        _override(content, current_key(key) + equals + value)
    for key in dict.fromkeys(old):
        warnings.warn(f"{path}: {key} is called {_RENAMED[key]} now", PocketsrWarning, stacklevel=2)
    recipe = recipe_from(content, str(path))
    if recipe.cost and isinstance(steps, int) and not any(each.startswith("cost") for each in overrides):
        cost = replace(recipe.cost, core_hours=recipe.cost.core_hours * recipe.steps / steps)
        recipe = replace(recipe, cost=cost)
    stage = stage_of(recipe)
    return with_beginning(recipe, _from_folder(stage, path.parent)) if stage else recipe


def stage_of(recipe: Recipe) -> Stage | None:
    """The earlier stage that the recipe names, where it does."""
    beginning = recipe.quant.model if recipe.quant else recipe.init
    return beginning if isinstance(beginning, Stage) else None


def with_beginning(recipe: Recipe, beginning: str | Stage) -> Recipe:
    """The recipe with this to begin with, in place of what it names."""
    if recipe.quant:
        return replace(recipe, quant=replace(recipe.quant, model=beginning))
    return replace(recipe, init=beginning)


def _from_folder(stage: Stage, folder: Path) -> Stage:
    """`stage`, whose paths are from `folder`, with paths from the current one."""
    checkpoint = stage.checkpoint and _from_here(folder / stage.checkpoint)
    return Stage(recipe=_from_here(folder / stage.recipe), checkpoint=checkpoint)


def _from_here(path: Path) -> str:
    try:
        path, here = path.resolve(), Path.cwd()
    except (OSError, RuntimeError, ValueError):  # a circle of links, or a zero byte: whoever opens it says so
        return str(path)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def recipe_from(content: dict[str, Any], where: str) -> Recipe:
    """The recipe that plain `content` (as YAML gives it) describes; `where` it stands is named in errors."""
    recipe = convert(_with_new_names(content, where)[0], Recipe, where, "the recipe")
    for problem in _conflicts(recipe):
        raise UserError(f"{where}: {problem}")
    return recipe


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as YAML with every default written out; `parse_recipe` gives it back."""
    return yaml.safe_dump(msgspec.to_builtins(recipe), sort_keys=False)


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """{dotted key: (old, new)} of two recipes as plain values; None stands for what is missing."""
    found: dict[str, tuple[Any, Any]] = {}
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found |= differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found[prefix + key] = (before, after)
    return found


def current_key(key: str) -> str:
    """The dotted key as it is called now, where it was called otherwise once."""
    for old, new in _RENAMED.items():
        if key == old or key.startswith(f"{old}."):
            return new + key[len(old) :]
    return key


def _with_new_names(content: dict[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """A copy of `content` whose keys are called as they are now, and which of them weren't.

    Raises UserError where a key stands there under both names.
    """
    content, found = copy.deepcopy(content), []
    for old, new in _RENAMED.items():
        *parents, last = old.split(".")
        section: Any = content
        for parent in parents:
            section = section.get(parent) if isinstance(section, dict) else None
        if not isinstance(section, dict) or last not in section:
            continue
        name = new.rpartition(".")[2]
        if name in section:
            raise UserError(f"{where}: {old} is {new} now, and both are set: leave the first out")
        section[name] = section.pop(last)
        found.append(old)
    return content, found


def _override(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        raise UserError(f"--set {override}: expected KEY=VALUE, for instance optimiser.lr=0.004")
    *parents, last = key.split(".")
    section = content
    for parent in parents:
        inner = section.get(parent)
        if inner is None:  # left out, or switched off with null: initial_network anew
            inner = section[parent] = {}
        if not isinstance(inner, dict):
            raise UserError(f"--set {override}: {parent} is {inner!r} and has no {last} in it")
        section = inner
    section[last] = parse_yaml(text, f"--set {key}", "recipe")


def _conflicts(recipe: Recipe) -> list[str]:
    """What no single key is to blame for, with the remedy."""
    found = _quant_conflicts(recipe)
    if len(recipe.schedule.restarts) and recipe.schedule.kind != "cosine":
        found.append("schedule.restarts start a cosine again: set schedule.kind to cosine, or leave them out")
    rising = all(a < b for a, b in itertools.pairwise(recipe.schedule.restarts))
    if not rising or any(step >= recipe.steps for step in recipe.schedule.restarts):
        found.append(f"schedule.restarts must rise and lie below steps ({recipe.steps})")
    if recipe.data.jpeg_quality and recipe.data.jpeg_quality[0] > recipe.data.jpeg_quality[1]:
        found.append("data.jpeg_quality: the lowest quality comes first, as in [30, 90]")
    first, *_ = zip(*recipe.stages(), strict=True) if recipe.stages() else ((),)
    if not first or first[0] != 0 or any(a >= b for a, b in itertools.pairwise(first)):
        found.append("patch: the list must begin at step 0 and its steps must rise, as in [[0, 48], [50000, 64]]")
    if recipe.init_share and not recipe.init:
        found.append(f"init_share {recipe.init_share} is of the weights to begin with: set init, or leave it out")
    processes = recipe.hardware().processes
    if recipe.batch % processes:
        divisible = -(-recipe.batch // processes) * processes
        found.append(f"batch {recipe.batch} can't be shared by {processes} processes: make it {divisible}")
    if recipe.finish and not 0 < recipe.finish_step() < recipe.steps:
        found.append(
            f"finish.at {recipe.finish.at} of {recipe.steps} steps leaves nothing on one side: leave finish out"
        )
    sums = [LossSum(weights) for weights in recipe.loss_plan().stages()]
    asked = any(terms.needs_teacher for terms in sums)
    if asked and recipe.teacher is None:
        found.append("losses from a teacher are asked for and there is none: set teacher.model, or leave them out")
    if any(terms.needs_frames for terms in sums) and recipe.data.codec is None:
        found.append("loss 'flicker' compares frames of clips: set data.codec, or leave it out")
    if recipe.borders_every and any(terms.needs_features for terms in sums):
        found.append("borders_every needs losses of pictures alone: leave it out, or the losses of features")
    if recipe.teacher and not asked and not recipe.teacher.share:
        found.append("nothing uses the teacher: set its share, add distillation to losses, or leave teacher out")
    if recipe.teacher and recipe.teacher.share and not recipe.teacher.cache:
        found.append("teacher.share needs the teacher's pictures kept: set teacher.cache to true")
    return found


def _quant_conflicts(recipe: Recipe) -> list[str]:
    quant = recipe.quant
    if quant is None:
        return [] if recipe.net else ["net is missing: name the network to train, or quant.model to start from"]
    found = []
    spec = Spec.parse(quant.spec, quant.weights_2bit)
    if recipe.net:
        found.append("net and quant both say what to train: leave net out, quant.model is trained on")
    if recipe.init:
        found.append("init and quant both say what to begin with: leave init out, and set quant.model to it")
    if recipe.precision != "32-true":
        found.append(f"precision {recipe.precision} has too few digits for integers: use 32-true with quant")
    if quant.weights_2bit != "ternary" and spec.weight_bits != 2:
        found.append(f"quant.weights_2bit: {quant.spec} has no weights of 2 bits, leave it out")
    if quant.span_bits is not None and spec.weight_bits != 2:
        found.append(f"quant.span_bits: {quant.spec} has no weights of 2 bits, whose sums it bounds; leave it out")
    elif quant.span_bits is not None and 2**quant.span_bits - 1 < 9 * spec.levels:
        found.append(
            f"quant.span_bits {quant.span_bits} leaves an output of {quant.spec} fewer than 9 weights: store fewer "
            "bits, or leave it out"
        )
    return found
