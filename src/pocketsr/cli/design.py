"""`pocketsr design`: which networks fit a budget on a device, before any is trained."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.cli._design_closer import probe, study
from pocketsr.cli._extras import train_extra
from pocketsr.errors import UserError

if TYPE_CHECKING:
    from pocketsr.design.devices import Core
    from pocketsr.design.profile import Profile
    from pocketsr.design.rank import Row

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "choose a network without training: the cost of each candidate, and the Pareto fronts"
# design.profile.SIMULATED; not imported, so that --help stays quick
_SIMULATED = ("one-core", "slow-memory", "no-dot-product")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--space", type=Path, metavar="FILE.yaml", help="search space (default: built in)")
    parser.add_argument("--budget-ms", type=float, metavar="MS", help="upper bound on predicted milliseconds a frame")
    parser.add_argument("--max-params", type=int, metavar="N", help="upper bound on parameters")
    parser.add_argument("--max-gmacs", type=float, metavar="G", help="upper bound on GMAC a frame")
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="PROFILE.json from `pocketsr calibrate`, or a phone's core, its GHz and how many, predicted: "
        "cortex-a55@1.8x2; `list` names the cores (default: the profile that ships)",
    )
    parser.add_argument("--simulate", choices=_SIMULATED, help="also show the choice for a simulated weaker device")
    parser.add_argument("--top", type=int, default=20, metavar="N", help="rows to show (default: 20)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder for all candidates, drawings and an HTML page"
    )
    close = parser.add_argument_group(
        "probing", "results go into DIR/probe; after an interruption the same command continues"
    )
    close.add_argument(
        "--probe",
        type=int,
        metavar="N",
        help="build, time and score the N best; with --data, train each briefly in fp32",
    )
    close.add_argument("--data", metavar="FOLDER", help="HR images to train on (default: no training)")
    close.add_argument(
        "--probe-steps", type=int, default=600, metavar="N", help="training steps of each (default: 600)"
    )
    close.add_argument(
        "--study",
        metavar="FILE.db",
        help="let Optuna choose --trials candidates to probe; several processes may share the file",
    )
    close.add_argument("--trials", type=int, default=20, metavar="N", help="trials of the study (default: 20)")
    close.add_argument("--ray", type=int, metavar="WORKERS", help="run the trials on this many Ray workers")
    close.add_argument("--ray-address", metavar="ADDRESS", help="address of the Ray cluster (default: start one here)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def run(args: argparse.Namespace) -> int:
    for option in ("budget_ms", "max_params", "max_gmacs", "top", "probe", "probe_steps", "trials", "ray"):
        value = getattr(args, option)
        if value is not None and not value > 0:
            raise UserError(f"--{option.replace('_', '-')} {value}: more than 0 is expected")
    closer = args.probe or args.study
    if closer and not args.output:
        raise UserError("a closer look needs a folder: name one with -o DIR")
    if args.ray and not args.study:
        raise UserError("--ray spreads the trials of a study: name its file with --study")
    with train_extra("choosing networks"):
        from pocketsr.design.devices import cores, find_device
        from pocketsr.design.profile import default_profile, simulate
        from pocketsr.design.rank import Limits, as_json, best, evaluate, weights_of
        from pocketsr.design.space import builtin_space, read_space
    if args.device == "list":
        return _list(cores(), args.json)
    space = read_space(args.space) if args.space else builtin_space()
    profile = find_device(args.device) if args.device else default_profile()
    if args.simulate:
        profile = simulate(profile, args.simulate)
    limits = Limits(args.budget_ms, args.max_params, args.max_gmacs)
    if args.study:
        return study(args, space, profile, limits)
    candidates = space.candidates()
    rows = evaluate(candidates, profile, limits)
    if not rows:
        raise UserError(f"none of {len(candidates)} candidates fits: allow more time, parameters or GMAC")
    written = _write(args.output, rows, profile, args.budget_ms) if args.output else []
    about: dict[str, object] = {
        "space": space.name,
        "device": profile.name,
        "threads": profile.threads,
        "enumerated": len(candidates),
        "fitting": len(rows),
    }
    if args.probe:
        return probe(args, rows, about)
    if args.json:
        print(as_json(best(rows, args.top), about))
        return 0
    print(f"{len(rows):,} of {len(candidates):,} candidates fit; {profile.name}, {profile.threads} threads")
    chosen = best(rows, args.top)
    order = weights_of(chosen)
    print(_table(sorted(chosen, key=lambda row: order.index(row.candidate.weights))))
    print("* no other with its kind of weights has as many parameters in less time; + none of its family has")
    if written:
        print("written: " + ", ".join(map(str, written)))
    return 0


def _list(cores: Mapping[str, Core], as_json: bool) -> int:
    """The cores that have a name, and what stands for each."""
    if as_json:
        print(json.dumps({"devices": [{"core": name, "says": core.says} for name, core in cores.items()]}, indent=1))
        return 0
    for name, core in cores.items():
        print(f"{name:20} {core.says}")
    print("as in cortex-a55@1.8x2: two at 1.8 GHz; predicted, not measured")
    return 0


def _table(rows: list[Row]) -> str:
    width = max(len(row.candidate.name) for row in rows)
    lines = [f"{'network':{width}}  bits   params   GMAC  field  MB written  live kB  predicted ms"]
    for row in rows:
        mark = "*" if row.front else "+" if row.family_front else " "
        lines.append(
            f"{row.candidate.name:{width}}  {row.candidate.precision} {row.params:8,} {row.gmacs:6.2f} "
            f"{row.receptive_field:6} {row.written_mb:11.1f} {row.live_kb:8.0f} {row.predicted_ms:12.2f}{mark}"
        )
    return "\n".join(lines)


def _write(folder: Path, rows: list[Row], profile: Profile, budget_ms: float | None) -> list[Path]:
    """All rows as CSV and JSON, both drawings, and the page."""
    with train_extra("drawing"):
        import matplotlib  # noqa: F401

    from pocketsr.atomic_io import replacing
    from pocketsr.bench.plot import as_svg, write_plot
    from pocketsr.design.draw import draw_capacity, draw_work
    from pocketsr.design.rank import as_csv, as_json
    from pocketsr.design.report import make_report

    drawings = {
        "capacity_ms": draw_capacity(rows, f"{profile.name}, {profile.threads} threads", budget_ms),
        "params_gmacs": draw_work(rows),
    }
    texts = {
        "candidates.csv": as_csv(rows),
        "candidates.json": as_json(rows, {"device": profile.name}),
        "report.html": make_report(rows, profile, [as_svg(drawing) for drawing in drawings.values()]),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with replacing(folder / name) as part:
                part.write_text(text)
        for name, drawing in drawings.items():
            write_plot(drawing, folder / name)
    except OSError as error:
        raise UserError(f"{folder} can't be written: {error.strerror}") from error
    return [
        *(folder / name for name in texts),
        *(folder / f"{name}{end}" for name in drawings for end in (".svg", ".png")),
    ]
