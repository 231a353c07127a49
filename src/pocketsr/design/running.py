"""Graphs compiled for this machine and timed, many of them side by side."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pocketsr.bench.speed import picture_for
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.plan import Plan
from pocketsr.engine.codegen.work import host_target, make_plan
from pocketsr.engine.info import ModelInfo
from pocketsr.engine.ir.graph import Graph
from pocketsr.engine.runtime.build import build_library, library_suffix
from pocketsr.engine.runtime.network import Network
from pocketsr.pixels import imresize

__all__ = ["compiled", "fastest_ms"]

_COMPILERS = 2  # at once
_GRACE_S = 15  # for those that run when the time is up: on a busy machine one alone may take a minute
_FRAMES, _LEAST = 2, 5  # frames a turn, turns
_PHOTOGRAPH = (640, 360)  # width, height
_REST_S = 0.002  # before each frame: whoever has rested is let run at once on a busy machine


def _picture(channels: int, width: int, height: int) -> NDArray[np.uint8]:
    """What is upscaled. Luma is a photograph at half its size, continued mirrored: classes of structure change from
    pixel to pixel as in other pictures (16 of them: 3.2 among 8 neighbours, 4.8 among 16), in noise more often."""
    if channels > 1:
        return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
    half = imresize(picture_for(*_PHOTOGRAPH), 0.5)
    more = ((0, max(0, height - half.shape[0])), (0, max(0, width - half.shape[1])))
    return np.ascontiguousarray(np.pad(half, more, mode="symmetric")[:height, :width])


@contextmanager
def compiled(
    graphs: Sequence[Graph],
    threads: int,
    tell: Callable[[int], None] = lambda _: None,
    until: float = math.inf,
    fewest: int = 0,
) -> Iterator[list[tuple[Network, Plan]]]:
    """Each graph as a network that runs on `threads`, with its plan; `tell` hears how many are done.

    until: when `time.perf_counter` has come there, those that are done must do, if they are `fewest` or more: the
    result is then that of the first graphs alone.
    """
    target = host_target()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:  # Windows keeps a loaded library

        def build(number: int) -> tuple[Network, Plan]:
            graph = graphs[number]
            folder = Path(scratch) / str(number)
            folder.mkdir()
            plan = make_plan(graph, target)
            library = folder / f"{graph.name}{library_suffix(target)}"
            build_library(emit(plan), library, target)
            return Network(library, ModelInfo.of_graph(graph), threads), plan

        pool = ThreadPoolExecutor(_COMPILERS)
        try:
            jobs = [pool.submit(build, number) for number in range(len(graphs))]
            made: list[tuple[Network, Plan]] = []
            for job in jobs:
                left = max(0.0, until - time.perf_counter())
                try:
                    made.append(job.result(None if len(made) < fewest or math.isinf(left) else left))
                except TimeoutError:
                    pool.shutdown(wait=False, cancel_futures=True)
                    wait([job for job in jobs if not job.cancelled()], _GRACE_S)  # what runs disturbs the timing
                    break
                tell(len(made))
            yield made
        finally:
            pool.shutdown(cancel_futures=True)


def fastest_ms(
    networks: Sequence[Network],
    size: tuple[int, int],
    seconds: float,
    busy: bool = False,
    tell: Callable[[int, int], None] = lambda *_: None,
    until: float = math.inf,
) -> list[float]:
    """Of each network, the median over the fastest third of its frames of `size` (width, height), uint8 in and out.

    The networks take turns for about `seconds`, so that a disturbance meets all alike; each gets `_LEAST` turns, or one
    where `time.perf_counter` comes to `until` before.
    busy: other programs run beside, so the processor time of all threads is taken, shared among them.
    `tell` hears how many seconds have gone, and of how many.
    """
    pictures = {channels: _picture(channels, *size) for channels in {network.channels for network in networks}}
    results = {(n.channels, n.scale): n(pictures[n.channels]) for n in networks}
    times: list[list[float]] = [[] for _ in networks]
    clock = time.process_time if busy else time.perf_counter
    began = time.perf_counter()
    turns = 0
    while turns < _LEAST or time.perf_counter() - began < seconds:
        turns += 1
        for network, found in zip(networks, times, strict=True):
            if turns > 1 and time.perf_counter() > until:
                seconds, turns = 0, _LEAST
                break
            picture, out = pictures[network.channels], results[network.channels, network.scale]
            network(picture, out=out)  # its own data into the caches
            for _ in range(_FRAMES):
                time.sleep(_REST_S)
                start = clock()
                network(picture, out=out)
                found.append(1000 * (clock() - start) / (network.threads if busy else 1))
            tell(min(round(time.perf_counter() - began), round(seconds)), round(seconds))
    return [float(np.median(sorted(found)[: max(1, len(found) // 3)])) for found in times]
