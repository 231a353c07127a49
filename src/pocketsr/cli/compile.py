"""`pocketsr compile FILE.onnx -o DIR`: a network as one C file, its header and a library."""

from __future__ import annotations

import argparse
from pathlib import Path

from pocketsr.names import harmless

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "turn a network into one C file, its header and a library"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="FILE.onnx", help="an ONNX file, or the name of a shipped network")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="output folder")
    parser.add_argument(
        "--target",
        metavar="TRIPLE",
        help="compile for another machine, such as aarch64-linux-gnu, x86_64-windows-gnu, aarch64-macos, "
        "wasm32-freestanding",
    )
    parser.add_argument("--cpu", metavar="NAME", help="the processor, as cortex-a55, apple-a13, x86-64-v3")


def run(args: argparse.Namespace) -> int:
    from pocketsr import models
    from pocketsr.atomic_io import delivered
    from pocketsr.engine import compile_network
    from pocketsr.engine.codegen.emit import describe
    from pocketsr.export._targets import target_for

    path = models.resolve(args.model)
    target = target_for(args.cpu, args.target)
    folder: Path = args.output
    with delivered(folder) as scratch:  # a failed compilation leaves nothing
        plan, _ = compile_network(path, scratch, target)
        made = sorted(scratch.iterdir())
    print(describe(plan))
    print("\nwritten: " + ", ".join(harmless(folder / file.name, 500) for file in made))
    return 0
