"""benchmarks/steep.json holds the networks of tools/steep_contest.py, and its gains follow from them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import record_steep
from steep_contest import NETWORKS, PRECISIONS


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record_steep.RESULTS.read_text())
    return found


def test_all_of_the_contest_are_there(recorded: dict[str, Any]) -> None:
    found = {(row["model"], row["precision"]) for row in recorded["rows"]}
    assert found == {(network.name, precision) for network in NETWORKS for precision in PRECISIONS}
    assert {network.depth for network in NETWORKS if network.chosen} == {3, 4, 5}


@pytest.mark.parametrize("figure", record_steep.FIGURES)
def test_gains_follow_from_the_rows(recorded: dict[str, Any], figure: str) -> None:
    assert recorded["gains"][figure] == record_steep.gains(recorded["rows"], figure)


def test_gains_by_hand() -> None:
    def row(model: str, steep: bool, ms: float, db: float) -> dict[str, Any]:
        return {"model": model, "precision": "fp32", "steep": steep, "ms": ms, "db": db}

    plain = [row("a", False, 1, 30), row("b", False, 4, 32), row("slow", False, 3, 29)]
    steep = [row("c", True, 2, 31.5), row("beyond", True, 5, 33)]
    assert record_steep.gains([*plain, *steep], "db") == [{"model": "c", "precision": "fp32", "ms": 2, "gain_db": 0.5}]
