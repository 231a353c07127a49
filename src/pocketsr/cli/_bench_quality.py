"""`pocketsr bench quality`: PSNR and SSIM by the protocol of published figures.

`-m all` compares with published networks (`_bench_field`).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.cli import _bench_field
from pocketsr.cli._figures import add_options, jsonable, listed
from pocketsr.cli._networks import WEIGHTS_HELP, open_networks
from pocketsr.cli._strength import STRENGTH_HELP, strength
from pocketsr.models import SHIPPED
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.bench.quality import Row

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "PSNR and SSIM on the standard test sets, by the protocol of the papers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_options(
        parser,
        "folder with one folder of HR images per test set",
        "; or 'all', which writes a table with published networks",
    )
    parser.add_argument("--weights", metavar="FILE", type=Path, action="append", default=[], help=WEIGHTS_HELP)
    told = f"{STRENGTH_HELP} (default: 0, which the protocol's pictures are)"
    parser.add_argument("--strength", metavar="S", type=strength, default=0.0, help=told)
    parser.add_argument("--sets", help="comma-separated names of those folders (default: all)")
    _bench_field.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    if "all" in (args.model or []):
        return _bench_field.run(args)
    _bench_field.refuse(args)
    from tqdm import tqdm

    from pocketsr.bench.quality import find_sets, measure
    from pocketsr.engine import takes_strength, told

    names = listed(args.sets) if args.sets is not None else None
    sets = find_sets(args.data, names)
    models = [model for model in args.model or SHIPPED if model != "bicubic"]  # whose row is always there
    nets = open_networks(models, args.weights)
    nets = {name: told(net, args.strength) if takes_strength(net) else net for name, net in nets.items()}
    rows: list[Row] = []
    for name, files in sets.items():
        # disable=None: a bar on a terminal, nothing when piped
        bar = tqdm(files, desc=harmless(name), unit="image", leave=False, disable=None, file=sys.stderr)
        rows += measure(nets, name, bar)
    print(json.dumps({"rows": [jsonable(row) for row in rows]}) if args.json else _table(rows))
    return 0


def _table(rows: list[Row]) -> str:
    width = max(len("model"), *(len(harmless(row.model)) for row in rows))
    lines = [f"{'set':10}{'model':{width}}{'scale':>6}{'images':>8}{'PSNR dB':>9}{'SSIM':>8}"]
    for row in rows:
        named = f"{harmless(row.set):10}{harmless(row.model):{width}}{f'x{row.scale}':>6}"
        lines.append(f"{named}{row.images:8}{row.psnr_db:9.3f}{row.ssim:8.4f}")
    return "\n".join(lines)
