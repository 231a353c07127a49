"""Measure the shipped networks' quality and record it: `python tools/record_quality.py ../shared/data/test`.

Writes benchmarks/quality.json (what `pocketsr bench quality --json` prints, with the machine, the command
and the SHA-256 of the networks beside it), and src/pocketsr/models/figures.json, which `pocketsr models`
shows, and what networks cost (see record_counts). To be run whenever a shipped network changes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from record_counts import COUNTS, counted
from recording import recorded

from pocketsr.models import SHIPPED

__all__ = ["as_figures", "record"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "quality.json"
FIGURES = ROOT / "src" / "pocketsr" / "models" / "figures.json"


def as_figures(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """The rows of the quality bench by model and set: {"tiny": {"Set5": {"psnr_db": .., "ssim": ..}}}."""
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        scale = row.get("scale", 2)
        model = row["model"] if row["model"] != "bicubic" or scale == 2 else f"bicubic-x{scale}"
        figures.setdefault(model, {})[row["set"]] = {"psnr_db": row["psnr_db"], "ssim": row["ssim"]}
    return figures


def record(data: str) -> None:
    """Run the bench on all sets in `data` and write the files."""
    result = recorded(["quality", "--data", data], SHIPPED, "pocketsr bench quality --data DIR --json")
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    FIGURES.write_text(json.dumps(as_figures(result["rows"]), indent=2) + "\n")
    COUNTS.write_text(json.dumps(counted(), indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    record(sys.argv[1])
