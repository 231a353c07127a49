"""Passes for integer networks: what is dequantized only to be convolved stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pocketsr.engine.ir.graph import (
    Binary,
    Combine,
    Conv,
    Dequantize,
    Graph,
    Integers,
    Op,
    Pointwise,
    PointwiseStage,
    Prelu,
    Quantize,
    Ref,
)

__all__ = ["bound_input", "fold_steps", "use_integers"]

_BYTE = 255
_EXACT_FLOATS, _EXACT_SUMS = 2**24, 2**31  # sums below are exact in a float, in 32 bits


def _integer_planes(refs: Sequence[Ref], made: dict[int, Op]) -> tuple[tuple[Ref, ...], Dequantize, int] | None:
    """The integer planes behind `refs`, how they are dequantized (all alike), and the largest of them."""
    found: list[Ref] = []
    ways: set[Dequantize] = set()
    tops: set[int] = set()
    for ref in refs:
        op = made.get(ref.value)
        if not isinstance(op, Pointwise) or len(op.stages) != 1 or not isinstance(op.stages[0], Dequantize):
            return None
        source = op.inputs[ref.channel]
        maker = made.get(source.value)
        last = maker.stages[-1] if isinstance(maker, Conv | Pointwise) and maker.stages else None
        if not isinstance(last, Quantize):
            return None
        found.append(source)
        ways.add(op.stages[0])
        tops.add(last.top)
    return (tuple(found), ways.pop(), tops.pop()) if len(ways) == len(tops) == 1 else None


def _completed(op: Conv, integers: Integers, way: Dequantize, top: int) -> Integers | None:
    """`integers` for an input of this kind; None where sums might overflow.

    Chosen kernels read wide integers in floats; what their sums start from must be the same for all classes then.
    """
    if op.chosen and top > _BYTE and way.zero:
        return None
    step = (integers.step * np.float32(way.step)).astype(np.float32)
    bias = np.rint(op.bias.astype(np.float64) / step)
    offsets = None if op.offsets is None else (op.offsets / step.astype(np.float64)).astype(np.float32)
    if offsets is not None and np.abs(offsets).max() >= _EXACT_SUMS:
        return None
    done = replace(integers, bias=bias.astype(np.int64), step=step, zero=way.zero, top=top, offsets=offsets)
    return done if done.most < (_EXACT_SUMS if top <= _BYTE else _EXACT_FLOATS) else None


def _apart(op: Conv, refs: Sequence[Ref]) -> bool:
    """Whether no plane is read twice by one group: its weights would be added, and the sum be no byte."""
    size = len(refs) // op.groups
    return all(len(set(refs[i : i + size])) == size for i in range(0, len(refs), size))


def bound_input(graph: Graph) -> Graph:
    """The picture's samples end at full scale, and so do the integers that they become."""

    def bounded(op: Op) -> Op:
        if not isinstance(op, Pointwise) or not op.stages or any(ref.value for ref in op.inputs):
            return op
        first = op.stages[0]
        if not isinstance(first, Quantize):
            return op
        most = round(graph.max_value / first.step) + first.zero
        return replace(op, stages=(replace(first, top=min(first.top, most)), *op.stages[1:]))

    return graph.with_ops(bounded(op) for op in graph.ops)


def use_integers(graph: Graph) -> Graph:
    """Convolutions with integer weights read integers where there are any; others become float convolutions.

    A sum that might not be exact stays in floats: the bound is proved here, from the weights.
    """
    made: dict[int, Op] = {op.value: op for op in graph.ops}
    ops: list[Op] = []
    for op in graph.ops:
        new = op
        if isinstance(op, Conv) and op.integers is not None:
            found = _integer_planes(op.inputs, made)
            integers = _completed(op, op.integers, *found[1:]) if found and _apart(op, found[0]) else None
            new = replace(op, inputs=found[0] if found and integers else op.inputs, integers=integers)
        if isinstance(new, Conv | Pointwise):
            stages = tuple(_read_integers(p, made) if isinstance(p, Combine) else p for p in new.stages)
            new = replace(new, stages=stages)
        ops.append(new)
    return graph.with_ops(ops)


def _read_integers(stage: Combine, made: dict[int, Op]) -> Combine:
    found = _integer_planes(stage.other, made) if stage.numbers is None else None
    return stage if found is None else replace(stage, other=found[0], numbers=found[1])


def fold_steps(graph: Graph) -> Graph:
    """The step of a closing Quantize goes into the steps before it, where all that lies between keeps proportions."""

    def folded(op: Op) -> Op:
        if not isinstance(op, Conv | Pointwise) or not op.stages or not isinstance(op.stages[-1], Quantize):
            return op
        last, inner = op.stages[-1], op.stages[:-1]
        integers = op.integers if isinstance(op, Conv) else None
        begins = integers is not None or (bool(inner) and isinstance(inner[0], Dequantize))
        if not begins or not all(_proportional(p, first) for first, p in enumerate(inner)):
            return op
        by = np.float32(1 / np.float64(np.float32(last.step)))
        stages = (*(_scaled(p, by) for p in inner), replace(last, step=1.0))
        if isinstance(op, Conv) and integers is not None:
            return replace(op, integers=replace(integers, step=integers.step * by), stages=stages)
        return replace(op, stages=stages)

    return graph.with_ops(folded(op) for op in graph.ops)


def _proportional(stage: PointwiseStage, place: int) -> bool:
    if isinstance(stage, Combine):
        return stage.kind in (Binary.ADD, Binary.SUB) and stage.numbers is not None
    return isinstance(stage, Prelu) or (isinstance(stage, Dequantize) and place == 0)


def _scaled(stage: PointwiseStage, by: np.float32) -> PointwiseStage:
    if isinstance(stage, Dequantize):
        return replace(stage, step=float(np.float32(stage.step) * by))
    if isinstance(stage, Combine) and stage.numbers is not None:
        return replace(stage, numbers=_scaled(stage.numbers, by))  # type: ignore[arg-type]  # a Dequantize stays one
    return stage
