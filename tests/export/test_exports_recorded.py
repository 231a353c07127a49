"""benchmarks/exports.json, and what is made from it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import record_exports
import record_oldest
from readme_tables import exports_overview, exports_table

ROOT = Path(__file__).parents[2]
FIGURES = json.loads((ROOT / "benchmarks" / "exports.json").read_text())


def test_the_page_has_the_table() -> None:
    """Else: python tools/record_exports.py."""
    assert f"<!-- exports -->\n{exports_table(FIGURES)}\n<!-- /exports -->" in record_exports.PAGE.read_text()


def test_every_row_is_near_enough() -> None:
    """Floats within a level, 8 bits within 0.1 dB on the test sets; what is accelerated is one piece."""
    for row in FIGURES["rows"]:
        assert row["partitions"] in (None, 1)
        if row["precision"] == "float32" and row["network"] in ("tiny", "small"):
            assert row["max_levels"] <= 1
        for name, theirs in row.get("sets_db", {}).items():
            assert theirs > row["ours_db"][name] - 0.1


def test_times_of_another_processor_are_taken_again() -> None:
    rows = {("n", "t"): {"busy": False, "ms": 1.0}}
    assert record_exports.taken_on("A", rows, "A") == rows
    assert record_exports.taken_on("A", rows, "B") == {("n", "t"): {"busy": True, "ms": 1.0}}


def test_times_of_a_busy_machine_are_marked() -> None:
    row = {"network": "n", "target": "t", "precision": "int8", "psnr_db": 50.1, "max_levels": 4}
    row |= {"differing_share": 0.25, "partitions": 1, "ms": 12.34, "bytes": 4321}
    figures = {"machine": "M", "rows": [row, row | {"network": "m", "busy": False, "psnr_db": None, "max_levels": 0}]}
    assert exports_table(figures).splitlines()[2:] == [
        "| n | t | int8 | 50.1 | 4 | 2.5e-01 | 1 | ~12.3 | 4,321 |",
        "| m | t | int8 | same | 0 | 2.5e-01 | 1 | 12.3 | 4,321 |",
    ]
    assert "| t | 50.1 / 4 / 1 / ~12.3 / 4 | same / 0 / 1 / 12.3 / 4 |" in exports_overview(figures)


def test_files_load_on_the_oldest_runtimes_that_may_be_installed() -> None:
    """As tools/record_oldest.py found; its versions are the bounds of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    allowed = [each for extra in project["optional-dependencies"].values() for each in extra]
    for package, version in record_oldest.OLDEST.values():
        assert {each for each in allowed if each.startswith(f"{package}>")} == {f"{package}>={version}"}
    found = {(row["network"], row["target"]): row for row in FIGURES["oldest"]}
    for network in record_oldest.NETWORKS:
        for target, (package, version) in record_oldest.OLDEST.items():
            row = found[network, target]
            assert (row["package"], row["version"], row["loads"]) == (package, version, True)
