"""`pocketsr bench quality`: PSNR and SSIM by the protocol of published x2 figures."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketsr.bench.quality import Row

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "PSNR and SSIM on the usual test sets, by the protocol of published x2 figures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder with a folder of HR images a set")
    parser.add_argument("--sets", help="comma-separated names of those folders (default: all)")
    parser.add_argument(
        "-m",
        "--model",
        action="append",
        metavar="NAME|FILE",
        help="a shipped name or an .onnx file; may be repeated (default: all that ship)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from pocketsr.bench.quality import find_sets, load_networks, measure

    names = [name.strip() for name in args.sets.split(",") if name.strip()] if args.sets is not None else None
    sets = find_sets(args.data, names)
    nets = load_networks(args.model)
    rows: list[Row] = []
    for name, files in sets.items():
        # disable=None: a bar on a terminal, nothing when piped
        bar = tqdm(files, desc=name, unit="image", leave=False, disable=None, file=sys.stderr)
        rows += measure(nets, name, bar)
    print(json.dumps({"rows": [_jsonable(row) for row in rows]}) if args.json else _table(rows))
    return 0


def _jsonable(row: Row) -> dict[str, str | int | float | None]:
    # An output equal to HR has infinite PSNR, for which JSON has no number.
    psnr_db = round(row.psnr_db, 4) if math.isfinite(row.psnr_db) else None
    return dataclasses.asdict(row) | {"psnr_db": psnr_db, "ssim": round(row.ssim, 5)}


def _table(rows: list[Row]) -> str:
    width = max(len("model"), *(len(row.model) for row in rows))
    lines = [f"{'set':10}{'model':{width}}{'images':>8}{'PSNR dB':>9}{'SSIM':>8}"]
    lines += [f"{r.set:10}{r.model:{width}}{r.images:8}{r.psnr_db:9.3f}{r.ssim:8.4f}" for r in rows]
    return "\n".join(lines)
