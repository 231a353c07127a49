"""What can be told of a network before it is trained? Holds what `pocketsr design --probe` finds (scores from one
batch, a short epoch) against what `contest.py` trained:
`python tools/record_proxies.py ../shared/data/train runs/contest`

Writes each network's scores, the PSNR of the probe and of the whole training, and Kendall's tau between them, within
families and across, to benchmarks/proxies.json. Probes are kept in runs/contest/probes: an interrupted recording goes
on. About ten minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contest import NETWORKS, valid_psnr_db
from tqdm import tqdm

from pocketsr.bench.machine import describe_machine
from pocketsr.design.agreement import kendall_tau
from pocketsr.design.probe import Probe, Prober
from pocketsr.design.proxies import PROXIES

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "proxies.json"
Row = dict[str, Any]


def measured(data: Path, runs: Path) -> list[Row]:
    """A row a network: what was known before, and what came of it."""
    prober = Prober(runs / "probes", Probe(data=str(data)))
    rows = []
    for candidate in tqdm(NETWORKS, desc="probes"):
        probed = prober(candidate)
        rows.append(
            {
                "model": candidate.name,
                "family": candidate.family,
                "depth": candidate.depth,
                "macs_per_pixel": candidate.chain().macs_per_pixel,
                "scores": probed.scores,
                "probe_psnr_db": probed.psnr_db,
                "trained_psnr_db": valid_psnr_db(candidate),
            }
        )
    return rows


def agreement(rows: Sequence[Row]) -> dict[str, float | None]:
    """Kendall's tau of each forecast with the PSNR of the whole training; None where a score says nothing of some."""
    trained = [row["trained_psnr_db"] for row in rows]
    forecasts: dict[str, list[float | None]] = {name: [row["scores"][name] for row in rows] for name in PROXIES}
    forecasts["depth"] = [row["depth"] for row in rows]
    forecasts["macs"] = [row["macs_per_pixel"] for row in rows]
    forecasts["probe"] = [row["probe_psnr_db"] for row in rows]
    found: dict[str, float | None] = {}
    for name, values in forecasts.items():
        known = [value for value in values if value is not None]
        found[name] = round(kendall_tau(known, trained), 3) if len(known) == len(values) else None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Holds probes and scores against trained networks.")
    parser.add_argument("data", type=Path, help="folder of the training images")
    parser.add_argument("runs", type=Path, help="folder of the runs, for the probes")
    args = parser.parse_args()
    rows = measured(args.data, args.runs)
    families = dict.fromkeys(row["family"] for row in rows)
    taus = {family: agreement([row for row in rows if row["family"] == family]) for family in families}
    result = {
        "machine": describe_machine(),
        "command": "python tools/record_proxies.py ../shared/data/train runs/contest",
        "training": "recipes/curve.yaml",
        "kendall_tau": {"all": agreement(rows)} | taus,
        "rows": sorted(rows, key=lambda row: -row["trained_psnr_db"]),
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["kendall_tau"], indent=1))


if __name__ == "__main__":
    main()
