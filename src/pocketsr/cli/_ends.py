"""Where the frames of a video or an animated picture come from and go to: files, pipes, cameras, addresses."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pocketsr.cli._formats import ANIMATED, STREAMS, piped_format
from pocketsr.cli._live import ends_at_ctrl_c
from pocketsr.errors import UserError
from pocketsr.pipes import Inflow, Outflow

if TYPE_CHECKING:
    from pocketsr.cli._upscaling import Job
    from pocketsr.image.animation import AnimationSink, AnimationSource
    from pocketsr.video import VideoFileSink, VideoFileSource

__all__ = ["Sink", "Source", "animates", "opened", "sink_of", "source_of"]

Source: TypeAlias = "Path | VideoFileSource | AnimationSource"
Sink: TypeAlias = "Path | VideoFileSink | AnimationSink | None"


def opened(job: Job, source: Path | Inflow, name: Path) -> VideoFileSource:
    """The frames of a file, of what comes through a pipe, or of the address."""
    from pocketsr.video import VideoFileSource

    path, pipe = (name, source) if isinstance(source, Inflow) else (source, None)
    return VideoFileSource(
        path, threads=job.threads, pipe=pipe, raw=job.raw, address=job.address, span=job.span,
        deinterlace=job.deinterlace,
    )  # fmt: skip


@contextlib.contextmanager
def source_of(job: Job, source: Path | Inflow, name: Path, flat: bool | None) -> Iterator[Source]:
    """What gives the frames; a video file is left to who upscales it.

    flat: of an animated picture, whether it is to be opaque; None: the source is none.
    """
    if isinstance(source, Path) and flat is not None:
        from pocketsr.image.animation import AnimationSource

        with AnimationSource(source, flat=flat, span=job.span, size=job.size, scale=job.net.scale) as animation:
            yield animation
        return
    if isinstance(source, Path) and job.raw is None and job.address is None:
        yield source
        return
    with opened(job, source, name) as frames:
        if job.address is None:
            yield frames
            return
        with ends_at_ctrl_c(frames):
            yield frames


@contextlib.contextmanager
def sink_of(
    job: Job, target: Path | Outflow | None, source: Source, overwrite: bool, name: Path, to_animation: bool
) -> Iterator[Sink]:
    """What takes the frames; a video file is left to who upscales into it."""
    if to_animation and target is not None:
        with _animation(job, target, source, overwrite, name) as animation:
            yield animation
        return
    from pocketsr.video import VideoFileSink, VideoFileSource

    encoder = {"codec": job.codec, "crf": job.crf, "preset": job.preset, "threads": job.threads}
    options: dict[str, Any] = encoder
    if not isinstance(source, Path | VideoFileSource):  # an animated picture: as players take it
        options = {**encoder, "pix_fmt": "yuv420p"}
        if not isinstance(target, Outflow):
            with VideoFileSink(target, overwrite=overwrite, **options) as sink:
                yield sink
            return
    if not isinstance(target, Outflow):
        yield target
        return
    form = job.format or piped_format(source, target)
    if form not in STREAMS:
        choice = ", ".join(STREAMS)
        raise UserError(f"--format {form} can't go through a pipe, or is for pictures: use one of {choice}")
    with VideoFileSink(Path(target.name), pipe=target, kind=STREAMS[form], **options) as sink:
        yield sink


@contextlib.contextmanager
def _animation(
    job: Job, target: Path | Outflow, source: Source, overwrite: bool, name: Path
) -> Iterator[AnimationSink]:  # fmt: skip
    from pocketsr.image.animation import AnimationSink, AnimationSource

    for option in ("codec", "crf", "preset"):
        if getattr(job, option) is not None:
            raise UserError(f"--{option} is for videos, and {target.name} is an animated picture: leave it out")
    like = source if isinstance(source, AnimationSource) else None
    plays, lossy = (like.plays, like.lossy) if like else (0, True)
    with tempfile.TemporaryDirectory(prefix="pocketsr-") if isinstance(target, Outflow) else _no_folder() as folder:
        file = Path(folder) / f"animation.{job.format or 'gif'}" if isinstance(target, Outflow) else target
        with AnimationSink(file, source=name, plays=plays, lossy=lossy, overwrite=overwrite) as sink:
            yield sink
        if isinstance(target, Outflow):
            target.write(file.read_bytes())


@contextlib.contextmanager
def _no_folder() -> Iterator[str]:
    yield ""


def animates(job: Job, source: Path | Inflow, target: Path | Outflow | None, animation: bool) -> bool:
    """Whether the output is an animated picture. Raises UserError where it is a still one that holds no frames.

    animation: whether the source is an animated picture.
    """
    from pocketsr.image import ANIMATION_SUFFIXES, IMAGE_SUFFIXES

    if isinstance(target, Outflow):
        named = job.format if job.format is not None else "gif" if animation else None
        return named in ANIMATED and (animation or named != "png")
    if target is None:
        return False
    suffix = target.suffix.lower()
    if suffix in ANIMATION_SUFFIXES and (animation or suffix != ".png"):
        return True
    if animation and suffix in IMAGE_SUFFIXES:
        raise UserError(
            f"{source} is animated, and {target.name} would hold one picture: use .gif, .webp, .png, .avif or .mp4"
        )
    return False
