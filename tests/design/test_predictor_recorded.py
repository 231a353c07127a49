"""benchmarks/predictor.json says what its own rows say, of networks that no cost was fitted to."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from pocketsr.design.agreement import kendall_tau, share_within
from pocketsr.design.calibrate import probes
from pocketsr.design.space import builtin_space

RECORD = json.loads((Path(__file__).parents[2] / "benchmarks" / "predictor.json").read_text())


def test_the_summary_is_that_of_the_rows() -> None:
    predicted, measured = ([row[key] for row in RECORD["rows"]] for key in ("predicted_ms", "measured_ms"))
    assert RECORD["networks"] == len(predicted) >= 40
    assert RECORD["within_10_percent"] == pytest.approx(share_within(predicted, measured, 0.1), abs=1e-3)
    assert RECORD["kendall_tau"] == pytest.approx(kendall_tau(predicted, measured), abs=1e-3)
    errors = [abs(p / m - 1) for p, m in zip(predicted, measured, strict=True)]
    assert RECORD["median_error"] == pytest.approx(statistics.median(errors), abs=1e-3)


def test_no_network_was_fitted_to() -> None:
    known = {candidate.name: candidate.chain() for candidate in builtin_space().candidates()}
    fitted = set(probes())
    assert all(known[row["name"]] not in fitted for row in RECORD["rows"])
    assert all(known[row["name"]].params == row["params"] for row in RECORD["rows"])
