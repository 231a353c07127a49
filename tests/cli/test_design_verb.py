"""`pocketsr design` and `pocketsr calibrate` on the command line."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

SPACE = """
families:
  - {kind: pocket, label: dense, depth: [3, 5], width: [8, 12, 16]}
  - {kind: sesr, depth: [5], width: [8]}
"""


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    return path


def test_json_is_one_object(pocketsr: Run, space: Path) -> None:
    done = pocketsr("design", "--space", space, "--top", 3, "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert len(found["candidates"]) == 3
    assert (found["enumerated"], found["fitting"]) == (7, 7)
    assert {"name", "family", "depth", "params", "gmacs", "receptive_field", "predicted_ms"} <= found["candidates"][
        0
    ].keys()
    assert found["candidates"][0]["front"]


def test_budgets_are_kept_and_everything_is_written(pocketsr: Run, space: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "choice"
    done = pocketsr("design", "--space", space, "--max-params", 4000, "--max-gmacs", 0.8, "-o", out)
    assert done.code == 0, done.err
    names = {"candidates.csv", "candidates.json", "report.html"}
    names |= {f"{name}.{end}" for name in ("capacity_ms", "params_gmacs") for end in ("svg", "png")}
    assert {path.name for path in out.iterdir()} == names
    rows = list(csv.DictReader((out / "candidates.csv").open()))
    assert 0 < len(rows) < 7
    assert all(int(row["params"]) <= 4000 and float(row["gmacs"]) <= 0.8 for row in rows)
    assert all(row["name"] in done.out for row in rows)


def test_a_simulated_device_is_called_so(pocketsr: Run, space: Path) -> None:
    real, one = (json.loads(pocketsr("design", "--space", space, "--json", *more).out)
                 for more in ([], ["--simulate", "one-core"]))  # fmt: skip
    assert one["device"].startswith("simulated one-core of ")
    assert not real["device"].startswith("simulated")
    slower = [b["predicted_ms"] / a["predicted_ms"] for a, b in zip(real["candidates"], one["candidates"], strict=True)]
    assert min(slower) > 1.3


def test_a_core_of_a_phone_is_named_and_is_no_server(pocketsr: Run, space: Path) -> None:
    here, phone = (json.loads(pocketsr("design", "--space", space, "--json", *more).out)
                   for more in ([], ["--device", "cortex-a55@1.8x2"]))  # fmt: skip
    assert (phone["device"], phone["threads"]) == ("cortex-a55@1.8x2", 2)
    times = {row["name"]: row["predicted_ms"] for row in here["candidates"]}
    assert all(row["predicted_ms"] > 4 * times[row["name"]] for row in phone["candidates"])


def test_the_cores_that_have_a_name_are_listed(pocketsr: Run) -> None:
    done = pocketsr("design", "--device", "list")
    assert (done.code, done.err) == (0, "")
    assert {"cortex-a53", "c1-ultra", "apple-a19"} <= {line.split()[0] for line in done.out.splitlines()}
    listed = json.loads(pocketsr("design", "--device", "list", "--json").out)["devices"]
    assert {"core": "cortex-a55", "says": "LLVM's own model"} in listed


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--budget-ms", "0"], "--budget-ms 0.0: more than 0"),
        (["--max-params", "-3"], "--max-params -3: more than 0"),
        (["--budget-ms", "0.0001"], "none of 7 candidates fits"),
        (["--device", "none.json"], "none.json can't be read"),
        (["--device", "cortex-a5@2"], "unknown core 'cortex-a5'"),
        (["--device", "cortex-a55@fast"], "as in cortex-a55@1.8x2"),
        (["--space", "none.yaml"], "none.yaml can't be read as a space"),
    ],
)
def test_mistakes_are_one_line(pocketsr: Run, space: Path, arguments: list[str], complaint: str) -> None:
    done = pocketsr("design", "--space", space, *arguments)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert complaint in done.err


def test_a_profile_must_have_a_place(pocketsr: Run, tmp_path: Path) -> None:
    done = pocketsr("calibrate", "-o", tmp_path / "no" / "p.json")
    assert done.code == 2
    assert "can't be written" in done.err
    assert "at least 1 is expected" in pocketsr("calibrate", "-j", 0, "-o", tmp_path / "p.json").err


def test_choosing_needs_no_torch(space: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from pocketsr.cli import main\n"
        f"sys.exit(main(['design', '--space', {str(space)!r}, '--json']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["candidates"]
