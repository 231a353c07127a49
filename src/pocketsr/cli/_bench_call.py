"""`pocketsr bench call`: networks on video as calls send it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pocketsr.bench.call import Mean, Row

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "PSNR, SSIM and VMAF on video as calls send it: real encoders, zero latency, low bit rates"

_PLACES = {"sent_kbps": 1, "psnr_db": 4, "ssim": 5, "vmaf": 3}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder of clips in HR")
    parser.add_argument("--clips", help="comma-separated names of clips, without suffix (default: those held out)")
    parser.add_argument(
        "-m",
        "--model",
        action="append",
        metavar="NAME|FILE",
        help="a shipped name or an .onnx file; may be repeated (default: all that ship)",
    )
    parser.add_argument("--no-vmaf", action="store_true", help="leave VMAF out, which needs an ffmpeg with libvmaf")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from pocketsr.errors import UserError

    try:
        from pocketsr.bench import call
        from pocketsr.bench.vmaf import find_ffmpeg
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UserError("bench call needs torch: pip install 'pocketsr[call]'") from error
    names = (
        [name.strip() for name in args.clips.split(",") if name.strip()] if args.clips is not None else call.HELD_OUT
    )
    paths = call.named_clips(args.data, names)
    ffmpeg = None if args.no_vmaf else find_ffmpeg()
    nets = call.load_networks(args.model)
    rows: list[Row] = []
    steps = len(paths) * len(call.CODECS) * len(call.RATES_KBPS) * len(nets)
    # disable=None: a bar on a terminal, nothing when piped
    with tqdm(total=steps, leave=False, disable=None, file=sys.stderr) as bar:
        for path in paths:
            bar.set_description(path.stem)
            for row in call.measure_clip(
                call.read_hr(path), nets, codecs=call.CODECS, rates_kbps=call.RATES_KBPS, ffmpeg=ffmpeg
            ):
                rows.append(row)
                bar.update()
    means = call.mean_over_clips(rows)
    report = {"rows": [_jsonable(row) for row in rows], "means": [_jsonable(mean) for mean in means]}
    print(json.dumps(report) if args.json else _table(means))
    return 0


def _jsonable(row: Row | Mean) -> dict[str, str | int | float | None]:
    values = dataclasses.asdict(row)
    for key, places in _PLACES.items():
        value = values.get(key)
        if value is not None:  # a frame equal to HR has infinite PSNR, for which JSON has no number
            values[key] = round(value, places) if math.isfinite(value) else None
    return values


def _table(means: list[Mean]) -> str:
    width = max(len("model"), *(len(mean.model) for mean in means))
    lines = [f"{'codec':8}{'kbit/s':>7}  {'model':{width}}{'PSNR dB':>9}{'SSIM':>8}{'VMAF':>7}"]
    for mean in means:
        score = "-" if mean.vmaf is None else f"{mean.vmaf:.2f}"
        lines.append(
            f"{mean.codec:8}{mean.rate_kbps:7}  {mean.model:{width}}{mean.psnr_db:9.3f}{mean.ssim:8.4f}{score:>7}"
        )
    clips = {mean.clips for mean in means}
    return "\n".join([*lines, f"means over {'/'.join(map(str, clips))} clips; kbit/s as for 640x360"])
