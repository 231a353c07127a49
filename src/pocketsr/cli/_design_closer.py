"""`pocketsr design --probe` and `--study`: candidates built, timed, scored and shortly trained."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from pocketsr.cli._extras import train_extra
from pocketsr.errors import UserError
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.design.probe import Probe, Probed
    from pocketsr.design.profile import Profile
    from pocketsr.design.rank import Limits, Row
    from pocketsr.design.space import Space

__all__ = ["probe", "study"]


def _settings(args: argparse.Namespace, threads: int) -> Probe:
    with train_extra("probing"):
        from pocketsr.design.probe import Probe
    return Probe(data=args.data, steps=args.probe_steps, threads=threads)


def _said(probed: Probed) -> str:
    trained = "" if probed.psnr_db is None else f"  {probed.psnr_db:7.3f} dB"
    figures = "  ".join(f"{key} {value:.4g}" for key, value in probed.scores.items() if value is not None)
    return f"{probed.name:40} {probed.measured_ms:8.2f} ms{trained}  {figures}"


def probe(args: argparse.Namespace, rows: list[Row], about: dict[str, object]) -> int:
    """The best of `rows` that can be built, probed and ranked; prints as `design` does."""
    settings = _settings(args, int(str(about["threads"])))
    from pocketsr.design.probe import ranked
    from pocketsr.design.rank import best

    chosen = [row for row in best(rows, len(rows)) if row.candidate.probed(trained=bool(args.data))][: args.probe]
    if not chosen:
        raise UserError("no candidate can be built: x2 is, and what is trained is luma")
    predicted = {row.candidate.name: row.predicted_ms for row in chosen}
    found = ranked(
        [row.candidate for row in chosen],
        args.output / "probe",
        settings,
        lambda probed: print(_said(probed), file=sys.stderr),
    )
    if args.json:
        rows_out = [
            {"name": each.name, "predicted_ms": round(predicted[each.name], 4), "measured_ms": each.measured_ms,
             "psnr_db": each.psnr_db, "trained_in": "fp32", **each.scores}
            for each in found
        ]  # fmt: skip
        print(json.dumps({"candidates": rows_out, **about}, indent=1))
        return 0
    print(f"the best first, by {'PSNR after a short training in fp32' if args.data else 'parameters'}:")
    for each in found:
        print(_said(each))
    print(f"written: {harmless(args.output / 'probe', 500)}")
    return 0


def study(args: argparse.Namespace, space: Space, profile: Profile, limits: Limits) -> int:
    """`args.trials` more of the study in `args.study`; prints the best of all that it holds."""
    settings, folder = _settings(args, profile.threads), args.output / "probe"
    with train_extra("a study"):
        from pocketsr.design.study import best_of, open_study, run_on_ray, run_trials
    if args.ray:
        run_on_ray(
            args.study, space, profile, limits, folder, settings, args.trials, args.ray, args.ray_address
        )  # fmt: skip
        opened = open_study(args.study, space, limits)
    else:
        opened = open_study(args.study, space, limits)
        run_trials(
            opened, space, profile, limits, folder, settings, args.trials,
            lambda probed: print(_said(probed), file=sys.stderr),
        )  # fmt: skip
    best = best_of(opened, args.top)
    if args.json:
        rows = [{"name": name, "psnr_db" if args.data else "params": value} for name, value in best]
        print(json.dumps({"candidates": rows, "space": space.name, "trials": len(opened.trials)}, indent=1))
        return 0
    print(f"{len(opened.trials)} trials; the best:")
    for name, value in best:
        print(f"{name:40} {value:.4f} {'dB' if args.data else '(log of parameters)'}")
    print(f"written: {harmless(args.study, 500)}")
    return 0
