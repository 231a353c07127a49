"""Settings in YAML, read strictly: a mistake is answered with the key, what is known there, and what comes closest."""

from __future__ import annotations

import re
import typing
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml
from msgspec import Struct

from pocketsr.errors import UserError, did_you_mean

__all__ = ["convert", "parse_yaml", "read_yaml"]

Settings = TypeVar("Settings", bound=Struct)
_MOST = 100_000  # characters of a file; those that ship have 2,000


def read_yaml(path: Path, what: str, keys: str) -> dict[str, Any]:
    """What the YAML file at `path` holds. Raises UserError where that is no `what`, which has `keys` in it."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_MOST + 1)
        if len(text) > _MOST:
            raise UserError(f"{path} is no {what}: it has more than {_MOST:,} characters")
        content = parse_yaml(text, str(path), what)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read as a {what}: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is no {what}: it should hold keys such as {keys}")
    return content


def convert(content: Any, kind: type[Settings], where: str, whole: str) -> Settings:
    """Plain `content` (as YAML gives it) as a `kind`.

    Raises UserError, which begins with `where` and the key (`whole` where no single key is to blame).
    """
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {_explain(str(error), kind, whole)}") from error


class _Loader(yaml.SafeLoader):
    """YAML whose numbers may be written 5e-3, and whose keys stand once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        for key, times in keys.items():
            if times > 1:
                raise yaml.MarkedYAMLError(problem=f"the key {key} stands twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(  # YAML 1.1 wants a point in 5.0e-3 and a sign in 5.0e+3; people don't
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9][0-9]*(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def parse_yaml(text: str, where: str, what: str) -> Any:
    """The value of a YAML text. Raises UserError, which begins with `where`, for what a `what` may not hold."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{where}{line} is not YAML that a {what} may hold: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise UserError(f"{where} is nested too deeply for a {what}") from error


def _explain(message: str, kind: type[Struct], whole: str) -> str:
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
        return f"{where or whole}: {message[:1].lower()}{message[1:].replace('`', '')}"
    known = _fields(kind, keys)
    close = did_you_mean(field, known)
    hint = f"{close} " if close else ""
    return f"{where} is unknown; {hint}Known here: {', '.join(known)}"


def _fields(section: type[Struct], keys: Sequence[str]) -> tuple[str, ...]:
    """The keys that the part of `section` at `keys` may hold."""
    for key in keys:
        kind = typing.get_type_hints(section)[key]
        section = next(part for part in (kind, *typing.get_args(kind)) if isinstance(part, type(Struct)))
    return section.__struct_fields__
