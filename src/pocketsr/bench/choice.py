"""Two networks by block on test sets: what it costs in decibels, what it spares in time, and what borders show.

Quality by the protocol of `bench.quality`. Time: each picture's luma as that protocol has it, in turns by the good
network alone and by both; sums over a set, since small pictures would count as much as large ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.adaptive import Adaptive
from pocketsr.bench.quality import mean_psnr_db, read_sample
from pocketsr.engine import Plane
from pocketsr.pixels import rgb_to_luma

__all__ = ["Row", "Steps", "measure_set", "steps_at_borders"]

_LEVEL = 257  # of 8 bits, in 16


@dataclass(frozen=True)
class Row:
    """Means over the images of a set; ms and cpu_ms are sums of medians.

    lost_db: what `good` alone has more. share: of the blocks, by `good`. ms_ratio, cpu_ratio: of both networks to the
    good one alone, by the clock and by processor time. border_levels: root mean square, in levels of 255, of the step
    that a change of network adds between neighbouring pixels; inside_levels: of what both differ by where `good` was
    taken.
    """

    set: str
    images: int
    cheap_db: float
    good_db: float
    psnr_db: float
    lost_db: float
    share: float
    good_ms: float
    ms_ratio: float
    cpu_ratio: float
    border_levels: float
    inside_levels: float


@dataclass(frozen=True)
class Steps:
    """Sums of squares, in squared levels, and how many: at borders between networks, and inside the good one's part."""

    border: float
    borders: int
    inside: float
    insides: int


def steps_at_borders(good: NDArray[Any], cheap: NDArray[Any], chosen: NDArray[np.bool_]) -> Steps:
    """Of the results of both networks, in levels, and which pixels of them the good one gave.

    Across a border one pixel is the good network's and its neighbour the cheap one's. Beside what the good one has
    there, the step is the difference of both networks at that neighbour.
    """
    apart = np.square(np.subtract(good, cheap, dtype=np.float64))
    total, count = 0.0, 0
    for difference, taken in ((apart, chosen), (apart.T, chosen.T)):
        above, below = taken[:-1], taken[1:]
        for border, there in ((above & ~below, difference[1:]), (below & ~above, difference[:-1])):
            total += float(there[border].sum())
            count += int(border.sum())
    return Steps(total, count, float(apart[chosen].sum()), int(chosen.sum()))


def measure_set(name: str, files: Sequence[Path], adaptive: Adaptive, rounds: int) -> Row:
    """The figures of a set; each picture is timed `rounds` times."""
    quality, shares, times, steps = [], [], [], []
    for path in files:
        sample = read_sample(name, path, adaptive.scale)
        nets = (adaptive.cheap, adaptive.good, adaptive)
        quality.append([mean_psnr_db(net, [sample]) for net in nets])
        y = np.rint(rgb_to_luma(sample.lr) * _LEVEL).astype(np.uint16)
        chosen = adaptive.choose(adaptive.measure(y))
        shares.append(float(chosen.mean()))
        times.append(_timed((adaptive.good, adaptive), y, rounds))
        good, cheap = (net(y) / _LEVEL for net in (adaptive.good, adaptive.cheap))
        pixels = np.repeat(np.repeat(chosen, 4 * adaptive.scale, 0), 8 * adaptive.scale, 1)
        steps.append(steps_at_borders(good, cheap, pixels[: good.shape[0], : good.shape[1]]))
    cheap_db, good_db, psnr_db = (float(np.mean(each)) for each in zip(*quality, strict=True))
    (good_ms, good_cpu), (ms, cpu) = np.sum(times, axis=0)
    return Row(
        name, len(files), cheap_db, good_db, psnr_db, good_db - psnr_db, float(np.mean(shares)),
        float(good_ms), float(ms / good_ms), float(cpu / good_cpu),
        _root(sum(each.border for each in steps), sum(each.borders for each in steps)),
        _root(sum(each.inside for each in steps), sum(each.insides for each in steps)),
    )  # fmt: skip


def _root(total: float, count: int) -> float:
    return float(np.sqrt(total / count)) if count else 0.0


def _timed(ways: Sequence[Callable[[Plane], Plane]], y: Plane, rounds: int) -> list[tuple[float, float]]:
    """Milliseconds of a picture in turns: median by the clock, mean of processor time."""
    taken: list[list[tuple[float, float]]] = [[] for _ in ways]
    for number in range(rounds + 1):  # the first isn't counted
        for way, own in zip(ways, taken, strict=True):
            begun, busy = perf_counter(), process_time()
            way(y)
            if number:
                own.append((perf_counter() - begun, process_time() - busy))
    return [(1e3 * median(clock for clock, _ in own), 1e3 * float(np.mean([busy for _, busy in own]))) for own in taken]
