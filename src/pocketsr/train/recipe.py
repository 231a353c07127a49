"""A recipe: everything that decides how a network is trained, frozen, typed and strict."""

from __future__ import annotations

import difflib
import itertools
import re
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from pocketsr.errors import UserError

__all__ = [
    "CodecData",
    "Data",
    "Ema",
    "Finish",
    "Net",
    "Optimiser",
    "Recipe",
    "Schedule",
    "Teacher",
    "differences",
    "dump_recipe",
    "parse_recipe",
    "recipe_from",
]

Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
Rate = Annotated[float, Meta(gt=0)]
Quality = Annotated[int, Meta(ge=1, le=95)]
Share = Annotated[float, Meta(ge=0, le=1)]
Weights = Annotated[dict[str, Annotated[float, Meta(ge=0)]], Meta(min_length=1)]


class _Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all parts of a recipe share: unknown keys are refused, nothing changes after reading."""


class Net(_Section, frozen=True, kw_only=True):
    name: str
    config: dict[str, Any] = {}
    """What differs from the network's own defaults: `nets.build(name, **config)`."""


class CodecData(_Section, frozen=True, kw_only=True):
    """LR frames as encoders of calls leave them, in place of clean ones (see `degraded`)."""

    clips: str
    """Folder of clips in HR."""
    exclude: tuple[str, ...] = ()
    """Clips whose name matches one of these patterns take no part: those that are measured on."""
    pans: Count = 150
    """Clips made by panning over the photographs of `data.folder`."""
    frames: Annotated[int, Meta(ge=11)] = 30
    """Of a clip; the first 10 of them are not used, where an encoder finds its way."""
    draws: Positive = 2
    """How often each clip is encoded, with codec, bit rate, frame rate and key frames drawn from the seed."""
    take_every: Positive = 6
    """Of the frames, each so many is used: neighbours are alike."""
    cache: str | None = None
    """Folder that keeps decoded frames, since encoding takes minutes."""


class Data(_Section, frozen=True, kw_only=True):
    folder: str
    """HR images, luma or colour."""
    flat_share: Share = 0.0
    """Share of the patches drawn from all places in place of the textured ones."""
    valid_share: Annotated[float, Meta(gt=0, lt=1)] = 1 / 29
    """About this share of the files is kept apart to choose the checkpoint by."""
    exclude: tuple[str, ...] = ()
    """Files whose path matches one of these patterns take no part."""
    codec: CodecData | None = None
    noise_levels: Annotated[float, Meta(ge=0)] = 0.0
    """Most white noise on an LR picture: its standard deviation, of 255 levels, is drawn from 0 up to this."""
    jpeg_quality: tuple[Quality, Quality] | None = None
    """Lowest and highest quality of the JPEG file (IJG scale) that each LR picture has been through."""


class Optimiser(_Section, frozen=True, kw_only=True):
    """Adam (Kingma and Ba, ICLR 2015)."""

    lr: Rate
    betas: tuple[Share, Share] = (0.9, 0.999)
    clip_norm: Rate | None = None
    """Gradients longer than this, all parameters together, are shortened to it."""
    warmup: Count = 500
    """Steps over which the rate rises to `lr`."""


class Schedule(_Section, frozen=True, kw_only=True):
    kind: Literal["cosine", "constant"] = "cosine"
    restarts: tuple[Positive, ...] = ()
    """Steps at which the cosine starts again from `lr` (SGDR, Loshchilov and Hutter, ICLR 2017)."""


class Finish(_Section, frozen=True, kw_only=True):
    """Other losses towards the end, for instance L2 after L1, since PSNR is what L2 asks for."""

    at: Annotated[float, Meta(gt=0, lt=1)] = 0.8
    """Share of the steps after which they take over."""
    losses: Weights


class Ema(_Section, frozen=True, kw_only=True):
    decay: Annotated[float, Meta(ge=0, lt=1)] = 0.999
    """Of the moving average of the weights, a step; the average is what is validated and kept."""


class Teacher(_Section, frozen=True, kw_only=True):
    model: str
    """A shipped network's name, an ONNX file, or a checkpoint (.pt) of a run."""
    cache: bool = True
    """Enlarge every training image once, and cut patches from the results (rounded to 8 bits)."""


class Recipe(_Section, frozen=True, kw_only=True):
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    net: Net
    data: Data
    steps: Positive
    batch: Positive = 16
    """Patches a step, over all processes together."""
    patch: Positive | tuple[tuple[Count, Positive], ...] = 48
    """Side of a patch in LR pixels, or [[0, 48], [50000, 64]]: other sides from these steps on."""
    optimiser: Optimiser
    schedule: Schedule = Schedule()
    losses: Weights = msgspec.field(default_factory=lambda: {"l1": 1.0})
    finish: Finish | None = None
    ema: Ema | None = Ema()
    teacher: Teacher | None = None
    init: str | None = None
    """A checkpoint of a run whose weights to begin with."""
    seed: Count = 0
    validate_every: Positive = 2000
    checkpoint_every_s: Annotated[float, Meta(ge=0)] = 60.0
    accelerator: Literal["auto", "cpu", "gpu"] = "cpu"
    devices: Positive = 1
    """Processes a machine, each with its share of every batch."""
    num_nodes: Positive = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    threads: Positive = 1
    """Of PyTorch in each process; small networks gain nothing from more."""

    def stages(self) -> tuple[tuple[int, int], ...]:
        """(first step, side of a patch in LR pixels), from step 0 on."""
        return ((0, self.patch),) if isinstance(self.patch, int) else self.patch

    def finish_step(self) -> int:
        """The first step with the losses of `finish`."""
        return self.steps if self.finish is None else round(self.finish.at * self.steps)


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
    close = difflib.get_close_matches(field, known, 1)
    hint = f"did you mean {close[0]}? " if close else ""
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
    from pocketsr.losses import LossSum

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
