"""`pocketsr bench codec`: coded at its size against smaller and super-resolved, at equal bits."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketsr.cli._figures import listed
from pocketsr.errors import UserError
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.bench.codec import Bd, Bench, Row
    from pocketsr.codec.encoding import Codec

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "bits for the same picture: coding at full size against smaller and super-resolved, in low delay"

_CODECS: tuple[Codec, ...] = ("h264", "h265", "vp9", "av1")
_DEFAULT_CODECS = "h264,vp9,av1"
_DEFAULT_MODELS = ("tiny-call", "small-call")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("clips", metavar="CLIP", type=Path, nargs="+", help="videos, of the size that native coding has")
    add(
        "--codecs",
        default=_DEFAULT_CODECS,
        help=f"comma-separated, of {', '.join(_CODECS)} (default: {_DEFAULT_CODECS})",
    )
    add(
        "--rates", metavar="BPP,..", help="comma-separated bits per full-size pixel (default: 0.005 to 0.08 in 7 steps)"
    )
    add(
        "-m", "--model", action="append", metavar="NAME|FILE",
        help=f"a x2 network, beside bicubic; may be repeated (default: {', '.join(_DEFAULT_MODELS)})",
    )  # fmt: skip
    add("--correction", action="store_true", help="also 2x with corrections that the sender fits and sends along")
    add("--frames", type=int, default=60, help="the first frames of each clip (default: 60)")
    add("--up-to", type=float, metavar="BPP", help="BD-rates where native coding spends at most this (default: 0.032)")
    add("--no-vmaf", action="store_true", help="skip VMAF, which needs an ffmpeg with libvmaf")
    add("--psnr-only", action="store_true", help="skip SSIM too, which takes longer than PSNR")
    add("-o", "--output", type=Path, metavar="DIR", help="write codec.json and codec.html; goes on where it stopped")
    add("--json", action="store_true", help="one JSON object on standard output")


def run(args: argparse.Namespace) -> int:
    codecs, rates = _codecs(args.codecs), _rates(args.rates)
    if not 2 <= args.frames <= 3000:
        raise UserError(f"--frames {args.frames}: 2 to 3000 are expected")
    from tqdm import tqdm

    from pocketsr.bench.codec import RATES_BPP, UP_TO_BPP, Bench, compared, step_count
    from pocketsr.bench.codec_curve import require
    from pocketsr.bench.codec_journal import Journal
    from pocketsr.bench.codec_paths import make_paths
    from pocketsr.bench.vmaf import find_ffmpeg

    up_to = UP_TO_BPP if args.up_to is None else args.up_to
    if not 0 < up_to <= 8:
        raise UserError(f"--up-to {up_to}: bits per full-size pixel are expected, as 0.032")
    clips = _distinct(args.clips)
    require()
    paths = make_paths(args.model or _DEFAULT_MODELS, correction=args.correction)
    ffmpeg = None if args.no_vmaf or args.psnr_only else find_ffmpeg()
    bench = Bench(paths, codecs, rates or RATES_BPP, ffmpeg, Journal(args.output), not args.psnr_only)
    rows: list[Row] = []
    seen: dict[str, dict[str, Any]] = {}
    # disable=None: a bar with the time left on a terminal, nothing when piped
    with tqdm(total=step_count(bench, len(clips)), leave=False, disable=None, file=sys.stderr) as bar:
        for footage in _read(clips, args.frames):
            bar.set_description(harmless(footage.name))
            rows += bench.measure(footage, bar.update)
            seen[footage.name] = footage.about()
    bd = compared(rows, up_to)
    report = _report(rows, bd, bench, seen, args.frames, up_to)
    if args.output is not None:
        _write(args.output, report, rows, bd, bench)
    print(json.dumps(report) if args.json else _table(bd))
    return 0


def _codecs(text: str) -> list[Codec]:
    names = listed(text)
    known = [codec for codec in _CODECS if codec in names]
    if not names or len(known) < len(set(names)):
        raise UserError(f"--codecs {harmless(text)}: one or more of {', '.join(_CODECS)} are expected")
    return known


def _rates(text: str | None) -> list[float]:
    if text is None:
        return []
    try:
        rates = sorted({float(each) for each in listed(text)})
    except ValueError:
        rates = []
    if not rates or not all(math.isfinite(rate) and 0.0005 <= rate <= 8 for rate in rates):
        raise UserError(f"--rates {harmless(text)}: bits per full-size pixel are expected, as 0.008,0.02,0.05")
    return rates


def _distinct(clips: list[Path]) -> list[Path]:
    """The clips, once each. Raises UserError for what isn't there, and for two that figures couldn't tell apart."""
    found: dict[str, Path] = {}
    for path in clips:
        if not path.is_file():
            raise UserError(f"no such file: {path}")
        before = found.setdefault(path.stem, path)
        if before.resolve() != path.resolve():
            raise UserError(f"{before} and {path} would both be '{path.stem}' in the figures: rename one")
    return list(found.values())


def _read(clips: list[Path], frames: int) -> Any:
    from pocketsr.bench.codec_clip import read_footage

    return (read_footage(path, frames) for path in clips)


def _report(
    rows: list[Row], bd: list[Bd], bench: Bench, seen: dict[str, dict[str, Any]], frames: int, up_to: float
) -> dict[str, Any]:
    from dataclasses import asdict

    from pocketsr.bench.codec import PROTOCOL, bd_settings
    from pocketsr.bench.machine import describe_machine

    notes = ("reason", "beyond")  # said where there is something to say
    settings = {
        "protocol": PROTOCOL,
        "machine": describe_machine(),
        "frames": frames,
        "rates_bpp": list(bench.rates_bpp),
        "bd": bd_settings(up_to),
        "vmaf": None if bench.ffmpeg is None else {"models": ["vmaf_v0.6.1", "vmaf_v0.6.1neg"], "clipped": [0, 100]},
        "clips": seen,
        "networks": {path.label: path.sha256 for path in bench.paths if path.label},
        "encodings": bench.encodings,
    }  # fmt: skip
    return {
        "rows": [asdict(row) for row in rows],
        "bd": [
            {key: value for key, value in asdict(each).items() if key not in notes or value is not None} for each in bd
        ],
        "settings": settings,
    }


def _write(folder: Path, report: dict[str, Any], rows: list[Row], bd: list[Bd], bench: Bench) -> None:
    from pocketsr.atomic_io import replacing
    from pocketsr.bench.codec_page import make_page

    page = make_page(rows, bd, bench.stills, report["settings"])
    try:
        for name, text in (("codec.json", json.dumps(report) + "\n"), ("codec.html", page)):
            with replacing(folder / name) as part:
                part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder} can't be written: {error.strerror}") from error


def _table(bd: list[Bd]) -> str:
    from pocketsr.bench.codec_page import mean_lines

    titles = ("codec", "path", "metric", "mean %", "median %", "best %", "worst %", "clips")
    lines = [titles, *mean_lines(bd)]
    widths = [max(len(harmless(line[column])) for line in lines) for column in range(len(titles))]
    text = [
        "  ".join(
            f"{harmless(cell):{'<' if column < 3 else '>'}{width}}"
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    failed = [each for each in bd if each.reason is not None]
    notes = [f"{each.clip} {each.codec} {each.path} {each.metric}: {each.reason}" for each in failed]
    return "\n".join([*text, *map(harmless, notes)])
