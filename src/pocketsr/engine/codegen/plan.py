"""The schedule: the whole network runs in bands of a few rows, through rings of rows that stay in the cache.

Band k of a value at scale s covers its rows [BAND*s*k - delay, BAND*s*(k+1) - delay). The delay grows by the halo of
each convolution, so that every operation finds the rows below it already made; a ring keeps the rows that later
operations still read. Bands lie on a fixed grid of the frame, so the result can't depend on where strips are
cut: a strip merely starts some bands earlier, as software pipelines do (`prologue`), to fill its rings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple

from pocketsr.engine.codegen.method import (
    BAND,
    CHANNELS_A_WORD,
    DIRECT,
    Method,
    Storage,
    choose_method,
    choose_phases,
    dots,
)
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.ir.graph import (
    Classes,
    Combine,
    Conv,
    Graph,
    Op,
    Pad,
    Pointwise,
    Quantize,
    Ref,
    Shuffle,
    refs_of,
    window,
)

__all__ = ["Formats", "Plan", "Ring", "Step", "make_plan"]


class Ring(NamedTuple):
    """A ring buffer: the rows of a value that later steps still read."""

    value: int
    channels: int
    scale: int
    delay: int  # how many of its own rows its bands are behind the input's
    rows: int
    halo: int  # columns beyond the border that some step reads
    pad: Pad
    storage: Storage = Storage.FLOATS
    beyond: int = 0  # with Pad.ZERO: the number beyond the border
    tiled: bool = False  # read by Winograd along the columns: up to `halo` columns beyond the last tile, too

    @property
    def planes(self) -> int:
        return ceil(self.channels / CHANNELS_A_WORD) if self.storage is Storage.WORDS else self.channels


@dataclass(frozen=True)
class Formats:
    """How the values of a plan are stored and computed.

    storage: of each value. exact: products are rounded before they are summed, so that every machine gives the same
    bits.
    """

    storage: Mapping[int, Storage]
    exact: bool


@dataclass(frozen=True, eq=False)
class Step:
    """One operation in the schedule. `op` None: the input is read."""

    op: Op | None
    prologue: int  # bands before a strip's first one that it must make, to fill the rings of later steps
    method: Method = DIRECT


@dataclass(frozen=True, eq=False)
class Plan:
    graph: Graph
    target: Target
    rings: dict[int, Ring]
    steps: tuple[Step, ...]
    output: tuple[Ref, ...]  # planes before the last depth-to-space
    factor: int  # of that depth-to-space
    phases: int  # a row is kept as its columns 0, P, 2P ..., then 1, P + 1 ..., and so on

    @property
    def halo(self) -> int:
        """Columns of a phase kept free on both sides, a whole number of vectors."""
        lanes = self.target.lanes
        return lanes * max(1, *(ceil(ring.halo / lanes) for ring in self.rings.values()))

    @property
    def formats(self) -> Formats:
        exact = any(isinstance(step.op, Conv) and step.op.integers is not None for step in self.steps)
        return Formats({value: ring.storage for value, ring in self.rings.items()}, exact)

    @property
    def span(self) -> int:
        """The widest run of columns of one phase that one turn of an inner loop writes; no less in bytes."""
        return self.target.lanes * max(2, *(step.method.block.vectors for step in self.steps))


def _values(refs: Iterable[Ref]) -> set[int]:
    return {ref.value for ref in refs}


def _separate_edges(graph: Graph) -> Graph:
    """A value read with both kinds of border is copied: a ring has one kind."""
    kinds: dict[int, set[Pad]] = {}
    for op in graph.ops:
        if isinstance(op, Conv | Classes) and max(window(op)) > 1:
            for value in _values(op.inputs):
                kinds.setdefault(value, set()).add(op.pad)
    mixed = {value for value, found in kinds.items() if len(found) == 2}
    if not mixed:
        return graph
    ops: list[Op] = []
    copies: dict[int, int] = {}
    free = max((op.value for op in graph.ops), default=0) + 1
    widths = {0: graph.channels} | {op.value: op.channels for op in graph.ops}
    for op in graph.ops:
        if isinstance(op, Conv) and op.pad is Pad.EDGE and max(window(op)) > 1:
            for value in sorted(_values(op.inputs) & mixed - set(copies)):
                copies[value] = free
                planes = tuple(Ref(value, c) for c in range(widths[value]))
                ops.append(Pointwise(f"edges_of_{value}", free, planes))
                free += 1
            inputs = tuple(Ref(copies.get(ref.value, ref.value), ref.channel) for ref in op.inputs)
            op = replace(op, inputs=inputs)  # noqa: PLW2901
        ops.append(op)
    return graph.with_ops(ops)


def _separate_numbers(graph: Graph) -> Graph:
    """Integers that are shuffled, or the result, are copied: convolutions may keep theirs as words."""
    numbers = {
        op.value: op
        for op in graph.ops
        if isinstance(op, Conv | Pointwise) and op.stages and isinstance(op.stages[-1], Quantize)
    }
    moved = [graph.output, *(op.inputs for op in graph.ops if isinstance(op, Shuffle))]
    if not any(ref.value in numbers for refs in moved for ref in refs):
        return graph
    copies: dict[int, Pointwise] = {}
    free = max(op.value for op in graph.ops) + 1

    def copied(refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
        nonlocal free
        out = []
        for ref in refs:
            if op := numbers.get(ref.value):
                if ref.value not in copies:
                    planes = tuple(Ref(ref.value, c) for c in range(op.channels))
                    copies[ref.value] = Pointwise(f"copy_of_{ref.value}", free, planes)
                    free += 1
                ref = Ref(copies[ref.value].value, ref.channel)  # noqa: PLW2901
            out.append(ref)
        return tuple(out)

    ops = [replace(op, inputs=copied(op.inputs)) if isinstance(op, Shuffle) else op for op in graph.ops]
    output = copied(graph.output)
    placed = [each for op in ops for each in (op, copies.get(op.value)) if each is not None]
    return replace(graph, ops=tuple(placed), output=output)


def _halos(op: Op, operands: set[int]) -> dict[int, int]:
    """For each value that `op` reads: how many rows above and below its own it needs. operands: those of its inputs."""
    read = dict.fromkeys(operands, window(op)[0] // 2)
    if isinstance(op, Conv) and op.chosen:
        read.setdefault(op.chosen.classes.value, 0)
    if not isinstance(op, Shuffle):
        for stage in op.stages:
            if isinstance(stage, Combine):
                for value in _values(stage.other):
                    read.setdefault(value, 0)
    return read


def _agree(steps: list[Step], target: Target) -> tuple[list[Step], dict[int, Storage]]:
    """A value is stored in one way: where its readers differ, sums give way to dot products."""

    def wanted(way: Storage, among: list[Step]) -> set[int]:
        reading = [step.op for step in among if step.op and step.method.reads is way]
        return {ref.value for op in reading for ref in op.inputs}

    words = wanted(Storage.WORDS, steps)
    while conflicts := words & wanted(Storage.BYTES, steps):
        for index, step in enumerate(steps):
            if isinstance(step.op, Conv) and step.method.reads is Storage.BYTES:
                values = _values(step.op.inputs)
                if values & conflicts:
                    steps[index] = replace(step, method=dots(step.op, step.method.block.vectors, target))
                    words |= values
    return steps, dict.fromkeys(words, Storage.WORDS) | dict.fromkeys(wanted(Storage.BYTES, steps), Storage.BYTES)


def make_plan(graph: Graph, target: Target) -> Plan:
    """Schedule `graph` (simplified) for `target`.

    Fast enough to plan thousands of candidates (`design.rank`): each step's planes are gone through a few times, and
    what a convolution's shape decides is calculated once a shape.
    """
    graph = _separate_numbers(_separate_edges(graph))
    scales = graph.scales()
    ops, output, factor = _without_last_shuffle(graph)
    operands = [_values(op.inputs) for op in ops]
    halos = [_halos(op, values) for op, values in zip(ops, operands, strict=True)]

    delays = {0: 0}
    for op, read in zip(ops, halos, strict=True):
        delay = max([delays[value] + halo for value, halo in read.items()])
        delays[op.value] = delay * op.factor if isinstance(op, Shuffle) else delay
    end = max([delays[ref.value] for ref in output])

    # Who reads a value: (operation, its delay in rows of the value, rows above and below that it reads).
    readers: dict[int, list[tuple[Op | None, int, int]]] = {value: [] for value in delays}
    for op, read in zip(ops, halos, strict=True):
        own = delays[op.value] // op.factor if isinstance(op, Shuffle) else delays[op.value]
        for value, halo in read.items():
            readers[value].append((op, own, halo))
    for value in _values(output):
        readers[value].append((None, end, 0))

    prologues: dict[Op | None, int] = {None: 0}
    makers: dict[int, Op | None] = {0: None} | {op.value: op for op in ops}
    prologue_of: dict[int, int] = {}
    for value, maker in reversed(makers.items()):
        unit = BAND * scales[value]
        needs = [prologues[op] + (delay + halo - delays[value]) / unit for op, delay, halo in readers[value]]
        prologue_of[value] = max(0, ceil(max(needs)))
        if maker:
            prologues[maker] = prologue_of[value]

    phases = choose_phases([op for op in ops if isinstance(op, Conv)])
    steps = [Step(None, prologue_of[0])]
    for op in ops:
        if isinstance(op, Conv):
            steps.append(Step(op, prologues[op], choose_method(op, scales[op.value], phases, target)))
        else:
            steps.append(Step(op, prologues[op]))
    steps, storage = _agree(steps, target)

    windows: dict[int, list[Conv | Classes]] = {}  # what reads a value's neighbours
    tiled: set[int] = set()
    for step, values in zip(steps[1:], operands, strict=True):
        if isinstance(step.op, Conv | Classes):
            for value in values:
                windows.setdefault(value, []).append(step.op)
                if step.method.columns:
                    tiled.add(value)
    rings = {}
    for value, maker in makers.items():
        depth = max([delay + halo for _, delay, halo in readers[value]]) - delays[value] + BAND * scales[value]
        halo, pad, beyond = 0, Pad.ZERO, 0
        if looking := windows.get(value):
            halo = max([window(op)[1] // 2 for op in looking])
            pad = next((op.pad for op in looking if max(window(op)) > 1), Pad.ZERO)
            beyond = next((op.integers.zero for op in looking if isinstance(op, Conv) and op.integers), 0)
        channels = maker.channels if maker else graph.channels
        stored = storage.get(value, Storage.FLOATS)
        rings[value] = Ring(
            value, channels, scales[value], delays[value], depth, halo, pad, stored, beyond, value in tiled
        )  # fmt: skip
    return Plan(graph, target, rings, tuple(steps), output, factor, phases)


def _without_last_shuffle(graph: Graph) -> tuple[tuple[Op, ...], tuple[Ref, ...], int]:
    """Operations, the planes that are written and the factor of a shuffle that is done while they are: 1 without."""
    last = next((op for op in graph.ops if op.value == graph.output[0].value), None)
    if not isinstance(last, Shuffle) or _values(graph.output) != {last.value}:
        return graph.ops, graph.output, 1
    others = tuple([op for op in graph.ops if op is not last])
    if graph.ops[-1] is not last and any(  # what comes last has no reader
        last.value in _values(refs_of(op)) for op in others
    ):
        return graph.ops, graph.output, 1
    area = last.factor**2
    planes = tuple(r for o in graph.output for r in last.inputs[o.channel * area : (o.channel + 1) * area])
    return others, planes, last.factor
