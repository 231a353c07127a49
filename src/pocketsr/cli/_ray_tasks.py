"""What other machines do for `upscale --ray`: a file, or segments of a long video, as bytes."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from pocketsr.cli._upscaling import Job
from pocketsr.engine.runtime.cache import machine_key
from pocketsr.errors import UserError
from pocketsr.report import Report
from pocketsr.video.segments import Made, Task, build, make_segments

__all__ = ["Answer", "file_made", "segments_made"]


class Answer(NamedTuple):
    """What came of a task.

    error: one line, of the user's mistake or the file's; the rest is empty then. machine: differs where results may in
    their last bit. data: of the file, or of each segment by its number. report: without times of frames.
    """

    error: str | None
    machine: str = ""
    data: bytes | dict[int, bytes] = b""
    report: Report | None = None
    made: Made | None = None


@lru_cache(maxsize=1)
def _known(job: Job) -> Job:
    """The same object for equal options: its networks stay loaded."""
    return job


def _checked(source: Path, own: str) -> None:
    if own != build():
        raise UserError(
            f"{platform.node()} has another build of pocketsr or its codecs: install the same on all machines"
        )
    if not source.exists():
        raise UserError(
            f"{source} isn't there on {platform.node()}: with --ray, inputs lie in a folder that all machines see, "
            "under the same path"
        )


def file_made(job: Job, source: Path, name: str, own: str) -> Answer:
    """A file upscaled, as `name`. own: the build that is asked for."""
    try:
        _checked(source, own)
        with tempfile.TemporaryDirectory(prefix="pocketsr-") as folder:
            target = Path(folder) / name
            report = _known(job).upscale(source, target, overwrite=False)
            lines = [line.replace(str(target), name) for line in report.warnings]
            return Answer(None, machine_key(), target.read_bytes(), replace(report, warnings=lines))
    except UserError as error:
        return Answer(str(error))


def segments_made(job: Job, task: Task, numbers: Sequence[int], own: str) -> Answer:
    """Segments of a video."""
    made: dict[int, bytes] = {}
    try:
        _checked(task.source, own)
        job = _known(job)
        sections = [task.plan.sections[number] for number in numbers]
        times = make_segments(task, sections, job.net, job.chroma, made.__setitem__)
        return Answer(None, machine_key(), made, made=times)
    except UserError as error:
        return Answer(str(error))
