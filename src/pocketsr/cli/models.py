"""`pocketsr models`: what ships, how large it is, and what it was measured to reach."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "list the networks that ship with pocketsr"

_OUTPUT_PIXELS = 1280 * 720  # MACs are counted at this output size, as in the papers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def run(args: argparse.Namespace) -> int:
    from pocketsr.models import ALIASES, SHIPPED

    recorded = _recorded()
    rows = [_row(name, recorded.get(name, {})) for name in SHIPPED]
    if args.json:
        print(json.dumps({"models": rows, "aliases": ALIASES}))
        return 0
    head = ("name", "params", "GMAC at 1280x720", "receptive field", "bytes", "PSNR/SSIM as recorded")
    print("{:11}{:>8}{:>18}{:>17}{:>9}   {}".format(*head))
    for row in rows:
        field = f"{row['receptive_field']}x{row['receptive_field']}"
        sets = (f"{name} {at['psnr_db']:.2f}/{at['ssim']:.4f}" for name, at in row["recorded"].items())
        print(
            f"{row['name']:11}{row['params']:>8,}{row['gmacs']:>18.5f}{field:>17}{row['bytes']:>9,}   "
            f"{', '.join(sets) or '-'}"
        )
    for alias, name in ALIASES.items():
        print(f"{alias} is {name}")
    return 0


def _row(name: str, recorded: dict[str, Any]) -> dict[str, Any]:
    from pocketsr.engine import load
    from pocketsr.models import resolve

    net = load(name)
    return {
        "name": name,
        "params": net.info.params,
        "gmacs": net.info.macs_per_pixel * _OUTPUT_PIXELS / net.scale**2 / 1e9,
        "receptive_field": net.info.receptive_field,
        "bytes": resolve(name).stat().st_size,
        "recorded": recorded,
    }


def _recorded() -> dict[str, Any]:
    """What `bench quality` measured when the networks were shipped: {name: {set: {psnr_db, ssim}}}."""
    import pocketsr.models

    path = Path(pocketsr.models.__file__).with_name("figures.json")
    figures: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return figures
