"""What each network is in each runtime: `python tools/record_exports.py [TESTSETS]`, into benchmarks/exports.json.

Each target's report at 640x360 (`pocketsr export`), and for int8 files of LiteRT and QNN's form PSNR on Set5 and B100
beside ours, both on 8-bit luma, where the folder of the test sets is given. Its tables go into docs/how-to/export.md
and README.md. A row at a time: what was recorded of the same network, by its SHA-256, is kept, but for the times of a
busy machine (--busy says that this one is) or another processor, which are taken again on a quiet one. What has no
package here is left out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from readme_tables import exports_table
from readme_tables import main as write_readme
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
TARGETS = ("litert", "ncnn", "mnn", "executorch", "coreml", "qnn", "snpe", "neuropilot", "c")
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


def _in_onnxruntime(name: str) -> Run:
    from pocketsr.export._qdq import qdq_model
    from pocketsr.export._vendor import in_onnxruntime

    net = open_source(name).layers
    return lambda y: in_onnxruntime(qdq_model(net, y.shape[0], y.shape[1], False).SerializeToString())(y)


_ON_SETS = {"litert": _in_litert, "qnn": _in_onnxruntime}  # snpe and neuropilot have the numbers of qnn


def _sets_db(run: Run, data: Path) -> dict[str, float]:
    found = {}
    for name, files in find_sets(data, ["Set5", "B100"]).items():
        samples = [read_sample(name, file) for file in files]
        found[name] = round(mean_psnr_db(_Bytes(run), samples), 3)
    return found


def _row(network: str, target: str, busy: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = export(target, network, Path(folder)).to_full_json()
    return {"network": network, "target": target} | {key: report[key] for key in _KEPT} | {"busy": busy}


def _with_sets(row: dict[str, Any], data: Path) -> dict[str, Any]:
    """`row` with PSNR on the sets, where it is one that rounds otherwise than ours."""
    if "sets_db" in row or row["target"] not in _ON_SETS or row["precision"] != "int8":
        return row
    network = row["network"]
    return row | {
        "sets_db": _sets_db(_ON_SETS[row["target"]](network), data),
        "ours_db": _sets_db(load(network, threads=1), data),
    }


def with_table(figures: dict[str, Any]) -> None:
    """Put the table of `figures` into the page."""
    before, rest = PAGE.read_text().split(_BEGIN)
    _, after = rest.split(_END)
    with replacing(PAGE) as part:
        part.write_text(f"{before}{_BEGIN}{exports_table(figures)}\n{_END}{after}")


def _known(
    rows: list[dict[str, Any]], digests_then: dict[str, str], now: dict[str, str]
) -> dict[tuple[str, str], dict[str, Any]]:  # fmt: skip
    """Rows of networks that are the same today, by network and target."""
    return {
        (row["network"], row["target"]): row
        for row in rows
        if row["network"] in now and digests_then.get(row["network"]) == now[row["network"]]
    }


def taken_on(cpu: str, rows: dict[tuple[str, str], dict[str, Any]], now_on: str) -> dict[Any, dict[str, Any]]:
    """`rows`, whose times were taken on `cpu`: on another processor they are as those of a busy machine."""
    return rows if cpu == now_on else {key: row | {"busy": True} for key, row in rows.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Records what each network is in each runtime.")
    parser.add_argument("data", type=Path, nargs="?", help="folder of the test sets, for PSNR on Set5 and B100")
    parser.add_argument("--busy", action="store_true", help="this machine has other work: times are marked so")
    parser.add_argument("--targets", default=",".join(TARGETS), help="which to record, comma-separated")
    args = parser.parse_args(arguments)
    asked = args.targets.split(",")
    now = digests(NETWORKS)
    before: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"networks": {}, "rows": []}
    rows = _known(before["rows"], before["networks"], now)
    head = {"machine": describe_machine(), "command": "python tools/record_exports.py ../shared/data/test"}
    if rows:
        cpus = str(before["machine"]["cpu"]), str(describe_machine()["cpu"])
        if args.busy and cpus[0] != cpus[1]:
            parser.error(f"the times in {RESULTS.name} are of {cpus[0]}: take all anew on a quiet machine")
        rows = taken_on(cpus[0], rows, cpus[1])
    for network in NETWORKS:
        for target in (each for each in TARGETS if each in asked):
            old = rows.get((network, target))
            if old is None or (old.get("busy", True) and not args.busy):
                try:
                    new = _row(network, target, args.busy)
                except UserError as error:
                    print(f"{network} {target}: left out: {error}")
                    continue
                rows[network, target] = (old or {}) | new
            if args.data is not None:
                rows[network, target] = _with_sets(rows[network, target], args.data)
            written = [rows[key] for key in ((n, t) for n in NETWORKS for t in TARGETS) if key in rows]
            figures = head | {"networks": now, "rows": written, "oldest": before.get("oldest", [])}
            with replacing(RESULTS) as part:
                part.write_text(json.dumps(figures, indent=1) + "\n")
    with_table(json.loads(RESULTS.read_text()))
    write_readme()


if __name__ == "__main__":
    main()
