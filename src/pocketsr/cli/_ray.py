"""`upscale --ray`: files, and segments of long videos, as tasks of a Ray cluster; this process alone writes."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

from pocketsr.atomic_io import Beside
from pocketsr.cli._choosing import looked
from pocketsr.cli._folder import Piece, pieces
from pocketsr.cli._ray_tasks import Answer, file_made, segments_made
from pocketsr.cli._upscaling import Job
from pocketsr.engine.runtime.cache import machine_key
from pocketsr.errors import UserError
from pocketsr.names import harmless
from pocketsr.report import Report
from pocketsr.video.containers import keeps_clock
from pocketsr.video.sections import Section
from pocketsr.video.segments import Made, Task, build, plan_segments

__all__ = ["upscale_by_ray"]

_RETRIES = 5  # of a task whose worker or machine died
_ADDRESS = re.compile(r"auto|local|(ray://)?[A-Za-z0-9.\-\[\]:]{1,253}:\d{1,5}", re.ASCII)
_LOOK_S = 0.25  # between looks at whether the work was called off
_MOST_FILES = 32  # that are in hand at once
_AHEAD = 3  # tasks that wait for each core


def upscale_by_ray(
    sources: Sequence[Path], target: Path, job: Job, address: str, *, overwrite: bool, skip_existing: bool
) -> int:
    """As `upscale_many`, by the machines of a cluster; one file goes to the file `target`.

    address: of Ray's head; "": the cluster that is there, else a new one of this machine's cores.

    Raises UserError where Ray is absent or can't be reached, and where nothing can be done at all.
    """
    if address and not _ADDRESS.fullmatch(address):
        raise UserError(f"--ray {harmless(address)}: an address is expected, as in --ray 10.0.0.1:6379; put it last")
    job.check()
    single = len(sources) == 1 and not sources[0].is_dir()
    todo = [Piece(sources[0], target)] if single else pieces(sources, target, job)
    with _without_rays_lines():
        ray = _started(address)
        try:
            return _Work(ray, job, overwrite, skip_existing).run(todo)
        finally:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # the rest of the same
                ray.shutdown()


class _Ours:
    """A stream that takes nothing from Ray's own threads."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _without_rays_lines() -> Iterator[None]:
    """Ray 2.60 writes the log of a machine that died to standard output, whatever `log_to_driver` says."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, _Ours(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _started(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise UserError("--ray needs Ray: pip install 'pocketsr[ray]' (here, and on every machine)") from error
    # Ray's own lines, usage statistics among them, aren't ours to print.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(address=address or None, log_to_driver=False, logging_level="error", include_dashboard=False)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as first:
        try:  # a cluster that is there takes no settings of its own
            ray.init(address=address or None, log_to_driver=False, logging_level="error")
        except Exception as error:
            raise UserError(
                f"Ray can't be reached ({harmless(first, 300)}): start it, or leave the address out"
            ) from error
    return ray


def _absolute(job: Job) -> Job:
    """The job, whose files have names that mean the same in another working folder."""
    model = job.model if Path(job.model).suffix.lower() != ".onnx" else str(Path(job.model).resolve())
    return replace(job, model=model, weights=None if job.weights is None else job.weights.resolve())


class _Stopped(Exception):  # noqa: N818 : it is no error
    """The work was called off."""


class _Work:
    """A thread a file, which waits for its tasks and writes."""

    def __init__(self, ray: Any, job: Job, overwrite: bool, skip_existing: bool) -> None:
        self._ray, self._overwrite, self._skip_existing = ray, overwrite, skip_existing
        self._build, self._machine = build(), machine_key()
        cores = job.threads or 1
        # Threads don't change a network's result, but some encoders': these get as many as on this machine.
        self._job = replace(job, cores=os.cpu_count())
        self._sent = replace(_absolute(self._job), net_threads=cores)
        options = {"num_cpus": cores, "max_retries": _RETRIES}
        self._file_task = ray.remote(**options)(file_made)
        self._segments_task = ray.remote(**options)(segments_made)
        self._most = max(2, round(_AHEAD * ray.cluster_resources().get("CPU", 1) / cores))
        self._off = threading.Event()
        self._lock = threading.Lock()
        self._first: dict[Path, Path] = {}  # of the files that would become one
        self._others = False  # whether a machine of another kind took part

    def run(self, todo: Sequence[Piece]) -> int:
        """All files; returns the exit code."""
        from tqdm import tqdm

        failed = done = 0
        for piece in reversed(todo):
            self._first[piece.target] = piece.source
        with tqdm(total=len(todo), unit=" parts", disable=None, file=sys.stderr, dynamic_ncols=True) as bar:
            self._bar = bar
            with ThreadPoolExecutor(min(_MOST_FILES, len(todo))) as pool:
                futures = {pool.submit(self._one, piece): piece for piece in todo}
                left: set[Future[Report | None]] = set(futures)
                try:
                    while left:
                        ready, left = wait(left, timeout=_LOOK_S, return_when="FIRST_COMPLETED")
                        for future in ready:
                            ok = self._tell(futures[future], future)
                            done, failed = done + ok, failed + (not ok)
                except BaseException as error:
                    self._off.set()
                    for future in futures:
                        future.cancel()
                    if isinstance(error, KeyboardInterrupt):
                        error.add_note(
                            f"{done} of {len(todo)} files are done: the same command with --skip-existing goes on"
                        )
                    raise
        if self._others:
            print(
                "pocketsr: machines of different kinds took part: samples may differ in the last bit between them",
                file=sys.stderr,
            )
        if failed:
            print(f"pocketsr: {failed} of {len(todo)} files failed", file=sys.stderr)
        return 2 if failed else 0

    def _tell(self, piece: Piece, future: Future[Report | None]) -> bool:
        """Say what became of a file, and whether it went well."""
        self._bar.update()
        try:
            report = future.result()
        except UserError as error:
            why = str(error)
        except Exception as error:  # a worker that dies again and again, or a file that breaks what reads it
            what = " ".join(str(error).split())[:300] or type(error).__name__
            why = f"{piece.source} failed: {what}"
        else:
            if report is not None:
                for line in report.warnings:
                    self._bar.write(f"pocketsr: warning: {harmless(line, 2000)}", file=sys.stderr)
                self._bar.write(f"{harmless(piece.target, 500)}: {report.size[0]}x{report.size[1]}", file=sys.stdout)
            return True
        self._bar.write(f"pocketsr: {harmless(why, 2000)}", file=sys.stderr)
        return False

    def _one(self, piece: Piece) -> Report | None:
        from pocketsr.image import is_image_file

        if self._skip_existing and piece.target.exists():
            line = f"pocketsr: skipped {harmless(piece.source, 500)}: {harmless(piece.target, 500)} exists"
            self._bar.write(line, file=sys.stderr)
            return None
        if self._first[piece.target] != piece.source:
            raise UserError(f"{piece.source}: another of the files became {piece.target} already: rename one of them")
        try:
            piece.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{piece.target} can't be written: {error.strerror}") from error
        source = piece.source.resolve()
        job, sent = self._job, self._sent
        if job.looks:
            job = looked(job, source, piece.source)
            sent = replace(sent, model=job.model, strength=job.strength)
        video = not is_image_file(source)
        if video and plan_segments(source, keep_clock=keeps_clock(piece.target)) is not None:
            job = replace(job, maker=partial(self._segments, sent))
            return job.upscale(source, piece.target, overwrite=self._overwrite)
        beside = Beside(
            piece.target, source, overwrite=self._overwrite
        )  # what is wrong with it is said before the work
        try:
            task = self._file_task.remote(sent, source, piece.target.name, self._build)
            answer = self._wait(task)
            assert isinstance(answer.data, bytes)
            beside.path.write_bytes(answer.data)
            beside.keep()
            if job.line:
                self._bar.write(job.line, file=sys.stderr)
        except OSError as error:
            raise UserError(f"{piece.target} can't be written: {error.strerror}") from error
        finally:
            beside.discard()
        return answer.report

    def _segments(
        self,
        sent: Job,
        task: Task,
        sections: Sequence[Section],
        keep: Callable[[int, bytes], None],
        on_frames: Callable[[int], None],
    ) -> Made:
        """A `Maker`, but for `sent`: a task for each segment."""
        waiting = list(sections)[::-1]
        running: dict[Any, Section] = {}
        frames = 0
        total = Made()
        with self._lock:
            self._bar.total += len(sections)
        while waiting or running:
            while waiting and len(running) < self._most:
                section = waiting.pop()
                running[self._segments_task.remote(sent, task, [section.number], self._build)] = section
            try:
                ready, _ = self._ray.wait(list(running), timeout=_LOOK_S)
                if self._off.is_set():
                    raise _Stopped
                for reference in ready:
                    section = running.pop(reference)
                    answer = self._answer(reference)
                    assert isinstance(answer.data, dict)
                    keep(section.number, answer.data[section.number])
                    total = total if answer.made is None else total + answer.made
                    frames += section.frames
                    on_frames(frames)
                    with self._lock:
                        self._bar.update()
            except BaseException:
                for reference in running:
                    self._ray.cancel(reference, force=False)
                raise
        return total

    def _wait(self, reference: Any) -> Answer:
        while not self._ray.wait([reference], timeout=_LOOK_S)[0]:
            if self._off.is_set():
                self._ray.cancel(reference, force=False)
                raise _Stopped
        return self._answer(reference)

    def _answer(self, reference: Any) -> Answer:
        answer: Answer = self._ray.get(reference)
        if answer.error is not None:
            raise UserError(answer.error)
        self._others = self._others or answer.machine != self._machine
        return answer
