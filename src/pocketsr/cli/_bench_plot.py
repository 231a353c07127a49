"""`pocketsr bench plot`: the comparison of networks as drawings and one HTML page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.errors import UserError

if TYPE_CHECKING:
    from pocketsr.bench.table import Table

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "draw a table of networks: PSNR against parameters and against time, and an HTML page with both"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", type=Path, metavar="FIELD.json", help="rows as in benchmarks/field.json")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="DIR", help="output folder (default: the current one)"
    )
    parser.add_argument(
        "--set", dest="test_set", help="test set whose PSNR is drawn (default: Set5, or the first that the table has)"
    )
    parser.add_argument(
        "--data", type=Path, help="folder with one folder of HR images per test set: the page then compares crops too"
    )


def run(args: argparse.Namespace) -> int:
    from pocketsr.atomic_io import replacing
    from pocketsr.bench.plot import COSTS, as_svg, drawable, plot, write_plot
    from pocketsr.bench.report import CROPS, compare, make_report
    from pocketsr.bench.table import read_table

    table = read_table(args.table)
    test_set = args.test_set or _first_drawable(table, args.table)
    known = drawable(table, test_set)
    if not known:
        sets = ", ".join(table.sets) or "none"
        raise UserError(f"{args.table}: no network has a PSNR on {test_set} and parameters or a time; its sets: {sets}")
    for cost in COSTS:
        if cost not in known:
            print(f"pocketsr: no psnr_{cost}: no network of {args.table} has {COSTS[cost]} yet", file=sys.stderr)
    figures = {cost: plot(table, test_set, cost) for cost in known}
    crops = [crop for crop in CROPS if (args.data / crop.file).is_file()] if args.data else []
    if args.data and not crops:
        raise UserError(f"{args.data} holds none of the pictures that crops are cut from, as {CROPS[0].file}")
    comparisons = [compare(crop, args.data) for crop in crops]
    page = make_report(table, [as_svg(figure) for figure in figures.values()], comparisons)
    paths = [args.output / f"psnr_{cost}" for cost in figures]
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        for figure, path in zip(figures.values(), paths, strict=True):
            write_plot(figure, path)
        with replacing(args.output / "report.html") as part:
            part.write_text(page)
    except OSError as error:
        raise UserError(f"{args.output} can't be written: {error.strerror}") from error
    for path in paths:
        print(f"{path}.svg\n{path}.png")
    print(args.output / "report.html")
    return 0


def _first_drawable(table: Table, path: Path) -> str:
    """Set5, which all papers have; else the first set with something to draw."""
    from pocketsr.bench.plot import drawable

    for name in ("Set5", *table.sets):
        if drawable(table, name):
            return name
    raise UserError(
        f"{path} has nothing to draw yet: no network has a PSNR beside parameters or a time; "
        "'pocketsr bench quality -m all' measures them"
    )
