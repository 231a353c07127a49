"""`pocketsr bench plot`: the field, drawn and as one HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "draw a table of networks: PSNR against parameters and against time, and an HTML page with all of it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", type=Path, metavar="FIELD.json", help="rows as in benchmarks/field.json")
    parser.add_argument("-o", "--output", type=Path, default=Path(), metavar="DIR", help="folder (default: this one)")
    parser.add_argument("--set", default="Set5", dest="test_set", help="whose PSNR is drawn (default: Set5)")
    parser.add_argument(
        "--data", type=Path, help="folder with a folder of HR images a set: the page compares crops too"
    )


def run(args: argparse.Namespace) -> int:
    from pocketsr.bench.plot import COSTS, as_svg, plot, write_plot
    from pocketsr.bench.report import CROPS, compare, make_report
    from pocketsr.bench.table import read_table
    from pocketsr.beside import replacing
    from pocketsr.errors import UserError

    table = read_table(args.table)
    figures = {cost: plot(table, args.test_set, cost) for cost in COSTS}
    comparisons = [compare(crop, args.data) for crop in CROPS] if args.data else []
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
