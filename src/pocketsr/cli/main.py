"""`pocketsr VERB ...`: parse, run the verb, turn a UserError into one line and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

from pocketsr import __version__
from pocketsr.cli._standing import StoppedBySignal, drop_output, flush_output, standing
from pocketsr.errors import PocketsrWarning, UserError
from pocketsr.names import harmless

__all__ = ["main"]

_VERBS = (
    "upscale", "burst", "serve", "web", "models", "compile", "export", "train", "quantize", "design", "calibrate",
    "bench",
)  # fmt: skip


class _Verb(Protocol):
    """What a verb's module provides. Its heavy imports belong inside `run`."""

    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def _parser(asked: str | None = None) -> argparse.ArgumentParser:
    """For all verbs, or for the one that is `asked` for: to import them all takes longer than many of them do."""
    parser = argparse.ArgumentParser(prog="pocketsr", description="Real-time super-resolution on ordinary CPUs.")
    parser.add_argument("--version", action="version", version=f"pocketsr {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name in [asked] if asked in _VERBS else _VERBS:
        verb = cast(_Verb, importlib.import_module(f"pocketsr.cli.{name}"))
        sub = verbs.add_parser(name, help=verb.SUMMARY, description=verb.SUMMARY)
        verb.add_arguments(sub)
        sub.set_defaults(run=verb.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0 done, 2 the user's mistake; 130, 143, 129 and 141 where Ctrl-C, SIGTERM, SIGHUP or a reader of standard output
    that went away stopped it, as a shell reports these.
    """
    with _warnings_as_lines(), standing():
        try:
            return _run(sys.argv[1:] if argv is None else argv)
        except StoppedBySignal as stopped:
            print(_ended(f"stopped by {signal.Signals(stopped.number).name}", stopped), file=sys.stderr)
            return 128 + stopped.number
        except KeyboardInterrupt as stopped:
            print(_ended("interrupted", stopped), file=sys.stderr)
            return 130


def _run(argv: Sequence[str]) -> int:
    """`main` as far as nothing stops it; a signal may come while an error is being said, too."""
    try:
        args = _parser(argv[0] if argv else None).parse_args(argv)
        code = int(args.run(args))
        flush_output()
        return code
    except UserError as error:
        return _failed(": ".join([str(error), *_notes(error)]))
    except BrokenPipeError:  # `| head`: the reader has what it wanted
        drop_output()
        return 141
    except MemoryError:
        return _failed("not enough memory: use a smaller input, or end other programs")
    except OSError as error:  # what no verb foresaw: of the machine and not of the program
        drop_output()
        place = f"{error.filename}: " if error.filename is not None else ""
        return _failed(f"{place}{error.strerror or error}")


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Warnings of ours are one line on standard error; others look as Python makes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", PocketsrWarning)
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, PocketsrWarning):
                print(f"pocketsr: {harmless(message, 2000)}", file=sys.stderr)
            else:
                usual(message, category, *where, **more)

        warnings.showwarning = show
        yield


def _notes(error: BaseException) -> list[str]:
    """What was noted on the way of an exception: how to go on, for instance."""
    return [harmless(note, 2000) for note in getattr(error, "__notes__", ())]


def _ended(how: str, error: BaseException) -> str:
    return "pocketsr: " + ": ".join([how, *_notes(error)])


def _failed(why: str) -> int:
    print(f"pocketsr: {harmless(why, 2000)}", file=sys.stderr)
    return 2
