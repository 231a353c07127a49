"""`pocketsr calibrate -o PROFILE.json`: how fast this device is at what the engine does."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pocketsr.cli._extras import train_extra
from pocketsr.errors import UserError

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "measure this device in three minutes, for a profile from which `design` predicts milliseconds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PROFILE.json")
    parser.add_argument(
        "-j", "--threads", type=int, default=2, help="threads of the networks that are timed (default: 2)"
    )
    parser.add_argument("--name", default="", help="name of the device (default: its processor's)")
    parser.add_argument(
        "--busy",
        action="store_true",
        help="for a machine that runs other programs: measure processor time, which is less accurate",
    )


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    if args.threads < 1:
        raise UserError(f"{args.threads} threads: at least 1 is expected")
    if args.output.is_dir() or not os.access(args.output.parent, os.W_OK):
        raise UserError(f"{args.output} can't be written: name a file in a folder that can")
    with train_extra("calibrating"):
        from pocketsr.design.calibrate import calibrate, probes
    with tqdm(total=1, file=sys.stderr, bar_format="{desc:26} {percentage:3.0f}% |{bar}| {elapsed}") as bar:

        def tell(what: str, done: int, of: int) -> None:
            bar.total, bar.n = max(of, 1), done
            bar.set_description_str(what, refresh=False)
            bar.refresh()

        profile = calibrate(args.threads, args.name, busy=args.busy, tell=tell)
    profile.write(args.output)
    fit = profile.fit
    print(f"{args.output}: {profile.name}, {profile.threads} threads")
    print(f"multiply-add peak {profile.fma_peak_gmacs:.0f} GMAC/s, copying {profile.bandwidth_gb_per_s:.1f} GB/s")
    if fit.networks < (wanted := len(probes())):
        print(
            f"pocketsr: in three minutes {fit.networks} of {wanted} networks were compiled and timed, which makes a "
            "rougher profile: calibrate again when less else runs",
            file=sys.stderr,
        )
    print(f"{fit.within_tenth:.0%} of {fit.networks} networks explained within 10 %, median {fit.median_error:.1%}")
    return 0
