"""`upscale --codec-aware`: for each stretch of a coded video the network that suits how coarsely it was coded."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.cli._choosing import settled
from pocketsr.cli._networks import AUTO, open_networks
from pocketsr.errors import UserError
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.cli._upscaling import Job
    from pocketsr.sizing import Size
    from pocketsr.source.choice import Choice

__all__ = ["add_codec_aware_argument", "in_parts", "refuse_with"]

_SAID = 12  # stretches in the line


def add_codec_aware_argument(parser: argparse.ArgumentParser) -> None:
    """`--codec-aware`, which `refuse_with` checks."""
    parser.add_argument(
        "--codec-aware",
        action="store_true",
        help="choose for each stretch of a video file, by its quantizers and bits: a network for clean or for coarsely "
        "coded frames, or bicubic where a network gains nothing; says in a line what it took where",
    )


def refuse_with(args: argparse.Namespace, *, files: bool) -> None:
    """Raise UserError for what --codec-aware can't go with. files: whether all inputs are files or folders."""
    if not args.codec_aware:
        return
    if not files:
        raise UserError("--codec-aware looks at whole video files first: leave it out for pipes, cameras and screens")
    if args.model != AUTO or args.weights is not None:
        raise UserError("--codec-aware chooses the networks: leave out -m and --weights")
    if args.strength is not None:
        raise UserError("--codec-aware finds the strength of each stretch: leave out --strength")
    if args.live is not None or args.ray is not None or args.pix_fmt is not None:
        raise UserError("--codec-aware looks at whole video files first: leave out --live, --ray and --pix-fmt")
    if args.start is not None or args.duration is not None:
        raise UserError("--codec-aware looks at whole video files: leave out --start and --duration")


def in_parts(job: Job, source: Path, name: Path) -> Job:
    """The job with a network for each stretch of the video `source`, and the line that says which.

    name: what to call the source. One that can't be looked at is left to who reads it, and says what is wrong.
    """
    from pocketsr.engine import takes_strength
    from pocketsr.source import choose_stretches
    from pocketsr.video import Part
    from pocketsr.video.stretches import look_at_stretches

    stretches = look_at_stretches(source)
    if stretches is None:
        return settled(job, None, name)
    chosen = choose_stretches([(stretch.start_s, stretch.seen) for stretch in stretches])
    sized = _for_size([choice.network for _, choice in chosen], job.size)
    chosen = [(start, replace(choice, network=sized[choice.network])) for start, choice in chosen]
    names = list(dict.fromkeys(choice.network for _, choice in chosen))
    nets = open_networks(names, [], job.net_threads or job.threads)
    parts = tuple(
        Part(start, net, choice.strength if takes_strength(net) else None)
        for start, choice in chosen
        for net in (nets[choice.network],)
    )
    line = f"pocketsr: {harmless(name, 500)}: {harmless(_words(chosen), 2000)}"
    return replace(job, model=names[0], line=line, parts=parts, called=" and ".join(names))


def _for_size(names: Sequence[str], size: Size | None) -> dict[str, str]:
    """What ships for `size` of each network, where that is of one scale: the networks of a video are."""
    from pocketsr.models import at_size, scale_of

    sized = {name: at_size(name, size) for name in names}
    return sized if len({scale_of(name) for name in sized.values()}) == 1 else {name: name for name in names}


def _words(chosen: Sequence[tuple[float, Choice]]) -> str:
    """ "H.264 of QP 24: small; from 0:08 on H.264 of QP 41: small-call"."""
    said = [f"from {_clock(start)} on {choice.words}" if start else choice.words for start, choice in chosen[:_SAID]]
    return "; ".join(said) + (f"; and {len(chosen) - _SAID} changes more" if len(chosen) > _SAID else "")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
