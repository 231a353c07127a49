"""`pocketsr upscale`: videos, images, folders of both, and what comes through a pipe."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocketsr.cli._codec_aware import add_codec_aware_argument, refuse_with
from pocketsr.cli._ends import opened
from pocketsr.cli._formats import add_format_arguments, checked_format, raw_video
from pocketsr.cli._live import add_live_arguments, given, live_input, show
from pocketsr.cli._networks import AUTO, WEIGHTS_HELP
from pocketsr.cli._piped import is_pipe
from pocketsr.cli._size import add_size_arguments, asked_size
from pocketsr.cli._span import add_span_arguments, asked_span
from pocketsr.cli._strength import STRENGTH_HELP, strength
from pocketsr.cli._upscaling import Job
from pocketsr.errors import UserError
from pocketsr.models import at_size
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.pipes import Inflow
    from pocketsr.report import Report
    from pocketsr.video import Address

__all__ = ["SUMMARY", "add_arguments", "run"]

SUMMARY = "upscale a video, an image, or every one in a folder"
_STAGES = ("decode", "upscale", "encode")
_OF_VIDEOS = ("codec", "crf", "preset", "start", "duration", "deinterlace")
_OF_ONE_NETWORK = ("weights", "strength", "budget_ms")
_OF_OUTPUTS = ("yes", "compare", "skip_existing", "format", "codec", "crf", "preset")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    help_of_inputs = "videos, images and folders of them; - is standard input; /dev/video0 a camera, screen: the screen"
    add("inputs", metavar="INPUT", type=given, nargs="+", help=help_of_inputs)
    help_of_output = "output file; a folder if the input is one, or if there are several; - is standard output"
    add("-o", "--output", metavar="OUTPUT", type=Path, help=help_of_output)
    add(
        "-m",
        "--model",
        metavar="auto|NAME|FILE.onnx",
        default=AUTO,
        help="the network: auto looks at each source and says what it takes; else a name that `pocketsr models` lists, "
        "or a file; adaptive: quality where it shows, small-w8a8 elsewhere (default: auto)",
    )
    add("--budget-ms", metavar="MS", type=float, help="with -m adaptive: what a picture or a frame's luma may take")
    add("--weights", metavar="FILE", type=Path, help=WEIGHTS_HELP)
    add("--strength", metavar="S", type=strength, help=STRENGTH_HELP)
    add_codec_aware_argument(parser)
    add("-j", "--threads", type=int, help="threads of the network (default: all cores)")
    add("-y", "--yes", action="store_true", help="overwrite existing files")
    add(
        "--compare",
        action="store_true",
        help="side by side: bicubic at the left, the network at the right",
    )
    add("--skip-existing", action="store_true", help="leave out what has an output already")
    help_of_ray = "share the files, and segments of long videos, among the machines of a Ray cluster (host:port)"
    add("--ray", metavar="ADDRESS", nargs="?", const="", help=help_of_ray)
    add_size_arguments(parser)
    add_format_arguments(parser)
    add_live_arguments(parser)
    video = parser.add_argument_group("video").add_argument
    video("--codec", help="encoder, as FFmpeg names it (default: by the output's suffix)")
    video("--crf", type=float, help="quality of the encoder: lower is better, and a larger file")
    video("--preset", help="speed preset of the encoder, by its own name: ultrafast .. veryslow")
    add_span_arguments(video)
    video(
        "--deinterlace",
        action="store_const",
        const="frame",
        help="make whole pictures of interlaced ones (bwdif), as many a second as there are frames",
    )
    video(
        "--deinterlace-fields",
        dest="deinterlace",
        action="store_const",
        const="field",
        help="as --deinterlace, but a picture for each field: 50 a second of 25 frames, and motion as smooth as it was",
    )
    timing = parser.add_argument_group("timing").add_argument
    timing("--benchmark", action="store_true", help="write no output, print the time of each stage")
    timing("--json", action="store_true", help="with --benchmark: one JSON object and nothing else")


def run(args: argparse.Namespace) -> int:
    address = live_input(args)
    args.inputs = [Path(each) for each in args.inputs] if address is None else [Path(address.name)]
    _check(args, address)
    job = _job(args)
    if address is not None:
        job = replace(job, address=address)
    many = len(args.inputs) > 1 or args.inputs[0].is_dir()
    if args.ray is not None:
        from pocketsr.cli._ray import upscale_by_ray

        if not many:
            _refuse_for_one(args, args.inputs[0], piped=False)
        options = {"overwrite": args.yes, "skip_existing": args.skip_existing}
        return upscale_by_ray(args.inputs, args.output, job, args.ray, **options)
    if many:
        from pocketsr.cli._folder import upscale_many

        return upscale_many(args.inputs, args.output, job, overwrite=args.yes, skip_existing=args.skip_existing)
    name = args.inputs[0]
    if args.skip_existing and args.output is not None and not is_pipe(args.output) and args.output.exists():
        print(f"pocketsr: skipped {harmless(name, 500)}: {harmless(args.output, 500)} exists", file=sys.stderr)
        return 0
    from pocketsr.cli._piped import STDIN, incoming, outgoing

    with contextlib.ExitStack() as held:
        source = name if address is not None else held.enter_context(incoming(name, raw=job.raw is not None))
        if args.live is not None:
            with opened(job, source, name) as frames:
                return show(frames, args.live, job, paced=address is None)
        piped = args.output is not None and is_pipe(args.output)
        _refuse_for_one(args, source, piped=piped)
        target = held.enter_context(outgoing(args.output)) if piped else args.output
        name = STDIN if str(name) == "-" else name
        report = job.upscale(source, target, overwrite=args.yes, name=name)
    for line in report.warnings:
        said = harmless(line.replace(str(source), str(name)), 2000)
        print(f"pocketsr: warning: {said}", file=sys.stderr)
    if args.json:
        print(json.dumps(_figures(report)))
    elif args.benchmark:
        _print_table(report)
    elif not piped:
        print(f"{harmless(args.output, 500)}: {report.size[0]}x{report.size[1]}")
    return 0


def _check(args: argparse.Namespace, address: Address | None) -> None:
    """Refuse what cannot go well before anything is loaded."""
    if args.json and not args.benchmark:
        raise UserError("--json prints the figures of --benchmark: add it")
    if args.benchmark and args.output is not None:
        raise UserError("--benchmark writes nothing: leave out -o, or leave out --benchmark")
    if args.live is not None and (args.output is not None or args.benchmark or len(args.inputs) > 1):
        raise UserError("--live shows one input and writes nothing: leave out the others, -o and --benchmark")
    if args.live is not None:
        _refuse_live(args)
    if args.output is None and not args.benchmark and args.live is None:
        raise UserError("nowhere to write: add -o OUTPUT, or --benchmark to measure only")
    if args.yes and args.skip_existing:
        raise UserError("-y replaces existing files and --skip-existing keeps them: leave one out")
    for path in args.inputs:
        if str(path) != "-" and address is None and not path.exists():
            raise UserError(f"no such file: {path}")
        if str(path) == "-" and len(args.inputs) > 1:
            raise UserError("- is standard input, which is upscaled alone: leave out the others")
        if args.benchmark and (path.is_dir() or len(args.inputs) > 1):
            raise UserError(
                f"{path} is {'a folder' if path.is_dir() else 'one of several'}: --benchmark measures one file"
            )
    if args.ray is not None and args.output is None:
        raise UserError("--ray writes files: name a folder with -o, and leave out --benchmark")
    if args.ray is not None and (args.pix_fmt or any(is_pipe(path) for path in (*args.inputs, args.output))):
        raise UserError("--ray is for files and folders: leave it out for pipes and raw frames")
    refuse_with(args, files=address is None and not any(is_pipe(path) for path in args.inputs))
    if args.threads is not None and args.threads < 1:
        raise UserError(f"-j {args.threads}: at least one thread is needed")
    if args.budget_ms is not None and args.model != "adaptive":
        raise UserError(
            f"--budget-ms chooses between the networks of -m adaptive: leave it out with {harmless(args.model)}"
        )


def _refuse_live(args: argparse.Namespace) -> None:
    """What --live would take no notice of."""
    if args.model != AUTO:
        raise UserError("--live chooses networks itself, by the time there is: leave out -m")
    for option in _OF_ONE_NETWORK:
        if getattr(args, option) is not None:
            raise UserError(f"--live chooses networks itself, and {_typed(option)} is for one: leave it out")
    for option in _OF_OUTPUTS:
        value = getattr(args, option)
        if value is not None and value is not False:  # 0 is a quality
            raise UserError(f"{_typed(option)} is for files that are written, and --live writes none: leave it out")


def _typed(option: str) -> str:
    return "-y" if option == "yes" else f"--{option.replace('_', '-')}"


def _refuse_for_one(args: argparse.Namespace, source: Path | Inflow, *, piped: bool) -> None:
    """What one input, or its output, takes no notice of."""
    from pocketsr.image import is_animation, is_image_file

    if args.format is not None and args.benchmark:
        raise UserError("--benchmark writes nothing: leave out --format")
    if args.format is not None and not piped:
        raise UserError(f"--format {args.format} is for folders and pipes: {args.output} says its own by its suffix")
    if not isinstance(source, Path) or not is_image_file(source):
        return
    if args.codec_aware:
        raise UserError(f"--codec-aware is for videos and {args.inputs[0]} is an image: leave it out")
    moves = is_animation(source)
    for option in _OF_VIDEOS:
        if getattr(args, option) is not None and not (moves and option != "deinterlace"):
            raise UserError(f"--{option} is for videos and {args.inputs[0]} is an image: leave it out")


def _job(args: argparse.Namespace) -> Job:
    size = asked_size(args)
    return Job(
        model=at_size(args.model, size),
        weights=args.weights,
        size=size,
        threads=args.threads,
        codec=args.codec,
        crf=args.crf,
        preset=args.preset,
        span=asked_span(args),
        deinterlace=args.deinterlace,
        compare=args.compare,
        strength=args.strength,
        budget_ms=args.budget_ms,
        codec_aware=args.codec_aware,
        format=checked_format(args),
        raw=raw_video(args),
    )


def _figures(report: Report) -> dict[str, Any]:
    return {
        "frames": report.frames,
        "seconds": report.seconds,
        "fps": report.fps,
        "computed_share": report.computed_share,
        **{f"{stage}_ms": asdict(getattr(report, f"{stage}_ms")) for stage in _STAGES},
    }


def _print_table(report: Report) -> None:
    noun = "frame" if report.frames == 1 else "frames"
    print(f"{report.frames} {noun} in {report.seconds:.2f} s: {report.fps:.1f} frames per second")
    print(f"{'stage':8}{'p50 ms':>10}{'p99 ms':>10}")
    for stage in _STAGES:
        quantiles = getattr(report, f"{stage}_ms")
        print(f"{stage:8}{quantiles.p50:>10.2f}{quantiles.p99:>10.2f}")
    if report.computed_share is not None:
        print(f"{report.computed_share:.0%} of the blocks computed, the others are those of the frame before")
