"""Spaces in YAML: what they hold, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from design_profiles import profile

from pocketsr.design.chain import Anchor
from pocketsr.design.rank import evaluate
from pocketsr.design.space import builtin_space, read_space
from pocketsr.errors import UserError

SMALL = """
name: mine
size: [[320, 180], [640, 360]]
families:
  - kind: pocket
    label: plain
    depth: [2, 4]
    width: [4, 6]
    groups: [1, 4]
    anchor: [none, bicubic]
  - {kind: sesr, depth: [2, 5], width: [8]}
"""


def _read(tmp_path: Path, text: str) -> object:
    (tmp_path / "space.yaml").write_text(text)
    return read_space(tmp_path / "space.yaml")


def test_all_that_makes_sense_is_enumerated_once(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SMALL)
    candidates = read_space(tmp_path / "space.yaml").candidates()
    # plain: 2 anchors x (depth 2: widths 4, 6; depth 4: 4, 6 and 4 in groups); sesr of depth 5; each in two sizes
    assert len(candidates) == 2 * (2 * 5 + 1)
    assert len({candidate.name for candidate in candidates}) == len(candidates)
    assert {c.name for c in candidates if c.size == (640, 360) and c.anchor is Anchor.BICUBIC} == {
        f"plain-{shape}-bicubic" for shape in ("d2w4", "d2w6", "d4w4", "d4w6", "d4w4-g4")
    }


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("kind: pocket", "kind: poket"), "families.0.kind 'poket': no such family; known are .*did you mean pocket"),
        (("    depth: [2, 4]\n", ""), "families.0: depth is missing"),
        (("depth: [2, 4]", "deep: [2, 4]"), "families.0: deep is unknown|families.0: depth is missing"),
        (("depth: [2, 4]", "depth: 2"), "families.0: depth: expected .*array"),
        (("[none, bicubic]", "[bilinear]"), "families.0: anchor.*invalid enum value 'bilinear'"),
        (("name: mine", "nam: mine"), "nam is unknown; did you mean name"),
        (("size: [[320, 180], [640, 360]]", "scale: [5]"), "scale.*invalid enum value 5"),
        (("size: [[320, 180], [640, 360]]", "precision: [w9a9]"), "precision.*invalid enum value 'w9a9'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    assert change[0] in SMALL
    with pytest.raises(UserError, match=complaint):
        _read(tmp_path, SMALL.replace(*change))


def test_an_empty_space_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a list is expected"):
        _read(tmp_path, "name: mine\nfamilies: []\n")
    with pytest.raises(UserError, match="groups must divide width"):
        _read(tmp_path, "families:\n  - {kind: pocket, depth: [5], width: [7], groups: [4]}\n")


def test_the_built_in_space_is_large() -> None:
    candidates = builtin_space().candidates()
    rows = evaluate(candidates, profile(precisions=("fp32", "w8a8", "w2a8"), products=1.0, dots=1.0, added=1.0))
    assert len(rows) == len(candidates) >= 15000
    assert {row.candidate.family for row in rows} == {"dense", "grouped", "wide-kernel", "steep", "sesr", "ecbsr"}
    assert {row.candidate.precision for row in rows} == {"fp32", "w8a8", "w2a8"}


def test_other_scales_are_counted_though_none_is_built(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("scale: [3]\nfamilies:\n  - {kind: pocket, depth: [3], width: [8]}\n")
    (candidate,) = read_space(tmp_path / "space.yaml").candidates()
    assert candidate.chain().params == 80 + 8 + 584 + 8 + 657
    with pytest.raises(ValueError, match="x2 alone"):
        candidate.net()
