"""`pocketsr bench speed|quality`: how fast against other runtimes, how good by the protocol of the field."""

from __future__ import annotations

import argparse
import importlib
from typing import Protocol, cast

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "measure speed against other runtimes, or quality on the usual test sets"
_PARTS = ("speed", "quality")


class _Part(Protocol):
    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", required=True, metavar="speed|quality")
    for name in _PARTS:
        try:
            part = cast(_Part, importlib.import_module(f"pocketsr.cli._bench_{name}"))
        except ModuleNotFoundError:
            continue
        sub = parts.add_parser(name, help=part.SUMMARY, description=part.SUMMARY)
        part.add_arguments(sub)
        sub.set_defaults(run_part=part.run)


def run(args: argparse.Namespace) -> int:
    return int(args.run_part(args))
