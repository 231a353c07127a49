"""What the benches of quality share on the command line: their options, and rows fit for JSON."""

from __future__ import annotations

import argparse
import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["add_options", "jsonable", "listed"]

_PLACES = {"sent_kbps": 1, "psnr_db": 4, "ssim": 5, "vmaf": 3, "vmaf_neg": 3, "ms": 3, "cpu_ms": 3, "computed_share": 4}


def add_options(parser: argparse.ArgumentParser, data: str, also: str = "") -> None:
    """--data (`data` says what it holds), --model (`also`: what else it takes) and --json."""
    parser.add_argument("--data", type=Path, required=True, help=data)
    parser.add_argument(
        "-m",
        "--model",
        action="append",
        metavar="NAME|FILE",
        help=f"a shipped name or an .onnx file; may be repeated (default: all that ship){also}",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def listed(text: str) -> list[str]:
    """The names in a comma-separated list."""
    return [name.strip() for name in text.split(",") if name.strip()]


def jsonable(row: DataclassInstance) -> dict[str, Any]:
    """The row's fields, figures rounded; None for an infinite one, which an output equal to HR has."""
    values = dataclasses.asdict(row)
    for key, places in _PLACES.items():
        value = values.get(key)
        if value is not None:
            values[key] = round(value, places) if math.isfinite(value) else None
    return values
