"""`pocketsr bench call`: networks on video as calls send it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from pocketsr.cli._figures import add_options, jsonable, listed
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.bench.call import Mean, Row

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "PSNR, SSIM and VMAF on video as in calls: real encoders at zero latency and low bit rates"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_options(parser, "folder of clips in HR")
    parser.add_argument("--clips", help="comma-separated names of clips, without suffix (default: the held-out ones)")
    parser.add_argument("--no-vmaf", action="store_true", help="skip VMAF, which needs an ffmpeg with libvmaf")


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
    names = listed(args.clips) if args.clips is not None else call.HELD_OUT
    paths = call.named_clips(args.data, names)
    ffmpeg = None if args.no_vmaf else find_ffmpeg()
    nets = call.load_networks(args.model)
    rows: list[Row] = []
    steps = len(paths) * len(call.CODECS) * len(call.RATES_KBPS) * len(nets)
    # disable=None: a bar on a terminal, nothing when piped
    with tqdm(total=steps, leave=False, disable=None, file=sys.stderr) as bar:
        for path in paths:
            bar.set_description(harmless(path.stem))
            for row in call.measure_clip(
                call.read_hr(path), nets, codecs=call.CODECS, rates_kbps=call.RATES_KBPS, ffmpeg=ffmpeg
            ):
                rows.append(row)
                bar.update()
    means = call.mean_over_clips(rows)
    report = {"rows": [jsonable(row) for row in rows], "means": [jsonable(mean) for mean in means]}
    print(json.dumps(report) if args.json else _table(means))
    return 0


def _table(means: list[Mean]) -> str:
    width = max(len("model"), *(len(harmless(mean.model)) for mean in means))
    lines = [f"{'codec':8}{'kbit/s':>7}  {'model':{width}}{'PSNR dB':>9}{'SSIM':>8}{'VMAF':>7}{'NEG':>7}"]
    for mean in means:
        scores = ("-" if score is None else f"{score:.2f}" for score in (mean.vmaf, mean.vmaf_neg))
        figures = f"{mean.psnr_db:9.3f}{mean.ssim:8.4f}{''.join(f'{score:>7}' for score in scores)}"
        lines.append(f"{mean.codec:8}{mean.rate_kbps:7}  {harmless(mean.model):{width}}{figures}")
    clips = {mean.clips for mean in means}
    return "\n".join([*lines, f"means over {'/'.join(map(str, clips))} clips; kbit/s as for 640x360"])
