"""`pocketsr bench speed|quality`: how fast against other runtimes, how good by the protocol of the field."""

from __future__ import annotations

import argparse

from pocketsr.cli import _bench_quality, _bench_speed

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "measure speed against other runtimes, or quality on the usual test sets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", required=True, metavar="speed|quality")
    for name, part in (("speed", _bench_speed), ("quality", _bench_quality)):
        sub = parts.add_parser(name, help=part.SUMMARY, description=part.SUMMARY)
        part.add_arguments(sub)
        sub.set_defaults(run_part=part.run)


def run(args: argparse.Namespace) -> int:
    return int(args.run_part(args))
