"""benchmarks/steep*.json hold the networks of tools/steep_contest.py, gains follow from them, and the note says so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import record_steep
from steep_contest import NETWORKS, PRECISIONS

ROOT = Path(__file__).resolve().parents[2]
FILES = ("steep.json", "steep_avx512.json")


@pytest.fixture(scope="module", params=FILES)
def recorded(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "benchmarks" / request.param).read_text())
    return found


def test_all_of_the_contest_are_there(recorded: dict[str, Any]) -> None:
    found = {(row["model"], row["precision"]) for row in recorded["rows"]}
    assert found == {(network.name, precision) for network in NETWORKS for precision in PRECISIONS}
    assert {network.depth for network in NETWORKS if network.chosen} == {3, 4, 5}


@pytest.mark.parametrize("figure", record_steep.FIGURES)
def test_gains_follow_from_the_rows(recorded: dict[str, Any], figure: str) -> None:
    assert recorded["gains"][figure] == record_steep.gains(recorded["rows"], figure)


NAMED = {
    "d3w8-steep-0-2": "d3w8, first and last",
    "d4w8-steep-0-3": "d4w8, first and last",
    "d5w8g4-steep-0-4": "d5w8g4, first and last",
    "d5w8g4-steep-0-3-4": "d5w8g4, first and last two",
}


def test_the_note_has_the_times_and_gains(recorded: dict[str, Any]) -> None:
    """A line for each network in the table of each machine: milliseconds, times the plain one's, and gains."""
    ms = {(row["model"], row["precision"]): row["ms"] for row in recorded["rows"]}
    gains = {(row["model"], row["precision"]): row["gain_db"] for row in recorded["gains"]["valid_psnr_db"]}
    note = (ROOT / "docs" / "notes" / "steep.md").read_text()
    for model, name in NAMED.items():
        both = [(ms[model, each], ms[model.split("-")[0], each], gains[model, each]) for each in ("fp32", "w8a8")]
        wanted = [
            number
            for two in zip(*((steep, steep / plain, db) for steep, plain, db in both), strict=True)
            for number in two
        ]
        lines = [re.findall(r"-?\d+\.\d+", line) for line in note.splitlines() if line.startswith(f"| {name} |")]
        found = [[float(each) for each in (*line[:4], *line[-2:])] for line in lines]
        assert any(
            all(abs(a - b) <= half for a, b, half in zip(line, wanted, (0.06, 0.06, *[0.006] * 4), strict=True))
            for line in found
        ), (name, wanted)


def test_nothing_is_left_to_fill_in() -> None:
    for file in ("README.md", "docs/notes/steep.md"):
        assert not re.search(
            r"\b[A-Z]{4,} times\b|^[A-Z]{4,}$|\| [A-Z]{4,} \|$", (ROOT / file).read_text(), re.MULTILINE
        )


def test_gains_by_hand() -> None:
    def row(model: str, steep: bool, ms: float, db: float) -> dict[str, Any]:
        return {"model": model, "precision": "fp32", "steep": steep, "ms": ms, "db": db}

    plain = [row("a", False, 1, 30), row("b", False, 4, 32), row("slow", False, 3, 29)]
    steep = [row("c", True, 2, 31.5), row("beyond", True, 5, 33)]
    assert record_steep.gains([*plain, *steep], "db") == [{"model": "c", "precision": "fp32", "ms": 2, "gain_db": 0.5}]
