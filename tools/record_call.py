"""Measure networks on video as calls send it: `python tools/record_call.py ../shared/data/clips [MODEL ..]`.

Writes benchmarks/call.json (what `pocketsr bench call --json` prints, with the machine, the command and the SHA-256 of
the networks beside it), and benchmarks/call.md, a table of its means. MODEL: shipped names or .onnx files; without any,
all for x2 that ship. To be run whenever one of them changes. What each network gave on each clip is kept in
runs/record-call: a run that was stopped goes on behind it, and only networks that changed are measured anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recording import digests, recorded

from pocketsr.bench.call import HELD_OUT, Row, mean_over_clips
from pocketsr.cli._figures import jsonable
from pocketsr.models import SHIPPED_X2

__all__ = ["as_table", "record"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "call.json"
TABLE = ROOT / "benchmarks" / "call.md"
KEPT = ROOT / "runs" / "record-call"
FIGURES = {"psnr_db": 2, "ssim": 4, "vmaf": 1, "vmaf_neg": 1}  # and their places


def as_table(means: list[dict[str, Any]]) -> str:
    """Markdown: a row for each codec and rate, a column for each model with all figures; the best in bold."""
    models = list(dict.fromkeys(mean["model"] for mean in means))
    rows: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
    for mean in means:
        rows.setdefault((mean["codec"], mean["rate_kbps"]), {})[mean["model"]] = mean
    lines = [
        f"PSNR in dB / SSIM / VMAF / VMAF NEG, means over {means[0]['clips']} clips; kbit/s as for 640x360.",
        "",
        f"| codec | kbit/s | {' | '.join(models)} |",
        f"|---|--:|{'---|' * len(models)}",
    ]
    for (codec, rate_kbps), known in rows.items():
        best = {key: max(mean[key] or 0 for mean in known.values()) for key in FIGURES}
        cells = [_cell(known[model], best) for model in models]
        lines.append(f"| {codec} | {rate_kbps} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(mean: dict[str, Any], best: dict[str, float]) -> str:
    parts = []
    for key, places in FIGURES.items():
        if mean[key] is not None:
            text = f"{mean[key]:.{places}f}"
            parts.append(f"**{text}**" if mean[key] == best[key] else text)
    return " / ".join(parts)


def _part(data: str, name: str, model: str) -> dict[str, Any]:
    """What the bench says of one network on one clip; as it said before, where that is known of the same network."""
    kept = KEPT / f"{name}-{Path(model).stem}.json"
    if kept.exists():
        known: dict[str, Any] = json.loads(kept.read_text())
        if known["networks"] == digests([model]):
            return known
    command = f"pocketsr bench call --data DIR --json --clips {name} -m {Path(model).stem}"
    found = recorded(["call", "--data", data, "--clips", name, "-m", model], [model], command)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found))
    return found


def record(data: str, models: Sequence[str] = ()) -> None:
    """Run the bench on the clips in `data` and write both files."""
    chosen = tuple(models) or SHIPPED_X2  # the bench refuses other factors
    command = " ".join(["pocketsr bench call --data DIR --json", *(f"-m {Path(model).stem}" for model in chosen)])
    parts = {(name, model): _part(data, name, model) for model in chosen for name in HELD_OUT}
    rows = [
        row for name in HELD_OUT for model in chosen for row in parts[name, model]["rows"]
        if Path(row["model"]).stem == Path(model).stem  # the bench brings bicubic along
    ]  # fmt: skip
    means = mean_over_clips([Row(**row) for row in rows])
    result = {
        "machine": parts[HELD_OUT[-1], chosen[-1]]["machine"], "command": command, "networks": digests(chosen),
        "rows": rows, "means": [jsonable(mean) for mean in means],
    }  # fmt: skip
    for row in (*rows, *result["means"]):
        row["model"] = Path(row["model"]).stem  # where the file lay is nobody's business
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    TABLE.write_text(as_table(result["means"]))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    record(sys.argv[1], sys.argv[2:])
