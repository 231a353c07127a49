"""benchmarks/curve.json holds the networks of the contest, and what it concludes follows from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
import record_curve
from contest import NETWORKS, PRECISIONS, valid_psnr_db

from pocketsr.engine.analysis.count import count
from pocketsr.models import resolve

CURVE = Path(__file__).resolve().parents[2] / "benchmarks" / "curve.json"
FIGURES = ("valid_psnr_db", "Set5_psnr_db")


@pytest.fixture(scope="module")
def curve() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CURVE.read_text())
    return found


def test_all_of_the_contest_are_there(curve: dict[str, Any]) -> None:
    found = {(row["model"], row["precision"]): row["valid_psnr_db"] for row in curve["rows"]}
    by_name = {each.name: each for each in NETWORKS}
    expected = {
        (name, precision): round(valid_psnr_db(by_name[name], precision), 3)
        for precision, names in PRECISIONS.items()
        for name in names
    }
    assert found == expected
    assert len(found) >= 12


def test_fast_is_the_best_below_5_ms(curve: dict[str, Any]) -> None:
    best = max((row for row in curve["rows"] if row["ms"] < 5), key=lambda row: float(row["valid_psnr_db"]))
    (candidate,) = (each for each in NETWORKS if each.name == best["model"])
    assert (candidate.depth, candidate.width) == (6, 12)
    assert count(resolve("fast")).macs_per_pixel == candidate.chain().macs_per_pixel
    said = {entry.key: entry.value for entry in onnx.load(resolve("fast")).metadata_props}
    assert said["pocketsr.spec"] == best["precision"]


@pytest.mark.parametrize("figure", FIGURES)
def test_gains_follow_from_the_rows(curve: dict[str, Any], figure: str) -> None:
    assert curve["gains"][figure] == record_curve.gains(curve["rows"], figure)


def test_front_and_gains_by_hand() -> None:
    def row(model: str, precision: str, ms: float, db: float) -> dict[str, Any]:
        return {"model": model, "precision": precision, "ms": ms, "db": db}

    rows = [row("a", "fp32", 2, 30), row("b", "fp32", 4, 31), row("a", "w8a8", 3, 30.4), row("c", "w8a8", 3.5, 30.2)]
    assert [each["ms"] for each in record_curve.front(rows, "db")] == [2, 3, 4]
    (gain,) = record_curve.gains(rows, "db")
    assert gain == {"model": "a", "precision": "w8a8", "ms": 3, "over": "a", "over_ms": 2, "gain_db": 0.4}
