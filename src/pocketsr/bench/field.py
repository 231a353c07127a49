"""The comparison with published networks: all with weights, on the same images, counted and timed the same way.

A table grows in its JSON file, a figure at a time, and is kept after each: an interrupted run goes on where it was, and
figures of the same weights on the same images are not measured again. Times are a step of their own, to be repeated
when the machine is quiet.
"""

from __future__ import annotations

import contextlib
import hashlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from pocketsr.bench.contenders import Contender, Paper
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.quality import Sample, calibration, mean_quality, read_sample
from pocketsr.bench.table import Figures, Network, Table
from pocketsr.engine import Plane, Upscaler
from pocketsr.errors import UserError
from pocketsr.pixels import rgb_to_luma

__all__ = ["THREADS", "Field", "frame_ms"]

THREADS = 2
"""That frames are timed on, as in `bench speed`."""

_SIZE = (640, 360)  # width and height of a timed frame, LR
_FRAMES, _LEAST_FRAMES, _SECONDS = 30, 3, 4.0  # at most, at least, and about how long a network is timed
_SLOW_S = 8.0  # frames that take longer are timed once, after one to warm up
_MOST_GMACS = 2000.0  # what takes minutes a frame isn't timed: DRCN

Keep = Callable[[Table], None]
Step = Callable[[str, int], None]
"""Told what begins, and how many images it has."""


class Field:
    """A table that is filled.

    old: what was measured before. keep: called with the table after each figure. Networks that were measured before
    and aren't at hand now keep their row.
    """

    def __init__(
        self, found: Sequence[Contender], papers: Sequence[Paper], sets: Mapping[str, Sequence[Path]],
        old: Table | None, keep: Keep,
    ) -> None:  # fmt: skip
        self._sets, self._keep = sets, keep
        self._samples: dict[str, list[Sample]] = {}
        digests = {name: _digest(files) for name, files in sets.items()}
        old = old or Table(describe_machine(), ())
        stale = {name for name, digest in digests.items() if old.images.get(name, digest) != digest}
        before = {row.model: row for row in old.rows if row.origin != "published"}
        self._found = {each.model: each for each in found}
        rows = {each.model: _started(each, before.get(each.model), stale) for each in found}
        rows = {model: row for model, row in before.items() if model not in rows} | rows
        self._papers = papers
        old_papers = {row.model: row for row in old.rows if row.origin == "published"}
        self._unmeasured: dict[str, Network] = {}
        for paper in papers:
            if paper.model not in rows:
                fresh = Network(paper.model, "published", None, None, None, {})
                self._unmeasured[paper.model] = old_papers.get(paper.model) or _counted(fresh, paper.network)
        self._rows, self._machine, self._images = rows, old.machine, old.images | digests

    @property
    def table(self) -> Table:
        """Cheap networks first; what papers say of one, before what was measured of it."""
        rows = [row for row in self._rows.values() if row.sets]
        for paper in self._papers:
            cost = self._rows.get(paper.model) or self._unmeasured[paper.model]
            said = replace(cost, model=paper.model, origin="published", sets=paper.sets, source=paper.source)
            rows.append(replace(said, sha256=None, program=None))
        rows.sort(key=lambda row: (row.gmacs or 0, row.params or 0, row.model, row.origin != "published"))
        return Table(self._machine, tuple(rows), self._images)

    @property
    def lacking(self) -> list[tuple[str, list[str]]]:
        """What is still to be measured: networks, cheap ones first, each with the sets that it lacks."""
        rows = sorted((self._rows[model] for model in self._found), key=lambda row: row.gmacs or 0)
        lacking = [(row.model, [name for name in self._sets if name not in row.sets]) for row in rows]
        return [(model, names) for model, names in lacking if names]

    def measure(self, step: Step) -> None:
        """PSNR and SSIM of all that is lacking, one network after the other."""
        for model, names in self.lacking:
            net = None if model == "bicubic" else self._found[model].open(None)
            for name in names:
                step(f"{model}, {name}", len(self._sets[name]))
                samples = self._read(name)
                quality = calibration(samples) if net is None else mean_quality(net, samples)
                row = self._rows[model]
                figures = Figures(round(quality.psnr_db, 4), round(quality.ssim, 5))
                order = [*self._sets, *row.sets]
                known = row.sets | {name: figures}
                sets = {key: known[key] for key in dict.fromkeys(order) if key in known}
                self._rows[model] = replace(row, sets=sets)
                self._keep(self.table)

    def time(self, step: Step, anew: bool) -> None:
        """Milliseconds a frame of each network that lacks them; of all where `anew`, or on another machine."""
        machine = describe_machine()
        if anew or self._machine != machine:
            self._machine = machine
            for rows in (self._rows, self._unmeasured):
                rows |= {model: replace(row, ms=None, runtime=None) for model, row in rows.items()}
        for model, (contender, row) in self._timed().items():
            if row.runtime is not None:
                continue
            step(f"{model}, time", 0)
            net = contender.open(THREADS)
            ms: float | None = None
            with contextlib.suppress(UserError):  # of a network that would take too much memory
                ms = round(frame_ms(net), 3)
            done = replace(row, ms=ms, runtime=getattr(net, "runtime", "pocketsr"))
            (self._rows if model in self._rows else self._unmeasured)[model] = done
            self._keep(self.table)

    def _timed(self) -> dict[str, tuple[Contender, Network]]:
        papers = {paper.model: (paper.network, self._unmeasured[paper.model]) for paper in self._papers
                  if paper.model in self._unmeasured}  # fmt: skip
        found = {model: (contender, self._rows[model]) for model, contender in self._found.items()}
        return {model: pair for model, pair in (found | papers).items() if (pair[1].gmacs or 0) < _MOST_GMACS}

    def _read(self, name: str) -> list[Sample]:
        """All of a set, kept: reading and shrinking takes longer than a small network."""
        if name not in self._samples:
            self._samples[name] = [read_sample(name, file) for file in self._sets[name]]
        return self._samples[name]


def _started(contender: Contender, old: Network | None, stale: set[str]) -> Network:
    """The row of a network, with the figures of before where its weights and the images are the same.

    With other weights in the same graph it keeps its time.
    """
    if old is None or old.sha256 != contender.sha256:
        row = _counted(Network(contender.model, contender.origin, None, None, None, {}), contender)
        row = replace(row, sha256=contender.sha256, source=contender.source, program=contender.program)
        if old is not None and old.program is not None and old.program == contender.program:
            row = replace(row, ms=old.ms, runtime=old.runtime)
        return row
    sets = {name: figures for name, figures in old.sets.items() if name not in stale}
    return replace(old, origin=contender.origin, source=contender.source, program=contender.program, sets=sets)


def _counted(row: Network, contender: Contender) -> Network:
    costs = contender.counted()
    return replace(row, params=costs.params, gmacs=round(costs.gmacs, 4))


def _digest(files: Sequence[Path]) -> str:
    """Of names and contents."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def frame_ms(net: Upscaler) -> float:
    """The median time of a frame of 640x360, uint8 in and out; of as many as take a few seconds.

    Raises UserError where the network can't run on it.
    """
    frame = _frame()
    times = []
    for seconds in _timings(net, frame if net.channels == 3 else _luma(frame)):
        times.append(seconds)
        slow = times[0] > _SLOW_S
        if len(times) > (1 if slow else _LEAST_FRAMES) and (slow or sum(times) > _SECONDS or len(times) > _FRAMES):
            break
    return 1000 * statistics.median(times[1:])  # the first one warms up


def _timings(net: Upscaler, frame: Plane) -> Iterator[float]:
    while True:
        begin = time.perf_counter()
        net(frame)
        yield time.perf_counter() - begin


def _frame() -> Plane:
    with Image.open(Path(__file__).with_name("picture.webp"), formats=("WEBP",)) as picture:
        return np.asarray(picture.convert("RGB").resize(_SIZE))


def _luma(rgb: Plane) -> Plane:
    luma: Plane = np.rint(rgb_to_luma(rgb)).astype(np.uint8)
    return luma
