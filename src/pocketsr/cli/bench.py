"""`pocketsr bench PART`: speed, quality of pictures and calls, bits of calls, parts, WebAssembly, drawings."""

from __future__ import annotations

import argparse

from pocketsr.cli import _bench_call, _bench_codec, _bench_plot, _bench_quality, _bench_reuse, _bench_speed, _bench_wasm

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "measure speed against other runtimes, or quality on the standard test sets and on calls; draw comparisons"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", required=True, metavar="speed|quality|call|codec|reuse|wasm|plot")
    named = {
        "speed": _bench_speed,
        "quality": _bench_quality,
        "call": _bench_call,
        "codec": _bench_codec,
        "reuse": _bench_reuse,
        "wasm": _bench_wasm,
        "plot": _bench_plot,
    }
    for name, part in named.items():
        sub = parts.add_parser(name, help=part.SUMMARY, description=part.SUMMARY)
        part.add_arguments(sub)
        sub.set_defaults(run_part=part.run)


def run(args: argparse.Namespace) -> int:
    return int(args.run_part(args))
