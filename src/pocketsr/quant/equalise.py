"""The same network with channels that fill their ranges alike, so that one step for all of them wastes less.

Nagel et al., "Data-Free Quantization through Weight Equalization and Bias Correction", ICCV 2019, section 4.1, for the
planes in place of the weights: a PReLU hands a positive factor through, so a channel can be computed r times as large
and read r times as small. Here factors come from measured ranges, and from how much each channel counts in what reads
it. Where planes are added or moved, they share one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Affine, Binary, Clip, Combine, Conv, Function, Graph, Op, Prelu, Ref, Shuffle
from pocketsr.quant.source import Layout

__all__ = ["equalised", "factors"]

_MOST = 32.0  # times as large as the channel with the smallest factor of its planes
_LINEAR = (Binary.ADD, Binary.SUB, Binary.MAX, Binary.MIN)
_TAIL = 0.005  # per cent of a channel's numbers, on each side, that its range leaves out

Array = NDArray[np.float32]


class _Linked:
    """Planes that have to share a factor; None stands for planes whose factor is 1."""

    def __init__(self, graph: Graph) -> None:
        self._lead: dict[Ref | None, Ref | None] = {}
        self.fix(*(Ref(0, c) for c in range(graph.channels)), *graph.output)
        for op in graph.ops:
            own = [Ref(op.value, c) for c in range(op.channels)]
            if isinstance(op, Shuffle):
                for k, ref in enumerate(op.inputs):
                    self.link(own[k // op.factor**2], ref)
                continue
            if not isinstance(op, Conv):
                for plane, ref in zip(own, op.inputs, strict=True):
                    self.link(plane, ref)
            for stage in op.stages:
                match stage:
                    case Prelu():
                        pass
                    case Combine(kind, other) if kind in _LINEAR:
                        for plane, ref in zip(own, other, strict=True):
                            self.link(plane, ref)
                    case Combine(_, other):
                        self.fix(*own, *other)
                    case Affine() | Clip() | Function():
                        self.fix(*own)

    def of(self, ref: Ref | None) -> Ref | None:
        """Who stands for all planes that share a factor with `ref`."""
        lead = self._lead.get(ref, ref)
        return lead if lead == ref else self.of(lead)

    def link(self, one: Ref | None, other: Ref | None) -> None:
        a, b = self.of(one), self.of(other)
        if a is None:
            a, b = b, a
        if a != b:
            self._lead[a] = b

    def fix(self, *refs: Ref) -> None:
        for ref in refs:
            self.link(ref, None)


def _kernels(op: Conv) -> Array:
    """K CO CI/groups KH KW: one, or those to choose from."""
    return op.chosen.weight if op.chosen else op.weight[None]


def factors(graph: Graph, layout: Layout, values: Mapping[int, Array]) -> dict[Ref, float]:
    """What each plane is best multiplied by; those that aren't named stay. values: N C H W of each stored value."""
    linked = _Linked(graph)
    counts: dict[Ref, float] = {}  # squares of the weights by which a plane is read
    for op in graph.ops:
        if isinstance(op, Conv):
            inputs = op.weight.shape[1]
            for k, ref in enumerate(op.inputs):
                group = slice(k // inputs * op.channels // op.groups, (k // inputs + 1) * op.channels // op.groups)
                squares = np.square(_kernels(op)[:, group, k % inputs]).sum((1, 2, 3)).mean()  # the mean over classes
                counts[ref] = counts.get(ref, 0.0) + float(squares)
    wanted: dict[Ref, list[float]] = {}
    for leader in dict.fromkeys(layout.stored.values()):
        refs, lows, highs = [], [], []
        for value in (value for value, lead in layout.stored.items() if lead == leader):
            for c in range(values[value].shape[1]):
                low, high = np.percentile(values[value][:, c], [_TAIL, 100 - _TAIL])
                refs.append(Ref(value, c))
                lows.append(max(0.0, -float(low)))
                highs.append(max(0.0, float(high)))
        gains = np.array([counts.get(ref, 0.0) for ref in refs])
        for ref, factor in zip(refs, _fill(np.array(lows), np.array(highs), gains), strict=True):
            wanted.setdefault(ref, []).append(float(np.log(factor)))
    shared: dict[Ref, list[float]] = {}
    for ref, logs in wanted.items():
        lead = linked.of(ref)
        if lead is not None:
            shared.setdefault(lead, []).extend(logs)
    mean = {lead: float(np.exp(np.mean(logs))) for lead, logs in shared.items()}
    planes = [Ref(op.value, c) for op in graph.ops for c in range(op.channels)]
    return {ref: mean[lead] for ref in planes if (lead := linked.of(ref)) in mean}


def _fill(
    lows: NDArray[np.float64], highs: NDArray[np.float64], gains: NDArray[np.float64]
) -> NDArray[np.float64]:  # fmt: skip
    """Factors, the least one 1, with which all channels fit in one range and rounding costs least."""
    best, found = np.inf, np.ones(len(lows))
    for below in np.geomspace(0.02, 50, 120):  # of the range, for 1 above
        with np.errstate(divide="ignore"):
            room = np.minimum(1 / highs, below / lows)
        finite = room[np.isfinite(room)]
        if not len(finite):
            return found
        room = np.minimum(room, finite.min() * _MOST)
        cost = float((gains * np.square((1 + below) / room)).sum())
        if cost < best:
            best, found = cost, room / room.min()
    return found


def equalised(graph: Graph, by: Mapping[Ref, float], strength: float = 1.0) -> Graph:
    """`graph` with its planes multiplied by the factors `by` to the power `strength`; its result stays."""

    def times(refs: tuple[Ref, ...]) -> Array:
        return np.array([by.get(ref, 1.0) ** strength for ref in refs], np.float32)

    ops: list[Op] = []
    for op in graph.ops:
        if isinstance(op, Conv):
            own = times(tuple(Ref(op.value, c) for c in range(op.channels)))
            read = times(op.inputs).reshape(op.groups, 1, op.weight.shape[1], 1, 1)

            def alike(weight: Array, own: Array = own, read: Array = read, groups: int = op.groups) -> Array:
                each = weight.reshape(groups, -1, *weight.shape[1:]) / read
                return (each.reshape(weight.shape) * own[:, None, None, None]).astype(np.float32)

            chosen = op.chosen and replace(op.chosen, weight=np.stack([alike(each) for each in op.chosen.weight]))
            bias = (op.bias * own).astype(np.float32)
            offsets = None if op.offsets is None else (op.offsets * own).astype(np.float32)
            ops.append(replace(op, weight=alike(op.weight), bias=bias, chosen=chosen, offsets=offsets))
        else:
            ops.append(op)
    return graph.with_ops(ops)
