"""What `-m auto` takes for a source, and the strength that networks are told which take one."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pocketsr.cli._networks import AUTO, USUAL, open_networks
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.cli._upscaling import Job
    from pocketsr.engine import Upscaler
    from pocketsr.source import Seen

__all__ = ["looked", "network_of", "settled"]

_UNKNOWN = 0.5  # the strength of a source that can't be looked at


def network_of(job: Job) -> Upscaler:
    """The network that a job names, told the job's strength if it takes one.

    Raises UserError for one that can't be loaded, and for weights that no network needs.
    """
    from pocketsr.loading import told

    threads = job.net_threads or job.threads
    if job.strength is None:
        (net,) = open_networks([job.model], [] if job.weights is None else [job.weights], threads).values()
        return net
    return told(_kept(job.model, job.weights, threads), job.strength)


def settled(job: Job, seen: Seen | None, name: Path) -> Job:
    """The job for a source that was looked at: with a network, a strength, and where one was chosen the line about it.

    seen: None where the source can't be looked at: what is wrong with it will be said by who reads it.
    """
    if seen is None:
        return replace(job, model=USUAL if job.model == AUTO else job.model, strength=_UNKNOWN)
    if job.model != AUTO:
        return replace(job, strength=seen.strength)
    from pocketsr.source import choose

    choice = choose(seen)
    line = f"pocketsr: {harmless(name, 500)}: {harmless(choice.words)}"
    return replace(job, model=choice.network, strength=choice.strength, line=line)


def looked(job: Job, source: Path, name: Path) -> Job:
    """`settled` for a file. Raises UserError for a picture that can't be read."""
    from pocketsr.image import is_animation, is_image_file

    if not is_image_file(source):
        from pocketsr.video.looking import look_at_video

        return settled(job, look_at_video(source), name)
    from pocketsr.image.looking import look_at_animation, look_at_image

    return settled(job, (look_at_animation if is_animation(source) else look_at_image)(source), name)


@functools.lru_cache(maxsize=4)
def _kept(model: str, weights: Path | None, threads: int | None) -> Upscaler:
    """A network that stays loaded for the next file that takes it."""
    (net,) = open_networks([model], [] if weights is None else [weights], threads).values()
    return net
