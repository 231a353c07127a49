"""What `make bench` recorded of start-up keeps the bounds that users feel, as multiples of Python's own."""

from __future__ import annotations

import json

import pytest
import record_startup

BOUNDS = {
    "pocketsr --help": 12,  # 0.3 s where Python takes 25 ms
    "pocketsr models, with an empty cache": 12,
    "pocketsr design, all of the built-in space": 1000,  # 25 s, for 15,000 networks
    "load small, compiled now": 200,  # 5 s
    "load small, from the cache": 20,  # half a second
}


@pytest.mark.parametrize("name", BOUNDS)
def test_starts_take_no_longer_than_they_may(name: str) -> None:
    recorded = json.loads(record_startup.RESULT.read_text())
    assert set(recorded["times_as_long"]) == set(record_startup.STARTS)
    assert 1 < recorded["times_as_long"][name] <= BOUNDS[name]
