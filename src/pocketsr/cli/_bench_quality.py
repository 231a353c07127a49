"""`pocketsr bench quality`: PSNR and SSIM by the protocol of published x2 figures."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "PSNR and SSIM on the usual test sets, by the protocol of published x2 figures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder that holds a folder of HR images a set")
    parser.add_argument("--sets", help="comma-separated names of those folders (default: all)")
    parser.add_argument(
        "-m", "--model", action="append", help="a shipped name or an .onnx file; may be repeated (default: all shipped)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def run(args: argparse.Namespace) -> int:
    raise NotImplementedError
