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


def network_of(job: Job) -> Upscaler:
    """The network that a job names; one that was chosen stays loaded for the next file.

    Raises UserError for one that can't be loaded, and for weights that no network needs.
    """
    threads = job.net_threads or job.threads
    if job.line is not None:
        return _kept(job.model, threads)
    (net,) = open_networks([job.model], [] if job.weights is None else [job.weights], threads).values()
    return net


def settled(job: Job, seen: Seen | None, name: Path) -> Job:
    """The job for a source that was looked at: its network, what it is told, and the line about a choice.

    seen: None where the source can't be looked at: what is wrong with it will be said by who reads it.
    """
    from pocketsr.engine import takes_strength
    from pocketsr.models import at_size, scale_of
    from pocketsr.sizing import plan
    from pocketsr.source import choose

    if seen is None:
        return job if job.model != AUTO else replace(job, model=at_size(USUAL, job.size), strength=None)
    if job.model != AUTO:
        network = at_size(job.model, job.size, seen.shape)
        if network != job.model:  # such networks are told no strength
            assert seen.shape is not None
            way = plan(job.size, scale_of(str(network)), seen.shape.width, seen.shape.height)
            said = _line(name, f"{job.model} at this size: {network}") if way.plain else ""  # else the steps say it
            return replace(job, model=network, line=said)
        made = replace(job, strength=seen.strength if takes_strength(job.net) else job.strength)
        vars(made)["net"] = job.net  # is loaded already
        return made
    choice = choose(seen if job.strength is None else replace(seen, strength=job.strength))
    network = at_size(choice.network, job.size, seen.shape)
    made = replace(job, model=network, strength=None, line=_line(name, f"{choice.why}: {network}"))
    return replace(made, strength=choice.strength) if takes_strength(made.net) else made


def _line(name: Path, words: str) -> str:
    return f"pocketsr: {harmless(name, 500)}: {harmless(words)}"


def looked(job: Job, source: Path, name: Path) -> Job:
    """`settled` for a file. Raises UserError for a picture that can't be read."""
    from pocketsr.image import is_animation, is_image_file

    if not is_image_file(source):
        from pocketsr.video.looking import look_at_video

        return settled(job, look_at_video(source), name)
    from pocketsr.image.looking import look_at_animation, look_at_image

    return settled(job, (look_at_animation if is_animation(source) else look_at_image)(source), name)


@functools.lru_cache(maxsize=4)
def _kept(model: str, threads: int | None) -> Upscaler:
    (net,) = open_networks([model], [], threads).values()
    return net
