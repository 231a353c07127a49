"""`pocketsr burst`: several frames of one scene into one sharper picture."""

from __future__ import annotations

import argparse
import json
import sys
from fractions import Fraction
from pathlib import Path

from pocketsr.cli._networks import WEIGHTS_HELP
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "fuse several frames of one scene into one sharper picture"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("frames", metavar="FRAME", type=Path, nargs="+", help="pictures of one scene and of one size")
    help_of_output = "the picture to write; its suffix says the format"
    add("-o", "--output", metavar="OUTPUT", type=Path, required=True, help=help_of_output)
    add(
        "-m",
        "--model",
        metavar="NAME|FILE.onnx",
        default="quality",
        help="what upscales the reference: a name that `pocketsr models` lists, or a file (default: quality)",
    )
    add("--weights", metavar="FILE", type=Path, help=WEIGHTS_HELP)
    add("-s", "--scale", type=int, default=2, help="how many times as large: 2, 3 or 4 (default: 2)")
    help_of_reference = "which frame the result looks like, and whose metadata it gets, counted from 1 (default: 1)"
    add("--reference", metavar="N", type=int, default=1, help=help_of_reference)
    add("-j", "--threads", type=int, help="threads (default: all cores)")
    add("-y", "--yes", action="store_true", help="overwrite an existing file")
    add("--json", action="store_true", help="one JSON object: the output, its size, and what each frame was used for")


def run(args: argparse.Namespace) -> int:
    _check(args)
    from pocketsr.bursts import burst_files
    from pocketsr.bursts.opencv import opencv, threads_of
    from pocketsr.cli._networks import open_networks
    from pocketsr.engine import load_chroma
    from pocketsr.loading import is_estimated
    from pocketsr.models import at_size
    from pocketsr.sizing import Size

    if len(args.frames) > 1:
        opencv()  # its absence is said before a network is compiled
    weights = [] if args.weights is None else [args.weights]
    model = at_size(args.model, Size(factor=Fraction(args.scale)))
    (net,) = open_networks([model], weights, args.threads).values()
    bicubic = load_chroma(scale=net.scale, siting="center", threads=args.threads)
    with threads_of(args.threads if len(args.frames) > 1 else None):
        report = burst_files(
            args.frames, args.output, net, bicubic,
            scale=args.scale, reference=args.reference - 1, estimate=is_estimated(model, net), overwrite=args.yes,
        )  # fmt: skip
    for line in report.warnings:
        print(f"pocketsr: warning: {harmless(line, 2000)}", file=sys.stderr)
    width, height = report.size
    if args.json:
        files = [
            {"file": str(path), "share": round(share, 4)}
            for path, share in zip(args.frames, report.shares, strict=True)
        ]
        size = {"width": width, "height": height, "seconds": round(report.seconds, 3)}
        print(json.dumps({"output": str(args.output), **size, "frames": files}))
    else:
        print(f"{harmless(args.output, 500)}: {width}x{height}")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse what cannot go well before anything is loaded."""
    if args.scale not in (2, 3, 4):
        raise UserError(f"-s {args.scale}: 2, 3 or 4 is expected")
    if not 1 <= args.reference <= len(args.frames):
        raise UserError(f"--reference {args.reference}: 1 to {len(args.frames)} is expected")
    if args.threads is not None and args.threads < 1:
        raise UserError(f"-j {args.threads}: at least one thread is needed")
    for path in args.frames:
        if not path.exists():
            raise UserError(f"no such file: {path}")
        if path.is_dir():
            raise UserError(f"{path} is a folder: name its pictures, as in {path}/*.jpg")
