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

    counts, figures = _beside_the_networks("counts.json"), _beside_the_networks("figures.json")
    rows = [_row(name, counts[name], figures.get(name, {})) for name in SHIPPED]
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


def _row(name: str, counts: dict[str, Any], recorded: dict[str, Any]) -> dict[str, Any]:
    from pocketsr.models import resolve

    return {
        "name": name,
        "params": counts["params"],
        "gmacs": counts["macs_per_pixel"] * _OUTPUT_PIXELS / counts["scale"] ** 2 / 1e9,
        "receptive_field": counts["receptive_field"],
        "bytes": resolve(name).stat().st_size,
        "recorded": recorded,
    }


def _beside_the_networks(file: str) -> dict[str, Any]:
    """What was recorded of each network when it was shipped, so that nothing is compiled or read to list them.

    counts.json: {name: {scale, params, macs_per_pixel, receptive_field}}, by tools/record_counts.py. figures.json:
    {name: {set: {psnr_db, ssim}}}, which `bench quality` measured, by tools/record_quality.py.
    """
    import pocketsr.models

    found: dict[str, Any] = json.loads(Path(pocketsr.models.__file__).with_name(file).read_text(encoding="utf-8"))
    return found
