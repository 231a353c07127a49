"""`pocketsr bench speed|quality|call`: how fast against other runtimes, how good on pictures and on calls."""

from __future__ import annotations

import argparse

from pocketsr.cli import _bench_call, _bench_quality, _bench_speed

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "measure speed against other runtimes, or quality on the usual test sets and on calls"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", required=True, metavar="speed|quality|call")
    for name, part in (("speed", _bench_speed), ("quality", _bench_quality), ("call", _bench_call)):
        sub = parts.add_parser(name, help=part.SUMMARY, description=part.SUMMARY)
        part.add_arguments(sub)
        sub.set_defaults(run_part=part.run)


def run(args: argparse.Namespace) -> int:
    return int(args.run_part(args))
