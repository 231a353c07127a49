"""`pocketsr bench quality -m all`: every network that there are weights for, in one table of three formats."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pocketsr.names import harmless

__all__ = ["add_arguments", "refuse", "run"]

_OUTPUT = Path("field.json")
_FORMATS = (".csv", ".md")  # beside the JSON


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "comparison with published networks (-m all)",
        "-m all measures the shipped networks and every published one that has weights, one after the other, and adds "
        "the papers' figures. --weights then takes files and folders (default: 'weights' next to the folder of --data "
        "and 'checkpoints' here); a file belongs to the network that its name begins with and its tensors fit. Figures "
        "already in the table are kept, so a run can be interrupted at any time and started again.",
    )
    group.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FIELD.json",
        help="the table; FIELD.csv and FIELD.md are written next to it",
    )
    group.add_argument(
        "--only", choices=["figures", "times"], help="only PSNR and SSIM; or only times, all measured again"
    )
    group.add_argument("--fresh", action="store_true", help="start over")


def refuse(args: argparse.Namespace) -> None:
    """Raises UserError for options of the comparison without -m all."""
    from pocketsr.errors import UserError

    named = {"-o": args.output, "--only": args.only, "--fresh": args.fresh}
    for option, value in named.items():
        if value:
            raise UserError(f"{option} belongs to -m all, which writes a table")


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from pocketsr.bench.quality import find_sets
    from pocketsr.bench.table import Table, as_json, read_table, write_table
    from pocketsr.cli._figures import listed
    from pocketsr.errors import UserError

    if args.model != ["all"]:
        raise UserError("-m all is every network: name no other beside it")
    output = args.output or _OUTPUT
    if output.suffix != ".json":
        raise UserError(f"{output}: the table is written as FIELD.json, with FIELD.csv and FIELD.md beside it")
    try:
        from pocketsr.bench.contenders import contenders, papers, weight_files
        from pocketsr.bench.field import Field
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("msgspec", "safetensors", "torch"):
            raise
        raise UserError(f"published networks need {error.name}: pip install 'pocketsr[train]'") from error
    sets = find_sets(args.data, listed(args.sets) if args.sets is not None else None)
    usual = [place for place in (args.data.resolve().parent / "weights", Path("checkpoints")) if place.is_dir()]
    paths = [output, *(output.with_suffix(suffix) for suffix in _FORMATS)]

    def keep(table: Table) -> None:
        for path in paths:
            write_table(table, path)

    old = read_table(output) if output.exists() and not args.fresh else None
    # disable=None: a bar on a terminal, nothing when piped
    with tqdm(unit="image", disable=None, file=sys.stderr) as bar:

        def tell(line: str) -> None:
            bar.write(f"pocketsr: {harmless(line, 2000)}", file=sys.stderr)

        field = Field(contenders(weight_files(args.weights or usual), tell), papers(), sets, old, keep)
        keep(field.table)
        bar.reset(sum(len(sets[name]) for _, names in field.lacking for name in names))
        done = 0

        def step(what: str, images: int) -> None:
            """What was started before is done now."""
            nonlocal done
            bar.update(done)
            done = images
            bar.set_description(harmless(what))

        if args.only != "times":
            field.measure(step)
            step("times", 0)
        if args.only != "figures":
            field.time(step, anew=args.only == "times")
    print(as_json(field.table) if args.json else "\n".join(map(str, paths)))
    return 0
