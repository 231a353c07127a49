from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pocketsr.models import ALIASES, SHIPPED, resolve

Run = Callable[..., Any]

# What the two networks may cost: parameters, and GMAC at 1280x720 out.
BUDGETS = {"tiny": (972, 0.24422), "small": (5_848, 1.5)}


def test_json(pocketsr: Run) -> None:
    done = pocketsr("models", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    models = found["models"]
    assert found["aliases"] == ALIASES
    assert [row["name"] for row in models] == list(SHIPPED)
    for row in models:
        assert set(row) == {"name", "params", "gmacs", "receptive_field", "bytes", "recorded"}
        assert row["bytes"] == resolve(row["name"]).stat().st_size
        assert row["receptive_field"] > 1
        for figures in row["recorded"].values():
            assert set(figures) == {"psnr_db", "ssim"}


def test_budgets(pocketsr: Run) -> None:
    rows = {row["name"]: row for row in json.loads(pocketsr("models", "--json").out)["models"]}
    for name, (params, gmacs) in BUDGETS.items():
        assert 0 < rows[name]["params"] <= params
        assert 0 < rows[name]["gmacs"] <= gmacs


def test_table_holds_the_recorded_figures(pocketsr: Run) -> None:
    rows = json.loads(pocketsr("models", "--json").out)["models"]
    lines = pocketsr("models").out.splitlines()
    assert lines[1 + len(rows) :] == ["fast is small-w8a8"]
    for line, row in zip(lines[1:], rows, strict=False):
        assert line.split()[:2] == [row["name"], f"{row['params']:,}"]
        for name, figures in row["recorded"].items():
            assert f"{name} {figures['psnr_db']:.2f}/{figures['ssim']:.4f}" in line
