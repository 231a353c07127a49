"""The whole job: decoding, upscaling and encoding overlap, a thread each, with short queues between them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from contextlib import ExitStack, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import cast

from pocketsr.arguments import check_callable
from pocketsr.engine import check_told
from pocketsr.errors import ArgumentTypeError, UserError
from pocketsr.frames import Frame, FrameSink, FrameSource, Span, Strength, fixed
from pocketsr.report import Percentiles, Report
from pocketsr.sizing import Size
from pocketsr.video.changing import Part
from pocketsr.video.comparing import Comparison, enlarger, steps_in_words
from pocketsr.video.containers import keeps_clock
from pocketsr.video.deinterlacing import Deinterlace
from pocketsr.video.file_sink import VideoFileSink
from pocketsr.video.file_source import VideoFileSource
from pocketsr.video.job import Item, Job, checked
from pocketsr.video.types import Progress, Say, Siting, Upscaler, VideoOptions

__all__ = ["upscale_video"]


def upscale_video(
    source: Path | FrameSource,
    target: Path | FrameSink | None,
    upscaler: Upscaler,
    chroma: Callable[[Siting], Upscaler],
    options: VideoOptions | None = None,
    *,
    size: Size | None = None,
    name: str = "the network",
    rate: Fraction | float | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
    on_warning: Say | None = None,
    on_plan: Say | None = None,
    span: Span | None = None,
    deinterlace: Deinterlace | None = None,
    beside: Upscaler | None = None,
    strength: Strength = None,
    parts: Sequence[Part] = (),
) -> Report:
    """Upscale a video; times, sound, subtitles, chapters, tags, colours and sample format stay what they are.

    Args:
        source: the input file, or what gives frames.
        target: the output file, whose suffix chooses the container; what takes frames; None decodes, upscales and
            encodes but writes nothing (a benchmark).
        upscaler: the network, luma or RGB.
        chroma: gives the network for chroma planes of a siting.
        options: how to encode a file.
        size: of the output; default: `upscaler.scale` times the input's.
        name: of the network, for the line that says how the size is reached.
        rate: frames a second of a file made from frames that have no times.
        overwrite: whether an existing target may be replaced.
        on_progress: called on the caller's thread after every frame.
        on_warning: called with each warning that is known before the first frame is upscaled; the report holds all.
        on_plan: called before that with how the size is reached, where it isn't by one pass of the network.
        span, deinterlace: of a file, as for `VideoFileSource`.
        beside: another network, of the same scale, whose frames are shown at the left of the first's, with labels.
        strength: what a network that takes one is told, 0..1, or what finds it for each frame.
        parts: networks in place of `upscaler`, each from its time on.

    Raises:
        UserError: the input can't be read, the output can't be written, or a setting is wrong. The target is
            then as it was before: absent, or the old file. So too on KeyboardInterrupt, and whatever a source or sink
            raises.
    """
    began = perf_counter()
    options = options or VideoOptions()
    check_told(upscaler, fixed(strength))
    if on_progress is not None:
        check_callable(on_progress, "on_progress", "a function of (frames done, frames in all or None)")
    with ExitStack() as held:
        if isinstance(source, Path):
            clock = isinstance(target, Path) and keeps_clock(target)
            made = VideoFileSource(
                source, threads=options.threads, keep_clock=clock, span=span, deinterlace=deinterlace
            )
            source = held.enter_context(made)
        sink: FrameSink
        if target is None or isinstance(target, Path):
            sink = held.enter_context(VideoFileSink(target, rate=rate, overwrite=overwrite, **vars(options)))
        else:
            sink = _checked_sink(target)
        file = source if isinstance(source, VideoFileSource) else None
        output = sink if isinstance(sink, VideoFileSink) else None
        if output is not None:
            held.push(lambda kind, *_: output.abort() if kind is not None else None)
        if output is not None and file is not None:
            output.accompany(file)
        items = _items(source)
        if cast(object, items) is not source:  # else it is its owner's to end
            held.callback(_end, items)
        head: list[Item] = []
        first = _until_frame(items, head)
        about = file.reader.source if file is not None else None
        enlarge = enlarger(upscaler, beside, chroma, size, about, name, strength, parts)
        if output is not None and isinstance(enlarge, Comparison):
            output.panes = enlarge.panes
        form = enlarge.follow(first.format)
        named = f"{file.path if file is not None else 'the source'}: "
        notes = file.warnings if file is not None else []
        notes += [named + line for line in enlarge.warnings]
        sink.begin(form)
        if output is not None:
            enlarge.pix_fmt = output.pix_fmt
            form = enlarge.follow(first.format)
        aspect, how = output.aspect if output else None, file.reader.how if file else None
        steps = steps_in_words(enlarge.plan, name, aspect, how)
        if steps is not None and on_plan is not None:
            on_plan(steps)
        if on_warning is not None:
            for line in (*notes, *(output.warnings if output is not None else ())):
                on_warning(line)
        job = Job(chain(head, items), enlarge, sink, form, output.copy if output is not None else None)
        total = file.reader.source.total if file is not None else len(source) if isinstance(source, Sized) else None
        try:
            job.run(total, on_progress)
        except BaseException:
            if file is not None:
                file.interrupt()
            if output is not None:
                output.interrupt()
            job.stop(file is not None, output is not None)
            raise
        start = perf_counter()
        if target is not sink and output is not None:
            output.close()
        flush_s = perf_counter() - start
        seconds = perf_counter() - began
        return Report(
            frames=len(job.upscale_s),
            seconds=seconds,
            size=job.size,
            decode_ms=Percentiles.of_seconds(job.decode_s),
            upscale_ms=Percentiles.of_seconds(job.upscale_s),
            encode_ms=Percentiles.of_seconds(job.encode_s),
            decode_busy_s=sum(job.decode_s),
            upscale_busy_s=sum(job.upscale_s),
            encode_busy_s=sum(job.encode_s) + flush_s,
            encoder=output.encoder if output is not None else None,
            replaced=file.reader.replaced if file is not None else None,
            steps=steps,
            computed_share=enlarge.computed_share,
            warnings=notes
            + (output.warnings if output is not None else [])
            + [named + line for line in enlarge.warnings if named + line not in notes],
        )


def _items(source: FrameSource) -> Iterator[Item]:
    if isinstance(source, VideoFileSource):
        return source.items()
    if not isinstance(source, Iterable):
        raise ArgumentTypeError(f"a source of frames is a path or can be iterated over, not {type(source).__name__}")
    return iter(source)


def _checked_sink(sink: FrameSink) -> FrameSink:
    for name in ("begin", "write"):
        if not callable(getattr(sink, name, None)):
            raise ArgumentTypeError(
                f"an output is a path, None, or takes frames by begin and write; {type(sink).__name__} has no {name}"
            )
    return sink


def _until_frame(items: Iterator[Item], head: list[Item]) -> Frame:
    """The first frame; it and what came before are put into `head`."""
    for item in items:
        head.append(checked(item))
        if isinstance(item, Frame):
            return item
    raise UserError("the source gave no frame: there is nothing to upscale")


def _end(items: Iterator[Item]) -> None:
    """Let a generator do what it does at its end; one that still waits for a frame can't be ended."""
    if isinstance(items, Generator):
        with suppress(ValueError):
            items.close()
