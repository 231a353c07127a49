"""benchmarks/proxies.json: forecasts held against networks trained to a real budget, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from contest import NETWORKS, valid_psnr_db
from record_proxies import agreement

RECORD: dict[str, Any] = json.loads((Path(__file__).parents[2] / "benchmarks" / "proxies.json").read_text())
TAUS = RECORD["kendall_tau"]


def test_every_network_of_the_contest_is_there() -> None:
    rows = {row["model"]: row for row in RECORD["rows"]}
    assert set(rows) == {candidate.name for candidate in NETWORKS}
    assert len(rows) >= 16
    for candidate in NETWORKS:
        row = rows[candidate.name]
        assert row["trained_psnr_db"] == valid_psnr_db(candidate)
        assert row["macs_per_pixel"] == candidate.chain().macs_per_pixel
        assert row["probe_psnr_db"] < row["trained_psnr_db"]  # it ends after a small part of that budget


def test_taus_are_those_of_the_rows() -> None:
    families = {row["family"] for row in RECORD["rows"]}
    assert set(TAUS) == {"all"} | families
    assert len(families) >= 2
    for name in TAUS:
        rows = [row for row in RECORD["rows"] if name in ("all", row["family"])]
        assert TAUS[name] == agreement(rows)


@pytest.mark.parametrize("family", list(TAUS))
def test_what_the_documents_say(family: str) -> None:
    """Parameters and work can be trusted, the short epoch half as far, scores of one batch not at all."""
    taus = TAUS[family]
    assert min(taus["params"], taus["macs"]) >= 0.9
    assert 0.65 < taus["probe"] < 0.75
    assert all(taus[name] < taus["params"] - 0.2 for name in ("synflow", "zico", "naswot", "grad_norm", "depth"))
    assert all(abs(taus[name]) < 0.35 for name in ("naswot", "grad_norm"))
