"""Which rows each step makes in each thread's strip: from the engine's plan, or straight from a chain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from pocketsr.design.chain import Act, Anchor, Chain
from pocketsr.design.work import Shape, conv_phases, shape_of, weight_bytes
from pocketsr.engine.method import BAND
from pocketsr.engine.plan import Plan
from pocketsr.engine.resample import cubic_taps
from pocketsr.engine.target import Target

__all__ = ["Schedule", "Timed", "of_chain", "of_plan"]

_FLOAT_BYTES = 4
_PARTED = 4  # channels: groups of as many are convolutions of their own (`engine.passes.part_groups`)
_POINTS: dict[Act, tuple[str, ...]] = {
    Act.NONE: (),
    Act.RELU: ("relu",),
    Act.PRELU: ("prelu",),
    Act.SLOPE: ("prelu",),
    Act.TANH: ("function",),
}


@dataclass(frozen=True)
class Timed:
    """A step, `times` over. shift: rows of its own by which its bands lag; warm: bands that it runs ahead."""

    shape: Shape
    shift: int
    warm: int
    times: int = 1


@dataclass(frozen=True)
class Schedule:
    """ring_rows: rows of all planes that are alive, in the input's width. weights: bytes that convolutions read."""

    steps: tuple[Timed, ...]
    phases: int
    target: Target
    ring_rows: int
    weights: int

    @property
    def scale(self) -> int:
        """Of the result."""
        end = self.steps[-1].shape
        return end.scale * end.factor

    def live_bytes(self, width: int) -> int:
        """What a thread goes through in each band of a frame `width` pixels wide: rows kept, and weights."""
        return _FLOAT_BYTES * self.ring_rows * width + self.weights

    def strips(self, height: int, threads: int) -> list[tuple[int, int]]:
        """The bands [first, last) of each thread, as the runtime cuts them."""
        end = self.steps[-1]
        bands = (end.shape.scale * height - 1 + end.shift) // (BAND * end.shape.scale) + 1
        count = min(threads, bands)
        return [(bands * i // count, bands * (i + 1) // count) for i in range(count)]

    def rows(self, step: Timed, strip: tuple[int, int], height: int) -> int:
        """The rows of the frame that `step` makes for `strip`; what lies beyond the frame is passed over."""
        unit, extent = BAND * step.shape.scale, step.shape.scale * height
        first = unit * (strip[0] - step.warm) - step.shift
        last = unit * strip[1] - step.shift
        return max(0, min(last, extent) - max(first, 0))


def of_plan(plan: Plan) -> Schedule:
    """The schedule of any network that the engine has planned."""
    steps = []
    for index, step in enumerate(plan.steps):
        shift = plan.rings[step.op.value if step.op else 0].shift
        steps.append(Timed(shape_of(index, plan), shift, step.warm))
    end = max(plan.rings[ref.value].shift for ref in plan.output)
    steps.append(Timed(shape_of(len(plan.steps), plan), end, 0))
    ring_rows = sum(ring.rows * ring.channels * ring.scale for ring in plan.rings.values())
    weights = sum(weight_bytes(step.shape, plan.phases, plan.target) for step in steps)
    return Schedule(tuple(steps), plan.phases, plan.target, ring_rows, weights)


@dataclass(frozen=True)
class _Draft:
    """A step before it is known who reads its result. reads: (value, rows up and down); value 0 is the picture."""

    kind: str
    inputs: int
    outputs: int
    reads: tuple[tuple[int, int], ...]
    kernel: tuple[int, int] = (1, 1)
    groups: int = 1
    points: tuple[str, ...] = ()
    parts: int = 1


def _drafts(chain: Chain) -> list[_Draft]:
    """The steps of `graphs.graph_of(chain)`; the value that step i makes is i + 1."""
    drafts: list[_Draft] = []
    outputs = chain.channels * chain.scale**2
    value = 0
    if chain.centred:
        drafts.append(_Draft("map", chain.channels, chain.channels, ((0, 0),), points=("affine",)))
        value = 1
    added = 0  # the value that the anchor is
    if chain.anchor in (Anchor.BICUBIC, Anchor.LEARNED):
        size = 5 if chain.anchor is Anchor.LEARNED else cubic_taps(chain.scale).shape[1]
        drafts.append(_Draft("conv", chain.channels, outputs, ((0, size // 2),), (size, size)))
        added = len(drafts)
    made: list[int] = []  # the value of each layer
    for index, (before, layer) in enumerate(chain.convolutions()):
        points = _POINTS[layer.act]
        reads = [(value, layer.kernel[0] // 2)]
        following = chain.layers[index + 1] if index + 1 < len(chain.layers) else None
        if following is None and chain.anchor is not Anchor.NONE:
            points += ("combine",)
            reads.append((added, 0))
        sums = following.add if following else ()
        later = [earlier for each in chain.layers[index + 2 :] for earlier in each.add]
        joined = index not in later
        if joined:
            points += ("combine",) * len(sums)
            reads += [(made[earlier], 0) for earlier in sums]
        parted = layer.groups > 1 and min(before, layer.channels) // layer.groups >= _PARTED
        parts = layer.groups if parted else 1
        groups = 1 if parted else layer.groups
        drafts.append(
            _Draft("conv", before // parts, layer.channels // parts, tuple(reads), layer.kernel, groups, points, parts)
        )
        value = len(drafts)
        made.append(value)
        if sums and not joined:
            reads = [(value, 0), *((made[earlier], 0) for earlier in sums)]
            drafts.append(_Draft("map", layer.channels, layer.channels, tuple(reads), points=("combine",) * len(sums)))
            value = len(drafts)
    return drafts


@lru_cache(maxsize=4096)
def of_chain(chain: Chain, target: Target) -> Schedule:
    """What `of_plan(make_plan(graph_of(chain), target))` is, in a tenth of the time."""
    drafts = _drafts(chain)
    shift = [0]
    for draft in drafts:
        shift.append(max(shift[value] + reach for value, reach in draft.reads))
    end = shift[-1]
    readers: list[list[tuple[int | None, int, int]]] = [[] for _ in shift]  # value read by: its value, lag, reach
    for index, draft in enumerate(drafts, 1):
        for value, reach in draft.reads:
            readers[value].append((index, shift[index], reach))
    readers[-1].append((None, end, 0))
    warm = [0] * len(shift)
    for value in reversed(range(len(shift))):
        needs = [(warm[by] if by else 0) + (lag + reach - shift[value]) / BAND for by, lag, reach in readers[value]]
        warm[value] = max(0, ceil(max(needs)))
    border = [
        any(by and drafts[by - 1].kernel[1] > 1 and drafts[by - 1].reads[0][0] == value for by, _, _ in readers[value])
        for value in range(len(shift))
    ]
    phases = max(conv_phases(d.inputs, d.outputs, d.kernel, d.groups) for d in drafts if d.kind == "conv")
    steps = [Timed(Shape("read", chain.channels, chain.channels, border=border[0]), 0, warm[0])]
    for index, d in enumerate(drafts, 1):
        shape = Shape(d.kind, d.inputs, d.outputs, d.kernel, d.groups, d.points, border=border[index])
        steps.append(Timed(shape, shift[index], warm[index], d.parts))
    write = Shape("write", chain.channels * chain.scale**2, chain.channels, factor=chain.scale)
    steps.append(Timed(write, end, 0))
    depth = [max(lag + reach - shift[value] for _, lag, reach in readers[value]) + BAND for value in range(len(shift))]
    planes = [chain.channels, *(draft.outputs * draft.parts for draft in drafts)]
    ring_rows = sum(rows * count for rows, count in zip(depth, planes, strict=True))
    weights = sum(step.times * weight_bytes(step.shape, phases, target) for step in steps)
    return Schedule(tuple(steps), phases, target, ring_rows, weights)
