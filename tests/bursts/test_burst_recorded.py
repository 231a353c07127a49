"""What benchmarks/burst.json says several frames are worth."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pocketsr.models import resolve

_FILE = Path(__file__).parents[2] / "benchmarks" / "burst.json"


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return made


def test_it_was_measured_with_the_network_that_ships(record: dict[str, Any]) -> None:
    assert record["network"] == {"quality": hashlib.sha256(resolve("quality").read_bytes()).hexdigest()}


def test_eight_frames_are_worth_a_decibel_and_more(record: dict[str, Any]) -> None:
    rows = [row for row in record["rows"] if row["frames"] == 8]
    still = [row for row in rows if not row["of"].startswith("vid4_")]
    assert {row["degradation"] for row in still} == {"clean", "noise 2", "noise 5", "jpeg 90"}
    assert min(row["gain_db"] for row in still) >= 1.0
    assert {row["of"]: row["gain_db"] for row in rows}["vid4_city"] >= 1.0
    assert {row["of"]: row["gain_db"] for row in rows}["vid4_walk"] >= 0.0  # people walk: little holds still


def test_eight_frames_of_12_megapixels_need_less_than_2_gb(record: dict[str, Any]) -> None:
    memory = record["memory"]
    assert (memory["size"], memory["frames"]) == ("4000x3000", 8)
    assert 8 * 3 * 12e6 < memory["peak_bytes"] < 2e9


def test_one_frame_is_the_network_alone(record: dict[str, Any]) -> None:
    published = json.loads((_FILE.parent / "quality.json").read_text(encoding="utf-8"))["rows"]
    (mine,) = (r for r in record["rows"] if (r["of"], r["degradation"], r["frames"]) == ("Set5", "clean", 1))
    (theirs,) = (r for r in published if (r["model"], r["set"]) == ("quality", "Set5"))
    assert mine["psnr_db"] == pytest.approx(theirs["psnr_db"], abs=0.05)  # edges repeated, as files are upscaled


def test_more_frames_are_worth_more(record: dict[str, Any]) -> None:
    for how in ("clean", "noise 2", "noise 5", "jpeg 90"):
        gains = [r["gain_db"] for r in record["rows"] if (r["of"], r["degradation"]) == ("Set5", how)]
        assert gains == sorted(gains)
        assert gains[0] == 0
