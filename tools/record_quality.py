"""Measure the shipped networks' quality and record it: `python tools/record_quality.py ../shared/data/test`.

Writes benchmarks/quality.json (what `pocketsr bench quality --json` prints, with the machine, the command
and the SHA-256 of the networks beside it), and src/pocketsr/models/figures.json, which `pocketsr models`
shows. To be run whenever a shipped network changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

from pocketsr.bench.machine import describe_machine
from pocketsr.cli import main
from pocketsr.models import SHIPPED, resolve

__all__ = ["as_figures", "digests", "record"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "quality.json"
FIGURES = ROOT / "src" / "pocketsr" / "models" / "figures.json"


def digests() -> dict[str, str]:
    """The SHA-256 of each shipped network's file: figures belong to exactly these."""
    return {name: hashlib.sha256(resolve(name).read_bytes()).hexdigest() for name in SHIPPED}


def as_figures(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """The rows of the quality bench by model and set: {"tiny": {"Set5": {"psnr_db": .., "ssim": ..}}}."""
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        figures.setdefault(row["model"], {})[row["set"]] = {"psnr_db": row["psnr_db"], "ssim": row["ssim"]}
    return figures


def record(data: str) -> int:
    """Run the bench on all sets in `data` and write both files; returns the bench's exit code."""
    printed = io.StringIO()
    before = digests()
    with contextlib.redirect_stdout(printed):
        code = main(["bench", "quality", "--data", data, "--json"])
    if code != 0:
        return code
    if digests() != before:
        raise SystemExit("a network changed while it was measured: run this again")
    rows = json.loads(printed.getvalue())["rows"]
    result = {
        "machine": describe_machine(),
        "command": "pocketsr bench quality --data DIR --json",
        "networks": before,
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    FIGURES.write_text(json.dumps(as_figures(rows), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    sys.exit(record(sys.argv[1]))
