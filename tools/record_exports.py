"""What each network is in each runtime: `python tools/record_exports.py [TESTSETS]`, into benchmarks/exports.json.

Each target's report at 640x360 (`pocketsr export`), and for int8 files of LiteRT PSNR on Set5 and B100 beside
ours, both on 8-bit luma, where the folder of the test sets is given. Its table goes into docs/how-to/export.md. A row
at a time: what was recorded of the same network, by its SHA-256, is kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recording import digests

from pocketsr.atomic_io import replacing
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.quality import find_sets, mean_psnr_db, read_sample
from pocketsr.engine import load
from pocketsr.errors import UserError
from pocketsr.export import export
from pocketsr.export.checking import Run
from pocketsr.export.source import open_source

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "exports.json"
PAGE = ROOT / "docs" / "how-to" / "export.md"
_BEGIN, _END = "<!-- exports -->\n", "<!-- /exports -->"
NETWORKS = ("tiny", "small", "small-w8a8", "medium")
TARGETS = ("litert", "ncnn", "mnn", "coreml", "c")
_KEPT = (
    "precision",
    "bytes",
    "partitions",
    "max_levels",
    "differing_share",
    "psnr_db",
    "ms",
    "checked_by",
)


class _Bytes:
    """What takes 8-bit luma, as an `Upscaler` of 16 bits, which the bench gives."""

    scale, channels, edge_halo = 2, 1, 0

    def __init__(self, run: Run) -> None:
        self._run = run

    def __call__(self, y: NDArray[Any], bits: int | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        assert bits is None
        assert out is None
        return self._run(((y.astype(np.int64) + 128) // 257).astype(np.uint8)).astype(np.uint16) * 257


def _in_litert(name: str) -> Run:
    from pocketsr.export.litert import Interpreted, content

    net = open_source(name).layers
    return lambda y: Interpreted(content(net, y.shape[0], y.shape[1], "int8")[0], net.max_value)(y)


def _sets_db(run: Run, data: Path) -> dict[str, float]:
    found = {}
    for name, files in find_sets(data, ["Set5", "B100"]).items():
        samples = [read_sample(name, file) for file in files]
        found[name] = round(mean_psnr_db(_Bytes(run), samples), 3)
    return found


def _row(network: str, target: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = export(target, network, Path(folder)).to_full_json()
    return {"network": network, "target": target} | {key: report[key] for key in _KEPT}


def _with_sets(row: dict[str, Any], data: Path) -> dict[str, Any]:
    """`row` with PSNR on the sets, where it is one that rounds otherwise than ours."""
    if "sets_db" in row or (row["target"], row["precision"]) != ("litert", "int8"):
        return row
    network = row["network"]
    return row | {
        "sets_db": _sets_db(_in_litert(network), data),
        "ours_db": _sets_db(load(network, threads=1), data),
    }


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """The table of the docs."""
    lines = [
        "| network | target | numbers | PSNR to ours, dB | levels | samples that differ | pieces | ms | bytes |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        cells = [
            row["psnr_db"] if row["psnr_db"] is not None else ("same" if row["max_levels"] == 0 else "?"),
            "?" if row["max_levels"] is None else row["max_levels"],
            "?" if row["differing_share"] is None else f"{row['differing_share']:.1e}",
            "?" if row["partitions"] is None else row["partitions"],
            "?" if row["ms"] is None else row["ms"],
            f"{row['bytes']:,}",
        ]
        lines.append(f"| {row['network']} | {row['target']} | {row['precision']} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def with_table(rows: list[dict[str, Any]]) -> None:
    """Put the table of `rows` into the page."""
    before, rest = PAGE.read_text().split(_BEGIN)
    _, after = rest.split(_END)
    with replacing(PAGE) as part:
        part.write_text(before + _BEGIN + as_markdown(rows) + _END + after)


def main() -> None:
    parser = argparse.ArgumentParser(description="Records what each network is in each runtime.")
    parser.add_argument("data", type=Path, nargs="?", help="folder of the test sets, for PSNR on Set5 and B100")
    args = parser.parse_args()
    now = digests(NETWORKS)
    before: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"networks": {}, "rows": []}
    kept = {
        (row["network"], row["target"]): row
        for row in before["rows"]
        if before["networks"].get(row["network"]) == now[row["network"]]
    }
    rows: list[dict[str, Any]] = []
    head = {"machine": describe_machine(), "command": "python tools/record_exports.py ../shared/data/test"}
    for network in NETWORKS:
        for target in TARGETS:
            if (network, target) not in kept:
                try:
                    kept[network, target] = _row(network, target)
                except UserError as error:
                    print(f"{network} {target}: left out: {error}")
                    continue
            if args.data is not None:
                kept[network, target] = _with_sets(kept[network, target], args.data)
            rows = [kept[key] for key in ((n, t) for n in NETWORKS for t in TARGETS) if key in kept]
            with replacing(RESULTS) as part:
                part.write_text(json.dumps(head | {"networks": now, "rows": rows}, indent=1) + "\n")
    with_table(rows)


if __name__ == "__main__":
    main()
