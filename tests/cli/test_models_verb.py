from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
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


def test_listing_compiles_and_reads_no_network(tmp_path: Path) -> None:
    """What makes it quick with an empty cache, whatever else the machine does."""
    code = (
        "import sys\n"
        "from pocketsr.cli import main\n"
        "code = main(['models'])\n"
        "print(*sorted({'av', 'numpy', 'onnx', 'pocketsr.engine', 'torch'} & set(sys.modules)), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    environment = os.environ | {"POCKETSR_CACHE": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    assert len(done.stdout.splitlines()) == 1 + len(SHIPPED) + len(ALIASES)
    assert not (tmp_path / "cache").exists()


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
