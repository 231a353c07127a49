"""Which rows each step makes in each thread's strip: from the engine's plan, or straight from a chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import ceil
from typing import Any

import numpy as np

from pocketsr.design.chain import Act, Anchor, Chain
from pocketsr.design.kinds import IntegerSpec, Shape, stored_bytes
from pocketsr.design.precision import EDGE_BITS, PICTURE_LEVELS
from pocketsr.design.work import conv_phases, shape_of, sum_names, weight_bytes
from pocketsr.design.work_integers import integer_storage
from pocketsr.engine.codegen.method import BAND, CHANNELS_A_WORD, Storage
from pocketsr.engine.codegen.plan import Plan
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.resample import cubic_taps

__all__ = ["Schedule", "Timed", "of_chain", "of_plan"]

_SPLIT = 4  # channels: groups of as many are convolutions of their own (`engine.passes.simplify.split_groups`)
_STAGES: dict[Act, tuple[str, ...]] = {
    Act.NONE: (),
    Act.RELU: ("relu",),
    Act.PRELU: ("prelu",),
    Act.SLOPE: ("prelu",),
    Act.TANH: ("function",),
}


@dataclass(frozen=True)
class Timed:
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
        return max(0, min(last, extent) - max(first, 0))


def of_plan(plan: Plan) -> Schedule:
    """The schedule of any network that the engine has planned."""
    steps = []
    for index, step in enumerate(plan.steps):
        delay = plan.rings[step.op.value if step.op else 0].delay
        steps.append(Timed(shape_of(index, plan), delay, step.prologue))
    end = max(plan.rings[ref.value].delay for ref in plan.output)
    steps.append(Timed(shape_of(len(plan.steps), plan), end, 0))
    ring_bytes = sum(ring.rows * ring.scale * stored_bytes(ring.channels, ring.storage) for ring in plan.rings.values())
    weights = sum(weight_bytes(step.shape, plan.phases, plan.target) for step in steps)
    return Schedule(tuple(steps), plan.phases, plan.target, ring_bytes, weights)


@dataclass(frozen=True)
class _Draft:
    """A step before it is known who reads its result. reads: (value, rows up and down); value 0 is the picture.

    stages: a number is a sum with that value. words: of each part, those that hold its inputs, stored as words.
    """

    kind: str
    inputs: int
    outputs: int
    reads: tuple[tuple[int, int], ...]
    kernel: tuple[int, int] = (1, 1)
    groups: int = 1
    stages: tuple[str | int, ...] = ()
    parts: int = 1
    integers: IntegerSpec | None = None
    words: tuple[int, ...] = (0,)

    @property
    def stored(self) -> bool:
        """Whether the result is integers."""
        return "quantize" in self.stages


@cache
def _words(channels: int, made_in: int, shuffled: int, read_in: int) -> tuple[int, ...]:
    """Words that hold what each of `read_in` parts reads of planes made in `made_in` values, dealt out to groups."""
    planes, each = np.arange(channels).reshape(shuffled, -1).T.ravel().tolist(), channels // made_in
    parts = [planes[first : first + channels // read_in] for first in range(0, channels, channels // read_in)]
    return tuple(len({(c // each, c % each // CHANNELS_A_WORD) for c in part}) for part in parts)


def _drafts(chain: Chain) -> list[_Draft]:
    """The steps of `graphs.graph_of(chain)`; the value that step i makes is i + 1."""
    drafts: list[_Draft] = []
    bits, outputs = chain.bits, chain.channels * chain.scale**2
    to_edge = IntegerSpec(EDGE_BITS, PICTURE_LEVELS) if bits else None
    picture = value = 0
    if bits or chain.centred:
        first = "quantize" if bits else "affine"
        drafts.append(_Draft("pointwise", chain.channels, chain.channels, ((0, 0),), stages=(first,)))
        picture, value = 1 if bits else 0, 1
    added = picture  # the value that the anchor is
    if chain.anchor in (Anchor.BICUBIC, Anchor.LEARNED):
        size = 5 if chain.anchor is Anchor.LEARNED else cubic_taps(chain.scale).shape[1]
        near = ((picture, size // 2),)
        drafts.append(_Draft("conv", chain.channels, outputs, near, (size, size), integers=to_edge))
        added = len(drafts)
    made: list[int] = []  # the value of each layer
    before_parts = shuffled = 1  # values that hold what the next layer reads, groups among which it is dealt out
    for index, (before, layer) in enumerate(chain.convolutions()):
        stages: list[str | int] = [*_STAGES[layer.act]]
        following = chain.layers[index + 1] if index + 1 < len(chain.layers) else None
        if following is None and chain.anchor is not Anchor.NONE:
            stages.append(added)
        sums = [made[earlier] for earlier in following.add] if following else []
        later = [earlier for each in chain.layers[index + 2 :] for earlier in each.add]
        joined = index not in later
        if joined:
            stages += sums
        integers = to_edge
        if bits and index:
            integers = IntegerSpec(bits.weights if following else EDGE_BITS, bits.levels)
        store = ["quantize"] if bits and following else []
        split = layer.groups > 1 and min(before, layer.channels) // layer.groups >= _SPLIT
        parts = layer.groups if split else 1
        reads = [(value, layer.kernel[0] // 2), *((stage, 0) for stage in stages if isinstance(stage, int))]
        each = before // parts
        words = _words(before, before_parts, shuffled, parts) if bits else (0,) * parts
        groups, ends = 1 if split else layer.groups, (*stages, *store)
        width = layer.channels // parts
        drafts.append(_Draft("conv", each, width, (*reads,), layer.kernel, groups, ends, parts, integers, words))
        value = len(drafts)
        made.append(value)
        if sums and not joined:
            all_read = ((value, 0), *((other, 0) for other in sums))
            ends = ("dequantize", *sums, "quantize") if bits else (*sums,)
            drafts.append(_Draft("pointwise", layer.channels, layer.channels, all_read, stages=ends))
            value, parts = len(drafts), 1
        before_parts = parts
        shuffled = following.groups if following and layer.groups > 1 and following.groups > 1 else 1
    return drafts


def _storage_of(drafts: Sequence[_Draft], target: Target) -> list[Storage]:
    """How each value is stored: as the convolution that reads it wants it."""
    storage = [Storage.FLOATS] * (len(drafts) + 1)
    for draft in drafts:
        if draft.integers is not None:
            storage[draft.reads[0][0]] = integer_storage(
                draft.inputs, draft.outputs, draft.kernel, draft.groups, draft.integers, target
            )
    return storage


def _shape(draft: _Draft, **more: Any) -> Shape:
    return Shape(draft.kind, draft.inputs, draft.outputs, draft.kernel, draft.groups, integers=draft.integers, **more)


@lru_cache(maxsize=4096)
def of_chain(chain: Chain, target: Target) -> Schedule:
    """What `of_plan(make_plan(graph_of(chain), target))` is, in a tenth of the time."""
    drafts = _drafts(chain)
    delays = [0]
    for draft in drafts:
        delays.append(max(delays[value] + halo for value, halo in draft.reads))
    end = delays[-1]
    readers: list[list[tuple[int | None, int, int]]] = [[] for _ in delays]  # value read by: its value, delay, halo
    for index, draft in enumerate(drafts, 1):
        for value, halo in draft.reads:
            readers[value].append((index, delays[index], halo))
    readers[-1].append((None, end, 0))
    prologues = [0] * len(delays)
    for value in reversed(range(len(delays))):
        ahead = [(prologues[by] if by else 0, delay + halo - delays[value]) for by, delay, halo in readers[value]]
        prologues[value] = max(0, ceil(max(bands + rows / BAND for bands, rows in ahead)))
    border = [
        any(by and drafts[by - 1].kernel[1] > 1 and drafts[by - 1].reads[0][0] == value for by, _, _ in readers[value])
        for value in range(len(delays))
    ]
    floats = [d for d in drafts if d.kind == "conv" and d.integers is None]
    phases = max((conv_phases(d.inputs, d.outputs, d.kernel, d.groups) for d in floats), default=1)
    storage = _storage_of(drafts, target)
    stored = [False, *(draft.stored for draft in drafts)]
    steps = [Timed(Shape("read", chain.channels, chain.channels, border=border[0]), 0, prologues[0])]
    for index, d in enumerate(drafts, 1):
        named = (sum_names(stored[p], storage[p]) if isinstance(p, int) else (p,) for p in d.stages)
        stages = tuple(name for names in named for name in names)
        reads = storage[d.reads[0][0]] if d.integers else Storage.FLOATS
        for words, times in Counter(d.words if reads is Storage.WORDS else (0,) * d.parts).items():
            shape = _shape(d, stages=stages, border=border[index], reads=reads, storage=storage[index], words=words)
            steps.append(Timed(shape, delays[index], prologues[index], times))
    write = Shape("write", chain.channels * chain.scale**2, chain.channels, factor=chain.scale)
    steps.append(Timed(write, end, 0))
    depth = [max(delay + halo for _, delay, halo in by) - delays[value] + BAND for value, by in enumerate(readers)]
    a_pixel = [stored_bytes(chain.channels, Storage.FLOATS)]
    a_pixel += [draft.parts * stored_bytes(draft.outputs, storage[value]) for value, draft in enumerate(drafts, 1)]
    ring_bytes = sum(rows * size for rows, size in zip(depth, a_pixel, strict=True))
    weights = sum(step.times * weight_bytes(step.shape, phases, target) for step in steps)
    return Schedule(tuple(steps), phases, target, ring_bytes, weights)
