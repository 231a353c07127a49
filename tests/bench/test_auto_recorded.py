"""auto.json says what docs/notes/sources.md says of `-m auto`: where it keeps its rule, and where it doesn't."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import record_auto
from recording import digests

from pocketsr.source import strength

ROOT = Path(__file__).resolve().parents[2]
ALLOWED_DB = 0.05


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "benchmarks" / "auto.json").read_text())
    return found


@pytest.fixture(scope="module")
def note() -> list[str]:
    return (ROOT / "docs" / "notes" / "sources.md").read_text().splitlines()


def test_it_is_of_the_networks_and_rules_that_ship(record: dict[str, Any]) -> None:
    """Else: python tools/record_auto.py DATA."""
    assert record["networks"] == digests(record_auto.NETWORKS)
    fitted = Path(strength.__file__).with_name("fitted.json").read_bytes()
    assert record["rules"] == hashlib.sha256(fitted).hexdigest()
    assert record["files"] == sum(each["files"] for each in record["summary"])


def test_the_note_has_every_kind(record: dict[str, Any], note: list[str]) -> None:
    for kind in {each["kind"] for each in record["summary"]}:
        states = [each for each in record["summary"] if each["kind"] == kind]
        files = sum(each["files"] for each in states)
        mean = sum(each["files"] * each["mean_gain_db"] for each in states) / files
        (line,) = (line for line in note if line.startswith(f"| {kind} | {files} |"))
        assert line.split("|")[3].strip() == f"{mean:+.2f}"


def test_what_breaks_the_rule_is_named(record: dict[str, Any], note: list[str]) -> None:
    for each in record["summary"]:
        if each["mean_gain_db"] < -ALLOWED_DB:
            said = f"{each['state']} {each['mean_gain_db']:+.2f}"
            assert any(line.startswith(f"| {each['kind']} |") and said in line for line in note), (each["kind"], said)


def test_screens_keep_the_rule_and_gain(record: dict[str, Any]) -> None:
    states = [each for each in record["summary"] if each["kind"] == "screen"]
    assert min(each["mean_gain_db"] for each in states) >= -ALLOWED_DB
    assert next(each["mean_gain_db"] for each in states if each["state"] == "png") > 1.0
