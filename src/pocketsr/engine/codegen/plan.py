"""The schedule: the whole network runs in bands of a few rows, through rings of rows that stay in the cache.

Band k of a value at scale s covers its rows [BAND*s*k - delay, BAND*s*(k+1) - delay). The delay grows by the halo of
each convolution, so that every operation finds the rows below it already made; a ring keeps the rows that later
operations still read. Bands lie on a fixed grid of the frame, so the result can't depend on where strips are
cut: a strip merely starts some bands earlier, as software pipelines do (`prologue`), to fill its rings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from pocketsr.engine.codegen.method import (
    BAND,
    CHANNELS_A_WORD,
    Block,
    Method,
    Storage,
    choose_method,
    choose_phases,
    dots,
)
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.ir.graph import Classes, Conv, Graph, Op, Pad, Pointwise, Quantize, Ref, Shuffle, refs_of, window

__all__ = ["Formats", "Plan", "Ring", "Step", "make_plan"]


_PLAIN = Method(Block(1, 1))


@dataclass(frozen=True)
class Ring:
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
    method: Method = _PLAIN


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


def _separate_edges(graph: Graph) -> Graph:
    """A value read with both kinds of border is copied: a ring has one kind."""
    kinds: dict[int, set[Pad]] = {}
    for op in graph.ops:
        if isinstance(op, Conv | Classes) and max(window(op)) > 1:
            for ref in op.inputs:
                kinds.setdefault(ref.value, set()).add(op.pad)
    mixed = {value for value, found in kinds.items() if len(found) == 2}
    ops: list[Op] = []
    copies: dict[int, int] = {}
    free = max((op.value for op in graph.ops), default=0) + 1
    widths = {0: graph.channels} | {op.value: op.channels for op in graph.ops}
    for op in graph.ops:
        if isinstance(op, Conv) and op.pad is Pad.EDGE and max(window(op)) > 1:
            for value in sorted({ref.value for ref in op.inputs} & mixed - set(copies)):
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
    made = {op.value: op for op in graph.ops}
    copies: dict[int, Pointwise] = {}
    free = max(made, default=0) + 1

    def copied(refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
        nonlocal free
        out = []
        for ref in refs:
            op = made.get(ref.value)
            if isinstance(op, Conv | Pointwise) and op.stages and isinstance(op.stages[-1], Quantize):
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


def _halos(op: Op) -> dict[int, int]:
    """By each value that `op` reads, the rows above and below its own that it looks at."""
    own = window(op)[0] // 2
    return {ref.value: 0 for ref in refs_of(op)} | {ref.value: own for ref in op.inputs}


def _agree(steps: list[Step], target: Target) -> tuple[list[Step], dict[int, Storage]]:
    """A value is stored in one way: where its readers differ, sums give way to dot products."""

    def wanted(way: Storage, among: list[Step]) -> set[int]:
        return {ref.value for step in among if step.op and step.method.reads is way for ref in step.op.inputs}

    words = wanted(Storage.WORDS, steps)
    while conflicts := words & wanted(Storage.BYTES, steps):
        for index, step in enumerate(steps):
            if isinstance(step.op, Conv) and step.method.reads is Storage.BYTES:
                values = {ref.value for ref in step.op.inputs}
                if values & conflicts:
                    steps[index] = replace(step, method=dots(step.op, step.method.block.vectors, target))
                    words |= values
    return steps, dict.fromkeys(words, Storage.WORDS) | dict.fromkeys(wanted(Storage.BYTES, steps), Storage.BYTES)


def make_plan(graph: Graph, target: Target) -> Plan:
    """Schedule `graph` (simplified) for `target`."""
    graph = _separate_numbers(_separate_edges(graph))
    scales = graph.scales()
    last = next((op for op in graph.ops if op.value == graph.output[0].value), None)
    shuffled = isinstance(last, Shuffle) and all(ref.value == last.value for ref in graph.output)
    users = [op for op in graph.ops if last is not None and any(ref.value == last.value for ref in refs_of(op))]
    ops, output, factor = graph.ops, graph.output, 1
    if shuffled and isinstance(last, Shuffle) and not users:  # done while the result is written
        area = last.factor**2
        output = tuple(r for o in graph.output for r in last.inputs[o.channel * area : (o.channel + 1) * area])
        ops, factor = tuple(op for op in ops if op is not last), last.factor

    delays = {0: 0}
    for op in ops:
        delay = max(delays[value] + halo for value, halo in _halos(op).items())
        delays[op.value] = delay * op.factor if isinstance(op, Shuffle) else delay
    end = max(delays[ref.value] for ref in output)

    # Who reads a value: (operation, its delay in rows of the value, rows above and below that it reads).
    readers: dict[int, list[tuple[Op | None, int, int]]] = {value: [] for value in delays}
    for op in ops:
        own = delays[op.value] // op.factor if isinstance(op, Shuffle) else delays[op.value]
        for value, halo in _halos(op).items():
            readers[value].append((op, own, halo))
    for ref in output:
        readers[ref.value].append((None, end, 0))

    prologues: dict[Op | None, int] = {None: 0}
    values = [0, *(op.value for op in ops)]
    makers = {op.value: op for op in ops}
    prologue_of: dict[int, int] = {}
    for value in reversed(values):
        unit = BAND * scales[value]
        needs = [prologues[op] + (delay + halo - delays[value]) / unit for op, delay, halo in readers[value]]
        prologue_of[value] = max(0, ceil(max(needs)))
        if value:
            prologues[makers[value]] = prologue_of[value]

    phases = choose_phases([op for op in ops if isinstance(op, Conv)])
    steps = [Step(None, prologue_of[0])]
    for op in ops:
        if isinstance(op, Conv):
            steps.append(Step(op, prologues[op], choose_method(op, scales[op.value], phases, target)))
        else:
            steps.append(Step(op, prologues[op]))
    steps, storage = _agree(steps, target)

    rings = {}
    for value in values:
        depth = max(delay + halo - delays[value] for _, delay, halo in readers[value]) + BAND * scales[value]
        looking = [op for op, _, _ in readers[value] if isinstance(op, Conv | Classes)]
        wide = [op for op in looking if any(ref.value == value for ref in op.inputs)]
        halo = max((window(op)[1] // 2 for op in wide), default=0)
        pad = next((op.pad for op in wide if max(window(op)) > 1), Pad.ZERO)
        channels = graph.channels if value == 0 else makers[value].channels
        beyond = next((op.integers.zero for op in wide if isinstance(op, Conv) and op.integers), 0)
        stored = storage.get(value, Storage.FLOATS)
        tiled = any(step.op in wide and step.method.columns for step in steps)
        rings[value] = Ring(value, channels, scales[value], delays[value], depth, halo, pad, stored, beyond, tiled)
    return Plan(graph, target, rings, tuple(steps), output, factor, phases)
