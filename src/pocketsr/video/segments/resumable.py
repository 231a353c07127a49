"""A long video in segments: what is finished is kept, and an interrupted run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from pocketsr.errors import UserError
from pocketsr.frames import FrameFormat
from pocketsr.report import Percentiles, Report
from pocketsr.sizing import Size
from pocketsr.video.containers import keeps_clock
from pocketsr.video.file_source import VideoFileSource
from pocketsr.video.job import Job
from pocketsr.video.sections import Section
from pocketsr.video.segments.folder import SegmentFolder
from pocketsr.video.segments.job import job_of, joins
from pocketsr.video.segments.plan import LEAST, LONG, Plan, plan_segments
from pocketsr.video.segments.source import SegmentSource
from pocketsr.video.segments.spool import Segment, packed, unpacked
from pocketsr.video.segments.writer import JoiningSink, SegmentSink
from pocketsr.video.types import Progress, Say, Siting, Upscaler, VideoOptions
from pocketsr.video.upscaler import Enlarger

__all__ = ["Listeners", "Made", "Maker", "Task", "make_segments", "upscale_in_segments"]


@dataclass(frozen=True)
class Task:
    """What is to be made of a video file; the parts of it that other machines need too.

    network: what tells the network, and what it is told, from others. size, strength: as for `upscale_video`.
    keep_clock: as for `VideoFileSource`.
    kind, pix_fmt: of the output, once they are known.
    """

    source: Path
    target: Path
    plan: Plan
    options: VideoOptions
    size: Size | None
    network: str
    keep_clock: bool
    strength: float | None = None
    kind: str = ""
    pix_fmt: str = ""


@dataclass(frozen=True)
class Listeners:
    """As for `upscale_video`; on_resume: called with a line that says what of an earlier run is there, if anything."""

    progress: Progress | None = None
    warning: Say | None = None
    plan: Say | None = None
    resume: Say | None = None


@dataclass
class Made:
    """How long segments took, frame by frame, in seconds."""

    decode_s: Sequence[float] = ()
    upscale_s: Sequence[float] = ()
    encode_s: Sequence[float] = ()

    def __add__(self, other: Made) -> Made:
        return Made(
            [*self.decode_s, *other.decode_s],
            [*self.upscale_s, *other.upscale_s],
            [*self.encode_s, *other.encode_s],
        )


Maker = Callable[[Task, Sequence[Section], Callable[[int, bytes], None], Callable[[int], None]], Made]
"""Makes segments, hands over each by its number as it is finished, and tells of every frame how many there are."""


def upscale_in_segments(
    source: Path,
    target: Path,
    upscaler: Upscaler,
    chroma: Callable[[Siting], Upscaler],
    options: VideoOptions,
    *,
    network: str,
    size: Size | None = None,
    name: str = "the network",
    overwrite: bool = False,
    listeners: Listeners | None = None,
    maker: Maker | None = None,
    strength: float | None = None,
    long: int = LONG,
    least: int = LEAST,
) -> Report | None:
    """As `upscale_video` for files, of `long` frames and more; None, and nothing is done, for others.

    Segments are kept in a folder beside the output until that is complete, and used by the next call with the same
    input, options and build. What is written doesn't depend on whether, and where, it was interrupted.

    Args:
        network: what tells the network, and what it is told, from others, in a hash's words.
        strength: as for `upscale_video`, the same for all frames.
        maker: makes segments elsewhere; default: here.
        long, least: as for `plan_segments`.

    Raises UserError as `upscale_video` does. It, and KeyboardInterrupt, carries a note where segments are kept.
    """
    began = perf_counter()
    keep_clock = keeps_clock(target)
    plan = plan_segments(source, keep_clock=keep_clock, long=long, least=least)
    if plan is None:
        return None
    says = listeners or Listeners()
    task = Task(source, target, plan, options, size, network, keep_clock, strength)
    with VideoFileSource(source, threads=options.threads, keep_clock=keep_clock) as whole:
        enlarge = enlarger_for(task, upscaler, chroma, whole)
        joining = JoiningSink(target, whole, options, overwrite=overwrite)
        try:  # what can go wrong with the output is said before the work, not after it
            joining.begin(enlarge.follow(whole.format))
            if not joins(joining.kind, joining.encoder_name, whole.reader.source):
                return None
            task = replace(task, kind=joining.kind, pix_fmt=str(joining.pix_fmt))
            enlarge.pix_fmt = task.pix_fmt
            form = enlarge.follow(whole.format)
            steps = None
            if not enlarge.plan.plain:
                shape = "" if joining.aspect is None else f", shown with pixels of {joining.aspect}"
                steps = enlarge.plan.words(name) + shape
            notes = [*whole.warnings, *(f"{source}: {line}" for line in enlarge.warnings)]
            early = [*notes, *joining.warnings]
        finally:
            joining.abort()
        if steps is not None and says.plan is not None:
            says.plan(steps)
        if says.warning is not None:
            for line in early:
                says.warning(line)
        job = job_of(source, plan, task.kind, options, size, network, keep_clock=keep_clock)
        with SegmentFolder(target, job) as folder:
            with _noted(folder, target, plan):
                made = _make_missing(task, folder, says, maker or _here(upscaler, chroma))
                joined = JoiningSink(target, whole, options, overwrite=overwrite)
                with joined:
                    joined.begin(form)
                    total = joined.join(_read_all(folder, plan, target))
                    whole.reader.sum_up(plan.packets, total)
            folder.remove()
    seconds = perf_counter() - began
    late = [line for line in whole.warnings if line not in notes]
    return Report(
        frames=total.frames,
        seconds=seconds,
        size=(form.width, form.height),
        decode_ms=Percentiles.of_seconds(made.decode_s),
        upscale_ms=Percentiles.of_seconds(made.upscale_s),
        encode_ms=Percentiles.of_seconds(made.encode_s),
        decode_busy_s=sum(made.decode_s),
        upscale_busy_s=sum(made.upscale_s),
        encode_busy_s=sum(made.encode_s),
        encoder=joined.encoder,
        replaced=total.replaced,
        steps=steps,
        warnings=[*notes, *late, *joined.warnings],
    )


def enlarger_for(
    task: Task, upscaler: Upscaler, chroma: Callable[[Siting], Upscaler], whole: VideoFileSource
) -> Enlarger:
    """What makes the task's frames larger."""
    about = whole.reader.source
    return Enlarger(upscaler, chroma, task.size, about.aspect, about.turned, task.strength)


def make_segments(
    task: Task, sections: Sequence[Section], upscaler: Upscaler, chroma: Callable[[Siting], Upscaler],
    keep: Callable[[int, bytes], None], on_frames: Callable[[int], None] | None = None,
) -> Made:  # fmt: skip
    """Make some segments of a task, in their order, and hand over each as it is finished: its number, its bytes."""
    with SegmentSource(task.source, task.plan, threads=task.options.threads, keep_clock=task.keep_clock) as source:
        enlarge = enlarger_for(task, upscaler, chroma, source.whole)
        enlarge.pix_fmt = task.pix_fmt
        form: FrameFormat = enlarge.follow(source.whole.format)
        numbers = iter(sections)

        def done(segment: Segment) -> None:
            keep(next(numbers).number, packed(segment))

        sink = SegmentSink(task.target, source.whole, task.options, task.kind, done)
        sink.begin(form)
        job = Job(source.items(sections), enlarge, sink, form, sink.end)
        try:
            job.run(None, None if on_frames is None else lambda count, _: on_frames(count))
        except BaseException:
            job.stop(True, True)
            sink.abort()
            raise
    return Made(job.decode_s, job.upscale_s, job.encode_s)


def _here(upscaler: Upscaler, chroma: Callable[[Siting], Upscaler]) -> Maker:
    def make(
        task: Task, sections: Sequence[Section], keep: Callable[[int, bytes], None], on_frames: Callable[[int], None]
    ) -> Made:
        return make_segments(task, sections, upscaler, chroma, keep, on_frames)

    return make


def _make_missing(task: Task, folder: SegmentFolder, says: Listeners, maker: Maker) -> Made:
    sections = task.plan.sections
    for section in sections:  # now, rather than when all the others are made
        if folder.has(section.number) and _read(folder, section) is None:
            folder.drop(section.number)
    missing = [section for section in sections if not folder.has(section.number)]
    there = task.plan.frames - sum(section.frames for section in missing)
    if says.resume is not None and folder.stale:
        says.resume("what an earlier run left is of another input, other options or another build: beginning anew")
    if says.resume is not None and there:
        says.resume(f"going on: {there} of {task.plan.frames} frames are there from an earlier run")

    def on_frames(count: int) -> None:
        if says.progress is not None:
            says.progress(there + count, task.plan.frames)

    return maker(task, missing, folder.keep, on_frames) if missing else Made()


def _read(folder: SegmentFolder, section: Section) -> Segment | None:
    data = folder.read(section.number)
    if data is None:
        return None
    try:
        return unpacked(data)
    except ValueError:
        return None


def _read_all(folder: SegmentFolder, plan: Plan, target: Path) -> Iterator[Segment]:
    for section in plan.sections:
        segment = _read(folder, section)
        if segment is None:
            folder.drop(section.number)
            raise UserError(
                f"{target}: segment {section.number} in {folder.path} is damaged: run the same command again"
            )
        yield segment


def _noted(folder: SegmentFolder, target: Path, plan: Plan) -> ExitStack:
    """Says in an exception that goes through how the work can be gone on with."""

    def note(_: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        kept = sum(folder.has(section.number) for section in plan.sections)
        if isinstance(error, KeyboardInterrupt | UserError) and kept:
            error.add_note(
                f"{kept} of {len(plan.sections)} parts of {target} are kept in {folder.path}: "
                "the same command goes on from there"
            )

    stack = ExitStack()
    stack.push(note)
    return stack
