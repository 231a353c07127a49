"""`pocketsr bench wasm`: networks as WebAssembly, beside the native library and onnxruntime-web."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pocketsr.cli._bench_speed import progress
from pocketsr.cli._networks import add_models_argument, tried_models
from pocketsr.cli._size import sides
from pocketsr.names import harmless

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "time networks as WebAssembly in Node and Chromium, beside the native library and onnxruntime-web"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_models_argument(parser)
    parser.add_argument("--size", default="640x360", help="size of the input picture (default: 640x360)")
    parser.add_argument("--rounds", type=int, default=10, help="turns of every runtime (default: 10)")
    parser.add_argument("--node", metavar="PROGRAM", help="Node (default: the one on the PATH)")
    parser.add_argument("--chromium", metavar="PROGRAM", help="Chromium, or none (default: the one on the PATH)")
    parser.add_argument(
        "--node-modules", metavar="DIR", type=Path, help="the node_modules folder that holds onnxruntime-web"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def run(args: argparse.Namespace) -> int:
    from pocketsr.bench.wasm import measure_wasm
    from pocketsr.export.wasm import export

    result = measure_wasm(
        lambda model, folder: export(model, folder).model,
        tried_models(args),
        sides(harmless(args.size, 60), "--size"),
        args.rounds,
        node=args.node,
        node_modules=args.node_modules,
        chromium=args.chromium,
        progress=progress,
    )
    progress("")
    for missing in result["absent"]:
        where = " ".join(harmless(missing[key]) for key in ("host", "model") if key in missing)
        print(f"absent: {missing['runtime']} ({where}): {harmless(missing['reason'], 2000)}", file=sys.stderr)
    if args.json:
        result["command"] = " ".join(["pocketsr", *sys.argv[1:]])
        print(json.dumps(result, indent=1))
    else:
        print(_table(result))
    return 0


def _table(result: dict[str, Any]) -> str:
    width, height = result["size"]
    lines = [
        f"{width}x{height} luma, uint8 in and out, 1 thread, {result['machine']['cpu']}",
        _line("model", "runtime", "host", "clock", "median ms", "least ms", "differing", "kB gzip"),
    ]
    for row in result["rows"]:
        size = "" if row["bytes_gzip"] is None else f"{row['bytes_gzip'] / 1000:.0f}"
        share = "none" if row["equal_bits"] else f"{row['differing_share']:.1e}"
        figures = f"{row['median_ms']:.2f}", f"{row['least_ms']:.2f}", share, size
        lines.append(_line(harmless(row["model"]), row["runtime"], row["host"] or "", row["clock"], *figures))
    return "\n".join(lines)


def _line(model: str, runtime: str, host: str, clock: str, *figures: str) -> str:
    return f"{model:12} {runtime:16} {host:9} {clock:7}" + "".join(f"{figure:>11}" for figure in figures)
