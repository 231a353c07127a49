"""benchmarks/predictor.json says what its own rows say, of networks that no cost was fitted to."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from pocketsr.design.agreement import kendall_tau, share_within
from pocketsr.design.calibrate import probes
from pocketsr.design.profile import default_profile
from pocketsr.design.space import builtin_space

RECORD = json.loads((Path(__file__).parents[2] / "benchmarks" / "predictor.json").read_text())


def test_the_summary_is_that_of_the_rows() -> None:
    assert RECORD["networks"] == len(RECORD["rows"]) >= 40
    assert set(RECORD["precisions"]) == set(default_profile().precisions) == {r["precision"] for r in RECORD["rows"]}
    parts = {name: [row for row in RECORD["rows"] if row["precision"] == name] for name in RECORD["precisions"]}
    for said, rows in ((RECORD, RECORD["rows"]), *((RECORD["precisions"][name], own) for name, own in parts.items())):
        predicted, measured = ([row[key] for row in rows] for key in ("predicted_ms", "measured_ms"))
        assert said["networks"] == len(rows) >= 3
        # a row's milliseconds are rounded, so one at the very edge may count elsewhere
        assert said["within_10_percent"] == pytest.approx(share_within(predicted, measured, 0.1), abs=1 / len(rows))
        assert said["kendall_tau"] == pytest.approx(kendall_tau(predicted, measured), abs=1e-3)
        errors = [abs(p / m - 1) for p, m in zip(predicted, measured, strict=True)]
        assert said["median_error"] == pytest.approx(statistics.median(errors), abs=1e-3)


def test_no_network_was_fitted_to() -> None:
    floats = [candidate for candidate in builtin_space().candidates() if candidate.precision == "fp32"]
    every = (replace(candidate, precision=name) for candidate in floats for name in RECORD["precisions"])
    wanted = {row["name"] for row in RECORD["rows"]}
    known = {candidate.name: candidate.chain() for candidate in every if candidate.name in wanted}
    assert not set(known.values()) & set(probes())
    assert all(known[row["name"]].params == row["params"] for row in RECORD["rows"])
