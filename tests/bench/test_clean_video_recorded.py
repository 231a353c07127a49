"""clean_video.json says what docs/notes/clean-video.md concludes: no way that was measured passes every condition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cv2")
pytest.importorskip("torch")

from clean_fusion import joined, split
from record_clean_video import TESTED, verdicts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "benchmarks" / "clean_video.json").read_text())
    return found


def test_all_clips_in_all_ways(record: dict[str, Any]) -> None:
    ways = {row["way"] for row in record["rows"]}
    assert {"small", "quality", "recurrent", "burst 2"} <= ways
    assert {(row["clip"], row["way"]) for row in record["rows"]} == {
        (Path(name).stem, way) for name in TESTED for way in ways
    }


def test_nothing_ships_that_fails_a_condition(record: dict[str, Any]) -> None:
    assert verdicts(record["rows"]) == record["verdicts"]
    for way, conditions in record["verdicts"].items():
        assert not all(conditions.values()), f"{way} passes: it ships, and the note says otherwise"


def test_the_note_has_the_records_figures(record: dict[str, Any]) -> None:
    note = (ROOT / "docs" / "notes" / "clean-video.md").read_text()
    for row in record["rows"]:
        if "gain_db" in row:
            (line,) = (line for line in note.splitlines() if line.startswith(f"| {row['clip']} | {row['way']} |"))
            figures = [cell.strip() for cell in line.split("|")[3:-1]]
            assert figures == [f"{row['gain_db']:+.2f}", f"{row['flicker_more']:+.3f}", f"{row['times']:.1f}"]


def test_pixels_come_back_from_where_they_were_put() -> None:
    import numpy as np

    large = np.random.default_rng(0).uniform(0, 255, (12, 10)).astype(np.float32)
    assert np.array_equal(joined(split(large)), large)
