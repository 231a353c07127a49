"""`pocketsr bench speed`: pocketsr and other runtimes on the same network and picture, measured in turn."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from pocketsr.cli._networks import add_models_argument, tried_models
from pocketsr.cli._size import sides
from pocketsr.names import harmless

__all__ = ["SUMMARY", "add_arguments", "progress", "run"]

SUMMARY = "time networks in pocketsr and in other runtimes, alternating within one run"
_PEERS = "onnxruntime,openvino,ncnn,mnn,torch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_models_argument(parser)
    peers_help = f"comma-separated names, files of pocketsr export, or none (default: {_PEERS})"
    parser.add_argument("--peers", default=_PEERS, help=peers_help)
    parser.add_argument("--size", default="640x360", help="size of the input image (default: 640x360)")
    parser.add_argument("-j", "--threads", type=int, default=2, help="threads of every runtime (default: 2)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def run(args: argparse.Namespace) -> int:
    size = sides(harmless(args.size, 60), "--size")
    peers = [] if args.peers == "none" else [name for name in args.peers.split(",") if name]
    from pocketsr.bench.speed import measure_speed

    result = measure_speed(tried_models(args), peers, size, args.threads, progress=progress)
    progress("")
    for missing in result["absent"]:
        where = f" ({harmless(missing['model'])})" if "model" in missing else ""
        print(
            f"absent: {harmless(missing['runtime'], 300)}{where}: {harmless(missing['reason'], 2000)}", file=sys.stderr
        )
    if args.json:
        result["command"] = " ".join(["pocketsr", *sys.argv[1:]])
        print(json.dumps(result, indent=1))
    else:
        print(_table(result))
    return 0


def progress(step: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{harmless(step)}", end="", file=sys.stderr, flush=True)


def _table(result: dict[str, Any]) -> str:
    peak = result["fma_peak_gmacs"]
    width, height = result["size"]
    lines = [
        f"{width}x{height} luma, uint8 in and out, {result['threads']} threads, {result['machine']['cpu']}",
        f"multiply-add peak {peak:.0f} GMAC/s",
        _line("model", "runtime", "version", "median ms", "p99 ms", "GMAC/s", "of peak"),
    ]
    for row in result["rows"]:
        rate = row["gmacs_per_s"]
        figures = f"{row['median_ms']:.2f}", f"{row['p99_ms']:.2f}", f"{rate:.1f}", f"{rate / peak:.0%}"
        lines.append(_line(harmless(row["model"]), harmless(row["runtime"]), row["version"], *figures))
    for model in dict.fromkeys(row["model"] for row in result["rows"]):
        times = {row["runtime"]: row["median_ms"] for row in result["rows"] if row["model"] == model}
        own = times.pop("pocketsr", None)
        if own and times:
            fastest = min(times, key=times.__getitem__)
            ratio = times[fastest] / own
            lines.append(
                f"{harmless(model)}: pocketsr is {ratio:.2f}x as fast as the fastest peer ({harmless(fastest)})"
            )
    return "\n".join(lines)


def _line(model: str, runtime: str, version: str, *figures: str) -> str:
    return f"{model:10} {runtime:12} {version:13}" + "".join(f"{figure:>11}" for figure in figures)
