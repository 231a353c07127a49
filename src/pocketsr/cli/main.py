"""`pocketsr VERB ...`: parse, run the verb, turn a UserError into one line and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from pocketsr import __version__
from pocketsr.errors import UserError

__all__ = ["main"]

_VERBS = ("upscale", "models", "compile", "train", "quantize", "design", "calibrate", "bench")


class _Verb(Protocol):
    """What a verb's module provides. Its heavy imports belong inside `run`."""

    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pocketsr", description="Real-time super-resolution on ordinary CPUs.")
    parser.add_argument("--version", action="version", version=f"pocketsr {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name in _VERBS:
        verb = cast(_Verb, importlib.import_module(f"pocketsr.cli.{name}"))
        sub = verbs.add_parser(name, help=verb.SUMMARY, description=verb.SUMMARY)
        verb.add_arguments(sub)
        sub.set_defaults(run=verb.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 done, 2 the user's mistake, 130 Ctrl-C)."""
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except UserError as error:
        print(f"pocketsr: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("pocketsr: interrupted", file=sys.stderr)
        return 130
