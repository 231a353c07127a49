"""No module imports one that imports it: neither when it runs, nor for types."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import pocketsr

SRC = Path(pocketsr.__file__).parents[1]


def _modules(room: str) -> dict[str, Path]:
    found = {}
    for path in (SRC / room.replace(".", "/")).rglob("*.py"):
        parts = path.relative_to(SRC).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _imported(nodes: Iterable[ast.stmt], types: bool) -> Iterable[str]:
    """What `nodes` import when the module is loaded, and with `types` what only a type checker sees."""
    for node in nodes:
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            case ast.If() if ast.unparse(node.test).endswith("TYPE_CHECKING"):
                yield from _imported(node.body if types else node.orelse, types)
            case ast.If() | ast.Try() | ast.With() | ast.ClassDef():
                inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
                yield from _imported(inner, types)


def _graph(room: str, types: bool) -> dict[str, set[str]]:
    modules = _modules(room)
    graph = {}
    for name, path in modules.items():
        named = set(_imported(ast.parse(path.read_text()).body, types))
        read = {each if each in modules else each.rpartition(".")[0] for each in named}
        graph[name] = (read & modules.keys()) - {name}
    return graph


@pytest.mark.parametrize(
    ("room", "types"),
    [("pocketsr", False), ("pocketsr.engine", True), ("pocketsr.design", True), ("pocketsr.fallback", True)],
)
def test_no_cycle(room: str, types: bool) -> None:
    graph = _graph(room, types)
    assert sum(map(len, graph.values())) > len(graph)  # imports were found
    tuple(TopologicalSorter(graph).static_order())


def test_a_cycle_would_be_found() -> None:
    graph = _graph("pocketsr.engine", types=False)
    graph["pocketsr.engine.ir.graph"].add("pocketsr.engine")
    with pytest.raises(CycleError):
        tuple(TopologicalSorter(graph).static_order())
