"""Networks by name: what a recipe may say, and what it is told otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build, names


def test_names() -> None:
    assert list(names()) == sorted(names())
    assert {"bicubic", "pocket", "espcn", "sesr-m5"} <= set(names())


def test_the_default_is_a_network_that_works() -> None:
    net = build("pocket")
    assert (net.scale, net.channels, net.halo) == (2, 1, 3)


@pytest.mark.parametrize(
    ("name", "config", "said"),
    [
        ("pockets", {}, r"no network 'pockets': known are .*bicubic, .*pocket.*; did you mean pocket\?"),
        (
            "pocket",
            {"ancor": "none"},
            r"no setting 'ancor': it has layers, scale, anchor, .*; did you mean anchor\?",
        ),
        ("bicubic", {"a": -0.75}, "has no setting 'a': it has none"),
        ("pocket", {"anchor": "cubic"}, "network 'pocket': Invalid enum value 'cubic'"),
        ("pocket", {"expansion": "many"}, "Expected `int`, got `str`.*expansion"),
        ("pocket", {"layers": [{"chanels": 4}]}, r"unknown field `chanels`.*layers\[0\]"),
        ("pocket", {"layers": [{"kernel": [3, 3]}]}, "missing required field `channels`"),
        ("pocket", {"layers": [{"channels": 4, "kernel": [3]}]}, "length 2, got 1"),
        ("pocket", {"layers": []}, "must have 4 channels"),
        ("pocket", {"layers": [{"channels": 8}]}, "must have 4 channels"),
        ("pocket", {"layers": [{"channels": 0}, {"channels": 4}]}, "are counted from 1"),
        ("pocket", {"layers": [{"channels": 4, "kernel": [2, 3]}]}, "odd kernel sizes"),
        ("pocket", {"layers": [{"channels": 6}, {"channels": 4, "groups": 4}]}, "don't part into 4 groups"),
        ("pocket", {"layers": [{"channels": 4}, {"channels": 4, "add": [0]}]}, "layer 1 can't add layer 0"),
        ("pocket", {"layers": [{"channels": 4}, {"channels": 4}, {"channels": 4, "add": [2]}]}, "can't add layer 2"),
        ("pocket", {"layers": [{"channels": 6}, {"channels": 8}, {"channels": 4, "add": [0]}]}, "as wide as its"),
        ("pocket", {"block": "edge", "layers": [{"channels": 4, "kernel": [5, 5]}]}, "'edge' blocks are 3x3, not 5x5"),
        ("pocket", {"block": "edge", "layers": [{"channels": 4, "bias": False}]}, "have a bias and no groups"),
        ("pocket", {"expansion": 0}, "Expected `int` >= 1.*expansion"),
    ],
)
def test_mistakes_are_named(name: str, config: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        build(name, **config)


def test_networks_from_outside_may_call_the_halo_by_its_former_name() -> None:
    class OfTheClass(SRNet):
        scale, channels, reach = 2, 1, 3

        def forward(self, x: Tensor) -> Tensor:
            return x

    class OfEach(OfTheClass):
        def __init__(self) -> None:
            super().__init__()
            self.reach = 5

    assert [(net.halo, net.reach) for net in (OfTheClass(), OfEach())] == [(3, 3), (5, 5)]
