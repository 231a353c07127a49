"""The names of bits, and what integers they allow."""

from __future__ import annotations

import dataclasses

import pytest

from pocketsr.errors import UserError
from pocketsr.quant import SPECS, Spec
from pocketsr.quant.spec import Span


def test_names_and_bits() -> None:
    assert SPECS == ("w8a8", "w4a8", "w2a8", "w4a4", "w2a4", "w2a2")
    for name in SPECS:
        spec = Spec.parse(name)
        assert spec.name == name
        assert spec.levels == {"2": 3, "4": 15, "8": 255}[name[3]]
        assert spec.weights(edge=True) == Span(-127, 127)


@pytest.mark.parametrize(
    ("name", "twobit", "span"),
    [
        ("w8a8", "ternary", Span(-127, 127)),
        ("w4a8", "full", Span(-7, 7)),
        ("w2a4", "ternary", Span(-1, 1)),
        ("w2a4", "twn", Span(-1, 1)),
        ("w2a2", "full", Span(-2, 1)),
    ],
)
def test_inner_weights(name: str, twobit: str, span: Span) -> None:
    assert Spec.parse(name, twobit).weights(edge=False) == span  # type: ignore[arg-type]


def test_mistakes_name_what_comes_closest() -> None:
    with pytest.raises(UserError, match=r"no spec 'w4a44': known are w8a8, .*; did you mean w4a4\?"):
        Spec.parse("w4a44")
    with pytest.raises(UserError, match=r"did you mean ternary\?"):
        Spec.parse("w2a2", "ternarry")  # type: ignore[arg-type]


def test_nothing_changes_afterwards() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Spec.parse("w8a8").act_bits = 4  # type: ignore[misc]
