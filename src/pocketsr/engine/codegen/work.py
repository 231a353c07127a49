"""How much work a plan is, step by step and thread by thread: the door through which `design` sees what is emitted.

What a step costs is counted beside what emits it: `work_conv` beside `emit_conv`, `emit_depthwise`, `emit_dot` and
`emit_winograd`, `work_integers` beside `emit_integers` and `emit_sums`, `work_chosen` beside `emit_chosen` and
`emit_chosen_words`; reading, writing and pointwise steps (`emit_planes`, `emit_pointwise`) are counted here.
A profile of a device (`design.profile`) says how long each kind of work takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil, log2
from typing import NamedTuple

import numpy as np

from pocketsr.engine.codegen.emit_integers import count_words
from pocketsr.engine.codegen.method import BAND, Storage
from pocketsr.engine.codegen.plan import Plan, Ring, Step, make_plan
from pocketsr.engine.codegen.target import Target, host_target
from pocketsr.engine.codegen.work_chosen import CLASS_BYTES, add_chosen, weight_bytes_of_chosen
from pocketsr.engine.codegen.work_conv import add_floats, beyond, weight_bytes_of_floats
from pocketsr.engine.codegen.work_integers import (
    add_integers,
    add_stored,
    additions_of,
    compares,
    weight_bytes_of_integers,
)
from pocketsr.engine.codegen.work_kinds import WORK, Add, Counts, Shape, stored_bytes
from pocketsr.engine.ir.graph import Classes, Combine, Conv, PointwiseStage, Prelu, Shuffle

__all__ = [
    "WORK",
    "Counts",
    "Schedule",
    "Shape",
    "Target",
    "Timed",
    "beyond",
    "host_target",
    "make_plan",
    "schedule_of",
    "shape_of",
    "work_of_row",
]

_AT = {name: index for index, name in enumerate(WORK)}
_INSTRUCTIONS = {"prelu": 2, "relu": 1, "affine": 2, "clip": 2, "quantize": 6}


class Timed(NamedTuple):
    """A step that runs `times` over. delay, prologue: as in the plan's `Ring` and `Step`."""

    shape: Shape
    delay: int
    prologue: int
    times: int = 1


@dataclass(frozen=True)
class Schedule:
    """ring_bytes: of all rows that are alive, a pixel of the input's width. weights: bytes that convolutions read."""

    steps: tuple[Timed, ...]
    phases: int
    target: Target
    ring_bytes: int
    weights: int

    @property
    def scale(self) -> int:
        """Of the result."""
        end = self.steps[-1].shape
        return end.scale * end.factor

    def live_bytes(self, width: int) -> int:
        """What a thread goes through in each band of a frame `width` pixels wide: rows kept, and weights."""
        return self.ring_bytes * width + self.weights

    def strips(self, height: int, threads: int) -> list[tuple[int, int]]:
        """The bands [first, last) of each thread, as the runtime cuts them."""
        end = self.steps[-1]
        bands = (end.shape.scale * height - 1 + end.delay) // (BAND * end.shape.scale) + 1
        count = min(threads, bands)
        return [(bands * i // count, bands * (i + 1) // count) for i in range(count)]

    def rows(self, step: Timed, strip: tuple[int, int], height: int) -> int:
        """The rows of the frame that `step` makes for `strip`; what lies beyond the frame is passed over."""
        unit, extent = BAND * step.shape.scale, step.shape.scale * height
        first = unit * (strip[0] - step.prologue) - step.delay
        last = unit * strip[1] - step.delay
        return max(0, (last if last < extent else extent) - (first if first > 0 else 0))


def schedule_of(plan: Plan) -> Schedule:
    """Which rows each step makes in each thread's strip, and how much work each is."""
    counted: dict[Timed, int] = {}
    ring_bytes = 0
    storage = {}
    for value, ring in plan.rings.items():
        storage[value] = ring.storage
        ring_bytes += ring.rows * ring.scale * stored_bytes(ring.channels, ring.storage)
    for step in plan.steps:
        ring = plan.rings[step.op.value if step.op else 0]
        timed = Timed(shape_of(step, ring, storage), ring.delay, step.prologue)
        counted[timed] = counted.get(timed, 0) + 1
    steps = [Timed(*step[:3], times) for step, times in counted.items()]
    written = [plan.rings[ref.value] for ref in plan.output]
    outputs = len(plan.output) // plan.factor**2
    write = Shape("write", len(plan.output), outputs, scale=written[0].scale, factor=plan.factor)
    steps.append(Timed(write, max([ring.delay for ring in written]), 0))
    weights = sum(step.times * weight_bytes(step.shape, plan.target) for step in steps)
    return Schedule(tuple(steps), plan.phases, plan.target, ring_bytes, weights)


def shape_of(step: Step, ring: Ring, storage: Mapping[int, Storage]) -> Shape:
    """The shape of `step`, whose result `ring` holds. storage: of each value."""
    op, border = step.op, ring.halo > 0
    if op is None:
        return Shape("read", ring.channels, ring.channels, border=border)
    inputs, outputs = len(op.inputs), ring.channels
    if isinstance(op, Shuffle):
        return Shape("shuffle", inputs, outputs, scale=ring.scale, factor=op.factor, border=border)
    if isinstance(op, Classes):
        return Shape("classes", inputs, outputs, scale=ring.scale, border=border)
    stages = tuple([name for stage in op.stages for name in _stage_names(stage, storage)])
    if not isinstance(op, Conv):
        return Shape(
            "pointwise", inputs, outputs, stages=stages, scale=ring.scale, border=border, storage=ring.storage
        )  # fmt: skip
    return Shape(
        "conv",
        inputs,
        outputs,
        (op.weight.shape[2], op.weight.shape[3]),
        op.groups,
        stages,
        ring.scale,
        border=border,
        method=step.method,
        top=op.integers.top if op.integers else 0,
        storage=ring.storage,
        words=count_words(op.inputs) if step.method.reads is Storage.WORDS else 0,
        additions=additions_of(op, step.method),
        classes=len(op.chosen.weight) if op.chosen else 0,
    )


def _stage_names(stage: PointwiseStage, storage: Mapping[int, Storage]) -> tuple[str, ...]:
    if isinstance(stage, Prelu):
        return ("prelu",) if stage.slope.any() else ("relu",)
    if isinstance(stage, Combine):
        if storage[stage.other[0].value] is not Storage.FLOATS:
            return ("numbers",)
        return ("combine", "dequantize") if stage.numbers else ("combine",)
    return (type(stage).__name__.lower(),)


@cache
def weight_bytes(shape: Shape, target: Target) -> int:
    """Of the step's weights as its inner loops read them."""
    if shape.kind != "conv":
        return 0
    if shape.classes:
        return weight_bytes_of_chosen(shape, target)
    floats = shape.method.reads is Storage.FLOATS
    return weight_bytes_of_floats(shape) if floats else weight_bytes_of_integers(shape, target)


@cache
def work_of_row(shape: Shape, phases: int, target: Target, width: int) -> Counts:
    """The work of one row of the step's result in a frame `width` pixels wide. Read-only, since it is cached."""
    counts = np.zeros(len(WORK))
    columns = ceil(shape.scale * width / phases)

    def add(name: str, times: float) -> None:
        counts[_AT[name]] += times

    vectors = ceil(columns / target.lanes) * phases
    match shape.kind:
        case "read":
            add("samples", shape.inputs * vectors * (1 + log2(phases)))
        case "write":
            count = phases * shape.factor
            if count & (count - 1):
                add("scattered", shape.inputs * vectors * target.lanes)
                add("samples", shape.inputs * vectors)
            else:
                add("samples", shape.inputs * vectors * (1 + log2(count)))
            add("table", shape.inputs)
        case "pointwise":
            add_stored(add, shape, shape.outputs * vectors)
            _add_stages(add, shape, shape.outputs * vectors)
            add("table", 2 * shape.outputs)
        case "shuffle":
            add("scattered", shape.outputs * shape.scale * width)
        case "classes":
            add("classes", vectors)
        case "conv":
            if shape.classes:
                stored = add_chosen(add, shape, phases, target, columns)
            elif shape.method.reads is Storage.FLOATS:
                stored = add_floats(add, shape, phases, target, columns)
            else:
                stored = add_integers(add, shape, target, columns)
            add_stored(add, shape, stored)
            if not compares(shape):
                _add_stages(add, shape, stored)
    if shape.border:
        add("border", shape.outputs)
    if shape.kind != "write":
        read = stored_bytes(shape.inputs, shape.method.reads, shape.words)
        made = stored_bytes(shape.outputs, shape.storage)
        add("far", shape.scale * width * (read + made + (CLASS_BYTES if shape.classes else 0)))
    counts.flags.writeable = False
    return counts


def _add_stages(add: Add, shape: Shape, vectors: float) -> None:
    for stage in shape.stages:
        match stage:
            case "combine":
                add("other", vectors)
            case "function" | "numbers":
                add(stage, vectors)
            case "quantize" if shape.storage is not Storage.FLOATS:
                pass  # done while results are packed
            case _:
                add("point", _INSTRUCTIONS.get(stage, 1) * vectors)
