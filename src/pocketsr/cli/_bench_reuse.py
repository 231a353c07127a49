"""`pocketsr bench reuse`: whole frames against what changed of them and where it shows, on video as calls send it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.cli._figures import jsonable, listed
from pocketsr.errors import UserError
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.bench.reuse import Row
    from pocketsr.data import Codec

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "time of whole frames, of what changed of them, and of two networks by block, on video as in calls"
_CODECS: tuple[Codec, ...] = ("h264", "h265", "vp9", "av1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("clips", metavar="CLIP", type=Path, nargs="+", help="videos")
    add("-m", "--model", action="append", metavar="NAME|FILE", help="may be repeated (default: small, medium, quality)")
    add(
        "--cheap", metavar="NAME|FILE",
        help="the network for what shows least, under each dearer one (default: small-w8a8; under one that is told a "
        "strength, as medium-call, small-call, or small-call-w8a8 under -w8a8); none leaves these modes out",
    )  # fmt: skip
    add("--codec", default="h264", help=f"comma-separated, of {', '.join(_CODECS)} (default: h264)")
    add("--kbit", default="150,300,600", help="comma-separated bit rates as for 640x360 (default: 150,300,600)")
    add("-j", "--threads", type=int, default=2, help="threads of the networks (default: 2)")
    add("--no-vmaf", action="store_true", help="skip VMAF, which needs an ffmpeg with libvmaf")
    add("--json", action="store_true", help="one JSON object on standard output")


def run(args: argparse.Namespace) -> int:
    codecs, rates = listed(args.codec), listed(args.kbit)
    known = [codec for codec in _CODECS if codec in codecs]
    if not codecs or len(known) < len(set(codecs)):
        raise UserError(f"--codec {harmless(args.codec)}: one or more of {', '.join(_CODECS)} are expected")
    if not rates or not all(rate.isascii() and rate.isdigit() and 0 < int(rate[:9]) < 10**6 for rate in rates):
        raise UserError(f"--kbit {harmless(args.kbit)}: numbers of kbit/s are expected, as 150,300")
    if args.threads < 1:
        raise UserError(f"-j {args.threads}: at least one thread is needed")
    for path in args.clips:
        if not path.is_file():
            raise UserError(f"no such file: {path}")
    try:
        from pocketsr.bench.reuse import load_networks, load_pairs, measure
        from pocketsr.bench.vmaf import find_ffmpeg
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UserError("bench reuse needs torch: pip install 'pocketsr[call]'") from error
    ffmpeg = None if args.no_vmaf else find_ffmpeg()
    nets = load_networks(args.model or ["small", "medium", "quality"], args.threads)
    pairs = {} if args.cheap == "none" else load_pairs(nets, args.cheap, args.threads)
    rows = [
        row
        for path in args.clips
        for row in measure(path, nets, codecs=known, rates=[int(rate) for rate in rates], ffmpeg=ffmpeg, pairs=pairs)
    ]
    print(json.dumps({"rows": [jsonable(row) for row in rows]}) if args.json else _table(rows))
    return 0


def _table(rows: list[Row]) -> str:
    lines = [
        f"{'clip':18}{'codec':6}{'kbit/s':>7}  {'model':16}{'mode':7}{'ms':>8}{'cpu ms':>8}{'share':>7}{'PSNR':>8}"
    ]
    for row in rows:
        name = f"{harmless(row.clip)[:17]:18}{row.codec:6}{row.kbit_per_s:7}  {harmless(row.model)[:15]:16}{row.mode:7}"
        lines.append(f"{name}{row.ms:8.2f}{row.cpu_ms:8.2f}{row.computed_share:7.2f}{row.psnr_db:8.3f}")
    return "\n".join(lines)
