"""How fast a network runs in pocketsr and in other runtimes, measured in turn within one run.

Every runtime lives in a process of its own (`peers/_worker.py`). In a round each one gets its turn and runs
some frames; all others are stopped meanwhile, so that no idle thread pool spins beside it. The machine's
multiply-add peak is taken in every round too. Slow drifts of the machine thus meet all alike, and ratios hold
where absolute times would not.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pocketsr import models
from pocketsr.bench._peak import FmaPeak
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.peers import FILES, PEERS, Peer
from pocketsr.bench.peers._task import picture_of
from pocketsr.errors import UserError
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.engine.ir.graph import Graph

__all__ = ["PEER_NAMES", "measure_speed", "picture_for", "prepare", "turns"]

PEER_NAMES: tuple[str, ...] = tuple(PEERS)
_SOURCES = Path(__file__).parents[2]


def measure_speed(
    names: Sequence[str] = ("tiny", "small"),
    peers: Sequence[str] = PEER_NAMES,
    size: tuple[int, int] = (640, 360),
    threads: int = 2,
    rounds: int = 10,
    frames: int = 20,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Time the luma networks `names` on a picture of `size` (width, height), uint8 in and out.

    peers: runtimes by their names in PEERS, and files that `pocketsr export` wrote of the one network in `names`, by
    their paths. rounds: turns of every runtime; frames: timed frames in a turn. progress: told what begins.
    Returns {"machine", "size", "threads", "fma_peak_gmacs", "rows", "absent"}. The peak is the median of all
    rounds. A row: {"model", "runtime", "precision", "median_ms", "p99_ms", "gmacs_per_s", "version",
    "settings", "tried"}, with multiply-adds counted as direct convolution would need them. "absent" names
    what could not take part: {"runtime", "reason"}, and "model" where it failed on that one only.
    Raises UserError for an unknown peer, model or file, a network that is not luma, or an impossible size.
    """
    _check(names, peers, size, threads)
    known = {name: _peer(name) for name in peers}
    absent = [{"runtime": name, "reason": why} for name, peer in known.items() if (why := peer.missing)]
    present = [name for name, peer in known.items() if not peer.missing]
    tell = progress or (lambda _: None)
    peak = FmaPeak(threads)
    peaks: list[float] = []
    rows: list[dict[str, Any]] = []
    for name in names:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            job, macs = prepare(name, size, threads, folder)
            precision = job["precision"]
            workers = []
            for runtime in ("pocketsr", *present):
                tell(f"{name}: {runtime} starts")
                file = {"file": str(Path(runtime).absolute())} if _is_file(runtime) else {}
                worker = stack.enter_context(_Worker({**job, "runtime": runtime, **file}))
                if worker.failed:
                    absent.append({"runtime": runtime, "model": name, "reason": worker.failed})
                else:
                    workers.append(worker)
            for number, turn in enumerate(turns(workers, rounds)):
                tell(f"{name}: round {number + 1} of {rounds}")
                peaks.append(peak.gmacs())
                for worker in turn:
                    worker.run(frames)
            rows += [_row(name, worker, precision, macs) for worker in workers]
    return {
        "machine": describe_machine(),
        "size": list(size),
        "threads": threads,
        "fma_peak_gmacs": round(statistics.median(peaks), 2),
        "rows": rows,
        "absent": absent,
    }


def turns(workers: Sequence[_Worker], rounds: int) -> Iterator[list[_Worker]]:
    """The order of the workers in each round; every round begins with the next one."""
    for number in range(rounds):
        first = number % len(workers) if workers else 0
        yield [*workers[first:], *workers[:first]]


def _is_file(peer: str) -> bool:
    return peer not in PEERS and Path(peer).suffix in FILES


def _peer(name: str) -> Peer:
    return FILES[Path(name).suffix] if _is_file(name) else PEERS[name]


def _check(names: Sequence[str], peers: Sequence[str], size: tuple[int, int], threads: int) -> None:
    for name in peers:
        if name not in PEERS and not _is_file(name):
            raise UserError(
                f"unknown peer '{harmless(name, 100)}': choose from {', '.join(PEERS)}, or name an exported file "
                f"({', '.join(FILES)})"
            )
    files = [name for name in peers if _is_file(name)]
    for name in files:
        for path in (Path(name), *([Path(name).with_suffix(".bin")] if name.endswith(".param") else [])):
            if not path.is_file():
                raise UserError(f"{harmless(path, 300)}: no such file")
    if files and len(names) != 1:
        raise UserError(f"{harmless(files[0], 300)} is of one network: name that alone, by -m")
    if min(size) < 1:
        raise UserError(f"a size of {size[0]}x{size[1]} is not possible")
    if threads < 1:
        raise UserError(f"{threads} threads: at least 1 is expected")


def prepare(name: str, size: tuple[int, int], threads: int, folder: Path) -> tuple[dict[str, Any], int]:
    """The job for all workers, with the picture and the right answer as files; and multiply-adds a frame."""
    from pocketsr.engine import read_network

    model = models.resolve(name).resolve()
    graph, info = read_network(model)
    if graph.channels != 1:
        raise UserError(f"{name}: bench speed measures luma networks; this one takes {graph.channels} channels")
    picture = picture_for(*size)
    np.save(folder / "picture.npy", picture)
    np.save(folder / "exact.npy", _exact(model, picture, graph.max_value))
    job = {
        "model": str(model),
        "threads": threads,
        "max_value": graph.max_value,
        "picture": str(folder / "picture.npy"),
        "exact": str(folder / "exact.npy"),
        "precision": _precision(graph),
    }
    return job, info.macs_per_pixel * size[0] * size[1]


def _precision(graph: Graph) -> str:
    """fp32, or the bits of weights and of what they multiply, of the most numerous convolutions: w8a8."""
    from pocketsr.engine.ir.graph import Conv

    found: Counter[str] = Counter()
    for op in graph.ops:
        if isinstance(op, Conv):
            whole, kind = op.integers, "fp32"
            if whole is not None:
                bits = next(bits for bits in (2, 4, 8) if abs(whole.weight.astype(int)).max() <= 2 ** (bits - 1))
                kind = f"w{bits}a{whole.top.bit_length()}"
            found[kind] += op.weight.size
    return found.most_common(1)[0][0] if found else "fp32"


def picture_for(width: int, height: int) -> NDArray[np.uint8]:
    """The luma of a photograph (a rocket on its pad; SpaceX, public domain), cut or continued mirrored."""
    with Image.open(Path(__file__).with_name("picture.webp"), formats=("WEBP",)) as image:
        plane = np.asarray(image.convert("L"))
    more = ((0, max(0, height - plane.shape[0])), (0, max(0, width - plane.shape[1])))
    return np.pad(plane, more, mode="symmetric")[:height, :width]


def _exact(model: Path, picture: NDArray[np.uint8], max_value: float) -> NDArray[np.float32]:
    """The output in levels, clipped, not rounded, by ONNX's own evaluator: no runtime judges itself."""
    from onnx.reference import ReferenceEvaluator

    proto, source = picture_of(model)
    plane = picture[None, None] * np.float32(max_value / 255)
    try:
        with np.errstate(all="ignore"):
            out: Any = ReferenceEvaluator(proto).run(None, {source.name: plane})
    except Exception as error:  # of every class; it doesn't know each operator of each opset
        first = harmless(next(iter(str(error).strip().splitlines()), ""), 200)
        raise UserError(
            f"{model}: no right answer to measure against: ONNX's own evaluator can't run it ({first})"
        ) from error
    levels: NDArray[np.float32] = np.clip(out[0][0, 0] * np.float32(255 / max_value), 0, 255)
    return levels


def _row(name: str, worker: _Worker, precision: str, macs: int) -> dict[str, Any]:
    median = statistics.median(worker.times)
    return {
        "model": name,
        "runtime": worker.runtime,
        "precision": precision,
        "median_ms": round(median, 4),
        "p99_ms": round(float(np.percentile(worker.times, 99)), 4),
        "gmacs_per_s": round(macs / median / 1e6, 2),
        **worker.chosen,
    }


class _Worker:
    """A runtime's process: stopped whenever it is not its turn (where the system can stop processes)."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.runtime: str = job["runtime"]
        self.times: list[float] = []
        self.failed: str | None = None
        self.chosen: dict[str, Any] = {}
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by __exit__)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pocketsr.bench.peers._worker", json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(_SOURCES), os.environ.get("PYTHONPATH", "")]),
            },
        )

    def __enter__(self) -> _Worker:
        try:
            self.chosen = self._answer()
            self.failed = self.chosen.get("failed")
            self._stop()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # ends a stopped process too
        self._process.communicate()
        self._log.close()

    def run(self, frames: int) -> None:
        """Run some frames and keep their times. Raises UserError if the process has died."""
        self._go_on()
        assert self._process.stdin is not None
        print(frames, file=self._process.stdin, flush=True)
        answer = self._answer()
        if "failed" in answer:
            raise UserError(f"{self.runtime} stopped in the middle of the run: {answer['failed']}")
        self.times += answer["ms"]
        self._stop()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        if line := self._process.stdout.readline():
            return dict(json.loads(line))
        self._log.seek(0)
        last = (self._log.read().strip().splitlines() or ["it said nothing"])[-1]
        return {"failed": f"the process ended with code {self._process.wait()}: {last}"}

    def _stop(self) -> None:
        if hasattr(os, "waitid") and self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def _go_on(self) -> None:
        if hasattr(os, "waitid"):
            self._process.send_signal(signal.SIGCONT)
