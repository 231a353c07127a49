"""Measure networks on video as calls send it: `python tools/record_call.py ../shared/data/clips [MODEL ..]`.

Writes benchmarks/call.json (what `pocketsr bench call --json` prints, with the machine, the command and the SHA-256 of
the networks beside it), and benchmarks/call.md, a table of its means. MODEL: shipped names or .onnx files; without any,
all networks that ship. To be run whenever one of them changes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recording import recorded

from pocketsr.models import SHIPPED

__all__ = ["as_table", "record"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "call.json"
TABLE = ROOT / "benchmarks" / "call.md"


def as_table(means: list[dict[str, Any]]) -> str:
    """Markdown: a row for each codec and rate, a column for each model with PSNR, SSIM and VMAF; the best in bold."""
    models = list(dict.fromkeys(mean["model"] for mean in means))
    rows: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
    for mean in means:
        rows.setdefault((mean["codec"], mean["rate_kbps"]), {})[mean["model"]] = mean
    lines = [
        f"PSNR in dB / SSIM / VMAF, means over {means[0]['clips']} clips; kbit/s as for 640x360.",
        "",
        f"| codec | kbit/s | {' | '.join(models)} |",
        f"|---|--:|{'---|' * len(models)}",
    ]
    for (codec, rate_kbps), known in rows.items():
        best = {key: max(mean[key] or 0 for mean in known.values()) for key in ("psnr_db", "ssim", "vmaf")}
        cells = [_cell(known[model], best) for model in models]
        lines.append(f"| {codec} | {rate_kbps} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(mean: dict[str, Any], best: dict[str, float]) -> str:
    parts = []
    for key, places in (("psnr_db", 2), ("ssim", 4), ("vmaf", 1)):
        if mean[key] is not None:
            text = f"{mean[key]:.{places}f}"
            parts.append(f"**{text}**" if mean[key] == best[key] else text)
    return " / ".join(parts)


def record(data: str, models: Sequence[str] = ()) -> None:
    """Run the bench on the clips in `data` and write both files."""
    chosen = tuple(models) or SHIPPED
    command = " ".join(["pocketsr bench call --data DIR --json", *(f"-m {Path(model).stem}" for model in chosen)])
    wanted = [part for model in chosen for part in ("-m", model)]
    result = recorded(["call", "--data", data, *wanted], chosen, command)
    for row in (*result["rows"], *result["means"]):
        row["model"] = Path(row["model"]).stem  # where the file lay is nobody's business
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    TABLE.write_text(as_table(result["means"]))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    record(sys.argv[1], sys.argv[2:])
