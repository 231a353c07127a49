"""`pocketsr export TARGET -m NAME -o DIR`: a network for another runtime, and a report of how good it is there."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pocketsr.cli._size import sides
from pocketsr.cli._strength import strength
from pocketsr.export import TARGETS
from pocketsr.names import harmless

__all__ = ["SUMMARY", "add_arguments", "run"]

_STRENGTH_HELP = "at which one a network is written that is told strengths, 0 (clean) to 1; default: its own"
SUMMARY = "write a network for another runtime"
_OPTIONS = ("cpu", "f32", "precision", "size", "strength", "triple")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    width = max(map(len, TARGETS))
    lines = [f"  {name:{width}}  {line}" for name, line in TARGETS.items()]
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(["targets:", *lines])
    parser.add_argument("target", metavar="TARGET", help="what it is for: " + ", ".join(TARGETS))
    parser.add_argument("-m", "--model", required=True, help="a shipped network's name, or an ONNX file")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="output folder")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--precision", metavar="P", help="float32, float16 or int8; default: as the network is")
    parser.add_argument("--size", metavar="WIDTHxHEIGHT", help="of the picture, where the format wants one (640x360)")
    parser.add_argument("--strength", metavar="S", type=strength, help=_STRENGTH_HELP)
    parser.add_argument("--cpu", metavar="NAME", help="c: the processor, as cortex-a55, apple-a13, x86-64-v3")
    parser.add_argument("--f32", action="store_true", default=None, help="wasm: an entry for floats, too")
    parser.add_argument("--triple", metavar="TRIPLE", help="c: the system, as `compile --target` takes it")


def run(args: argparse.Namespace) -> int:
    import json

    from pocketsr.export import export

    options = {name: getattr(args, name) for name in _OPTIONS}
    if args.size is not None:
        options["size"] = sides(harmless(args.size, 60), "--size")
    with _printing_to_stderr():
        report = export(args.target, args.model, args.output, **options)
    if args.json:
        print(json.dumps(report.to_json(), indent=1))
    else:
        print(report.to_markdown())
        print("written: " + ", ".join(harmless(args.output / file, 500) for file in report.files))
    return 0


@contextmanager
def _printing_to_stderr() -> Iterator[None]:
    """What runtimes print on standard output goes to standard error: ours may be JSON. MNN 3.6.1 prints its precision
    from C, whose buffer has to be emptied before standard output is itself again."""
    import ctypes

    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        with suppress(OSError, AttributeError, TypeError):  # TypeError: Windows names no library of all symbols
            ctypes.CDLL(None).fflush(None)
        os.dup2(kept, 1)
        os.close(kept)
