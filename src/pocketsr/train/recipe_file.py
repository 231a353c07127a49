"""Recipes as YAML: read strictly, changed by `--set`, compared, and written down with every default."""

from __future__ import annotations

import itertools
import re
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from pocketsr.errors import UserError, did_you_mean
from pocketsr.losses import LossSum
from pocketsr.train.recipe import Recipe

__all__ = ["differences", "dump_recipe", "parse_recipe", "recipe_from"]


def parse_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a YAML file, with `overrides` such as "optimiser.lr=0.004" (dotted key, YAML value).

    Raises UserError, with the key's name, for what can't be read, is unknown, of a wrong type or contradictory.
    """
    try:
        content = _read_yaml(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read as a recipe: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is no recipe: it should hold keys such as name:, net: and data:")
    for override in overrides:
        _override(content, override)
    return recipe_from(content, str(path))


def recipe_from(content: dict[str, Any], where: str) -> Recipe:
    """The recipe that plain `content` (as YAML gives it) describes; `where` it stands is named in errors."""
    try:
        recipe = msgspec.convert(content, Recipe)
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {_explain(str(error))}") from error
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


class _Loader(yaml.SafeLoader):
    """YAML whose numbers may be written 5e-3, and whose keys stand once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"the key {key} stands twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(  # YAML 1.1 wants a point in 5.0e-3 and a sign in 5.0e+3; people don't
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9][0-9]*(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def _read_yaml(text: str, where: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{where}{line} is not YAML that a recipe may hold: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not YAML: {' '.join(str(error).split())}") from error


def _override(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        raise UserError(f"--set {override}: expected KEY=VALUE, for instance optimiser.lr=0.004")
    *parents, last = key.split(".")
    section = content
    for parent in parents:
        inner = section.get(parent)
        if inner is None:  # left out, or switched off with null: begun anew
            inner = section[parent] = {}
        if not isinstance(inner, dict):
            raise UserError(f"--set {override}: {parent} is {inner!r} and has no {last} in it")
        section = inner
    section[last] = _read_yaml(text, f"--set {key}")


def _explain(message: str) -> str:
    """msgspec's message with the key first, what is known, and what comes closest."""
    message, _, place = message.partition(" - at `")
    keys = [key for key in re.split(r"[.\[]", place.rstrip("`").removeprefix("$")) if key]
    where = ".".join(key.rstrip("]") for key in keys)
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", message)
    missing = re.fullmatch(r"Object missing required field `(.*)`", message)
    if unknown or missing:
        field = (unknown or missing)[1]  # type: ignore[index]
        where = f"{where}.{field}" if where else field
    if missing:
        return f"{where} is missing"
    if not unknown:
        return f"{where or 'the recipe'}: {message[:1].lower()}{message[1:].replace('`', '')}"
    known = _fields(keys)
    close = did_you_mean(field, known)
    hint = f"{close} " if close else ""
    return f"{where} is unknown; {hint}Known here: {', '.join(known)}"


def _fields(keys: Sequence[str]) -> tuple[str, ...]:
    """The keys that the section at `keys` may hold."""
    section: type[Struct] = Recipe
    for key in keys:
        kind = typing.get_type_hints(section)[key]
        section = next(part for part in (kind, *typing.get_args(kind)) if isinstance(part, type(Struct)))
    return section.__struct_fields__


def _conflicts(recipe: Recipe) -> list[str]:
    """What no single key is to blame for, with the mend."""
    found = []
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
    processes = recipe.devices * recipe.num_nodes
    if recipe.batch % processes:
        mend = -(-recipe.batch // processes) * processes
        found.append(f"batch {recipe.batch} can't be shared by {processes} processes: make it {mend}")
    if recipe.finish and not 0 < recipe.finish_step() < recipe.steps:
        found.append(
            f"finish.at {recipe.finish.at} of {recipe.steps} steps leaves nothing on one side: leave finish out"
        )
    sums = [LossSum(weights) for weights in (recipe.losses, *([recipe.finish.losses] if recipe.finish else []))]
    needed = any(terms.needs_teacher for terms in sums)
    if needed and recipe.teacher is None:
        found.append("losses from a teacher are asked for and there is none: set teacher.model, or leave them out")
    if recipe.teacher and not needed:
        found.append("no loss uses the teacher: add distillation to losses, or leave teacher out")
    if recipe.teacher and any(t.needs_features for t in sums) and not recipe.teacher.model.endswith(".pt"):
        found.append("feature losses look inside the teacher: teacher.model must be a checkpoint (.pt) of a run")
    return found
