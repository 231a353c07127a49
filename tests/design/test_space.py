"""Spaces in YAML: what they hold, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from design_profiles import profile

from pocketsr.design.chain import Anchor
from pocketsr.design.rank import evaluate, slopes
from pocketsr.design.space import builtin_space, read_space
from pocketsr.errors import UserError
from pocketsr.nets import build
from pocketsr.reparam import collapse

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
    assert {row.candidate.family for row in rows} == {
        "dense",
        "grouped",
        "wide-kernel",
        "steep",
        "steep-ends",
        "sesr",
        "ecbsr",
    }
    assert {row.candidate.precision for row in rows} == {"fp32", "w8a8", "w2a8"}
    per_gmac = slopes(rows)
    assert per_gmac.pop("steep") > 15 * per_gmac["dense"]  # 16 kernels for each multiply-add
    assert per_gmac.pop("steep-ends") > 1.2 * max(per_gmac.values())


def test_kernels_are_chosen_by_classes_that_there_can_be(tmp_path: Path) -> None:
    text = """
precision: [fp32, w8a8, w2a8]
families:
  - {kind: pocket, label: steep, depth: [2, 3], width: [4], chosen: [none, last, ends, all], classes: [8, 64]}
"""
    (tmp_path / "space.yaml").write_text(text)
    names = [candidate.name for candidate in read_space(tmp_path / "space.yaml").candidates()]
    assert len(set(names)) == len(names)
    shapes = [f"d{depth}w4-nearest" for depth in (2, 3)]
    chosen = [f"{shape}-{how}{count}" for shape in shapes for how in ("last", "ends", "all") for count in (8, 64)]
    chosen = [name for name in chosen if not name.startswith("d2w4-nearest-all")]  # `ends` says the same
    whole = [f"steep-{name}{more}" for name in (*shapes, *chosen) for more in ("", "-w8a8")]
    assert set(names) == {*whole, *(f"steep-{shape}-w2a8" for shape in shapes)}
    for change, complaint in (
        (("[8, 64]", "[12]"), "families.0: classes.*multiple of 8"),
        (("[8, 64]", "[72]"), "families.0: classes.*<= 64"),
        (("none, last, ends, all", "first"), "families.0: chosen.*invalid enum value 'first'"),
        (("precision: [fp32, w8a8, w2a8]", "precision: [w2a8]"), None),
    ):
        if complaint is None:
            assert _read(tmp_path, text.replace(*change))
        else:
            with pytest.raises(UserError, match=complaint):
                _read(tmp_path, text.replace(*change))
    with pytest.raises(UserError, match="aren't chosen in 2 bits"):
        _read(tmp_path, text.replace("[fp32, w8a8, w2a8]", "[w2a8]").replace("none, last", "last"))


def test_other_scales_are_counted_and_built_where_nets_can(tmp_path: Path) -> None:
    families = "families:\n  - {kind: pocket, depth: [3], width: [8]}\n  - {kind: ecbsr, depth: [3], width: [8]}\n"
    (tmp_path / "space.yaml").write_text(f"scale: [3]\n{families}")
    pocket, ecbsr = read_space(tmp_path / "space.yaml").candidates()
    assert pocket.chain().params == 80 + 8 + 584 + 8 + 657
    name, config = pocket.net()
    net = build(name, **config)
    assert (net.scale, sum(weight.numel() for weight in collapse(net).parameters())) == (3, pocket.chain().params)
    assert not ecbsr.probed(trained=False)
    with pytest.raises(ValueError, match="x2 alone"):
        ecbsr.net()
