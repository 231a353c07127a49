"""`ModelInfo`: what is known about a network, and what a file may say of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from engine_nets import save

from pocketsr import ModelInfo
from pocketsr.engine import load, read_network

GOOD = {
    "name": "net",
    "scale": 2,
    "channels": 1,
    "max_value": 255.0,
    "params": 10,
    "macs_per_pixel": 18,
    "receptive_field": 7,
    "halo": 3,
    "zero_padded": True,
    "strengths": 5,
    "default_strength": 0.25,
}


def test_it_says_what_the_file_holds(tmp_path: Path) -> None:
    path = save("tiny_like", tmp_path)
    _, info = read_network(path)
    assert (info.name, info.scale, info.channels) == ("tiny_like", 2, 1)
    assert info.params > 0
    assert info.macs_per_pixel > 0
    assert info.receptive_field == 2 * info.halo + 1 > 1
    assert load(path, threads=1).info == info  # through the cache's JSON


def test_halo_counts_at_edges_only_where_zeros_stand_there() -> None:
    assert ModelInfo.from_json(GOOD).edge_halo == 3
    assert ModelInfo.from_json({**GOOD, "zero_padded": False}).edge_halo == 0


def test_json_and_back() -> None:
    info = ModelInfo.from_json(GOOD)
    assert info.to_json() == GOOD
    assert ModelInfo.from_json(json.loads(json.dumps(info.to_json()))) == info
    assert info.gmacs(1000, 1000) == 18e6 / 1e9


BAD = {
    "name": ["", "a b", "1net", "net\n", "x" * 1000, "é", 7, None],
    "scale": [0, 17, -1, 2.0, True, "2", 10**30],
    "channels": [0, 2, 4, 3.0, None],
    "max_value": [0.0, -1.0, float("inf"), float("nan"), 1, "1.0"],
    "params": [-1, 1.5, 2**60, [1]],
    "macs_per_pixel": [-1, 2**60, {}],
    "receptive_field": [-1, 10**9],
    "halo": [-1, 10**9, 3.0],  # memory around each picture
    "zero_padded": [0, 1, "yes", None],
    "strengths": [-1, 18, 2.0, True, None],
    "default_strength": [-0.1, 1.1, 1, float("nan"), float("inf"), "0.5"],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in BAD.items() for value in values])
def test_what_no_network_has_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        ModelInfo.from_json({**GOOD, key: value})


@pytest.mark.parametrize("key", GOOD)
def test_nothing_may_be_missing(key: str) -> None:
    with pytest.raises(ValueError, match="nothing else"):
        ModelInfo.from_json({name: value for name, value in GOOD.items() if name != key})


@pytest.mark.parametrize("data", [None, 3, "net", [], [GOOD], {}, {**GOOD, "more": 1}])
def test_another_kind_of_json_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="nothing else"):
        ModelInfo.from_json(data)
