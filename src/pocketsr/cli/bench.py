"""`pocketsr bench speed|quality|call|plot`: how fast, how good on pictures and on calls, and the field drawn."""

from __future__ import annotations

import argparse

from pocketsr.cli import _bench_call, _bench_plot, _bench_quality, _bench_speed

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "measure speed against other runtimes, or quality on the usual test sets and on calls; draw the field"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", required=True, metavar="speed|quality|call|plot")
    named = {"speed": _bench_speed, "quality": _bench_quality, "call": _bench_call, "plot": _bench_plot}
    for name, part in named.items():
        sub = parts.add_parser(name, help=part.SUMMARY, description=part.SUMMARY)
        part.add_arguments(sub)
        sub.set_defaults(run_part=part.run)


def run(args: argparse.Namespace) -> int:
    return int(args.run_part(args))
