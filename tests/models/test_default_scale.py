"""What enlarges by two where nobody says by how much is said in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pocketsr
from pocketsr.engine import load
from pocketsr.models import DEFAULT_SCALE, SHIPPED

SOURCES = Path(pocketsr.__file__).parent


def _literal_defaults(tree: ast.AST) -> Iterator[int]:
    """Lines where a parameter or a typed field named `scale` is given the number itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            pairs = zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)
            for argument, default in [*pairs, *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]:
                if argument.arg == "scale" and _is_number(default):
                    yield node.lineno
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "scale" and _is_number(node.value):
            yield node.lineno


def _is_number(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value == DEFAULT_SCALE


def test_no_function_has_a_default_of_its_own() -> None:
    assert list(_literal_defaults(ast.parse("def f(a, scale=2): ...\nclass C:\n    scale: int = 2"))) == [1, 3]
    found = [
        f"{path.relative_to(SOURCES)}:{line}"
        for path in sorted(SOURCES.rglob("*.py"))
        for line in _literal_defaults(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def test_it_is_what_the_networks_that_ship_enlarge_by() -> None:
    assert {load(name, threads=1).scale for name in ("bicubic", "tiny")} == {DEFAULT_SCALE}
    assert "bicubic" in SHIPPED
