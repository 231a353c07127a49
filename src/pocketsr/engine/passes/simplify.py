"""Graph to graph: each pass returns a new graph that computes the same, cheaper to run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pocketsr.engine.ir.graph import (
    Affine,
    Array,
    Binary,
    Classes,
    Combine,
    Conv,
    Graph,
    Integers,
    Op,
    Pointwise,
    PointwiseStage,
    Prelu,
    Quantize,
    Ref,
    Shuffle,
    planes,
    refs_of,
    stage_refs,
    verify,
)
from pocketsr.engine.passes.quantized import bound_input, fold_steps, use_integers

__all__ = ["PASSES", "parts_of", "simplify", "split_groups"]


def _users(graph: Graph) -> Counter[int]:
    """How many operations (and the output) read each value."""
    users: Counter[int] = Counter({ref.value for ref in graph.output})
    for op in graph.ops:
        users.update({ref.value for ref in refs_of(op)})
    return users


def _whole(refs: tuple[Ref, ...], op: Op) -> bool:
    """Whether `refs` are all the planes of `op`, in order."""
    return refs == tuple(Ref(op.value, c) for c in range(op.channels))


def _widen(stage: PointwiseStage, times: int) -> PointwiseStage:
    """`stage` for channels that each become `times` channels."""
    if isinstance(stage, Affine):
        return Affine(np.repeat(stage.scale, times), np.repeat(stage.offset, times))
    if isinstance(stage, Prelu):
        return Prelu(np.repeat(stage.slope, times))
    return stage


def sink_shuffles(graph: Graph) -> Graph:
    """Pointwise work after a depth-to-space is done before it, so that planes are shuffled once, at the very end."""
    made: dict[int, Op] = {}
    ops: list[Op] = []
    next_value = max((op.value for op in graph.ops), default=0) + 1

    def sources(refs: tuple[Ref, ...], factor: int) -> tuple[Ref, ...] | None:
        """The planes before the shuffle for planes after it, where all come from shuffles of `factor`."""
        area = factor * factor
        found: list[Ref] = []
        for ref in refs:
            op = made.get(ref.value)
            if not isinstance(op, Shuffle) or op.factor != factor:
                return None
            found += op.inputs[ref.channel * area : (ref.channel + 1) * area]
        return tuple(found)

    for op in graph.ops:
        new: list[Op] = [op]
        first = made.get(op.inputs[0].value)
        if isinstance(op, Pointwise) and isinstance(first, Shuffle):
            factor = first.factor
            inputs = sources(op.inputs, factor)
            others = [sources(p.other, factor) if isinstance(p, Combine) else () for p in op.stages]
            if inputs is not None and all(other is not None for other in others):
                stages = tuple(
                    replace(p, other=other or ()) if isinstance(p, Combine) else _widen(p, factor**2)
                    for p, other in zip(op.stages, others, strict=True)
                )
                inner = Pointwise(op.name, next_value, inputs, stages)
                planes = tuple(Ref(next_value, c) for c in range(inner.channels))
                new = [inner, Shuffle(f"{op.name}_shuffle", op.value, planes, factor)]
                next_value += 1
        for each in new:
            made[each.value] = each
            ops.append(each)
    return graph.with_ops(ops)


def fuse(graph: Graph) -> Graph:
    """A pointwise stage joins the operation that makes its operand, where nobody else wants the operand."""
    users = _users(graph)
    position = {op.value: index for index, op in enumerate(graph.ops)}
    ops: dict[int, Op] = {}
    for op in graph.ops:
        fused: Op = op
        for form in (op, _swap(op)) if isinstance(op, Pointwise) else ():  # a sum's second operand serves as well
            host = ops.get(form.inputs[0].value) if form else None
            if form and isinstance(host, Conv | Pointwise) and _fusible(form, host, users):
                del ops[host.value]
                fused = replace(host, value=op.value, stages=host.stages + form.stages)
                break
        ops[op.value] = fused
    # A fused operation stands where its last stage stood: all that it reads is made before.
    return graph.with_ops(sorted(ops.values(), key=lambda op: position[op.value]))


def _fusible(op: Pointwise, host: Conv | Pointwise, users: Counter[int]) -> bool:
    own = any(ref.value == host.value for ref in stage_refs(op.stages))
    if isinstance(host, Conv) and host.integers is None and op.stages and isinstance(op.stages[0], Quantize):
        return False  # integers come from integer convolutions, or from pointwise operations
    return users[host.value] == 1 and not own and _whole(op.inputs, host)


def _swap(op: Pointwise) -> Pointwise | None:
    """The same stages with the operands of its first, commutative, combination exchanged."""
    first = op.stages[0] if op.stages else None
    if not isinstance(first, Combine) or first.numbers or first.kind in (Binary.SUB, Binary.DIV):
        return None
    return replace(op, inputs=first.other, stages=(Combine(first.kind, op.inputs), *op.stages[1:]))


def fold_affine(graph: Graph) -> Graph:
    """Scale and offset right after a convolution become part of its weights and bias; chains of them become one."""

    def folded(op: Op) -> Op:
        if not isinstance(op, Conv) or op.integers or not op.stages or not isinstance(op.stages[0], Affine):
            return op
        first = op.stages[0]
        scale = first.scale.astype(np.float64)
        with np.errstate(over="ignore"):  # `read_network` refuses what is infinite in the end
            weight = (op.weight * scale[:, None, None, None]).astype(np.float32)
            bias = (op.bias * scale + first.offset).astype(np.float32)
            offsets = None if op.offsets is None else (op.offsets * scale).astype(np.float32)
            if chosen := op.chosen:
                chosen = replace(chosen, weight=(chosen.weight * scale[:, None, None, None]).astype(np.float32))
        changed = replace(op, weight=weight, bias=bias, stages=op.stages[1:], chosen=chosen, offsets=offsets)
        return folded(changed)

    return graph.with_ops(folded(op) for op in graph.ops)


def _renamed(op: Op, names: dict[Ref, Ref]) -> Op:
    """`op`, reading the planes that `names` gives for those it reads; others stay."""
    if names.keys().isdisjoint(refs_of(op)):
        return op

    def now(refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
        return tuple([names.get(ref, ref) for ref in refs])

    if isinstance(op, Shuffle):
        return replace(op, inputs=now(op.inputs))
    if isinstance(op, Classes):
        return replace(op, inputs=(names.get(op.inputs[0], op.inputs[0]),))
    stages = tuple([replace(p, other=now(p.other)) if isinstance(p, Combine) else p for p in op.stages])
    if isinstance(op, Conv) and op.chosen:
        chosen = replace(op.chosen, classes=names.get(op.chosen.classes, op.chosen.classes))
        op = replace(op, chosen=chosen)
    return replace(op, inputs=now(op.inputs), stages=stages)


def drop_idle(graph: Graph) -> Graph:
    """Operations that change nothing go: pointwise operations without stages, and what nobody reads."""
    names: dict[Ref, Ref] = {}
    kept: list[Op] = []
    for op in graph.ops:
        new = _renamed(op, names)
        if isinstance(new, Pointwise) and not new.stages:
            names |= {Ref(new.value, c): ref for c, ref in enumerate(new.inputs)}
        else:
            kept.append(new)
    output = tuple(names.get(ref, ref) for ref in graph.output)
    wanted = {ref.value for ref in output}
    live: list[Op] = []
    for op in reversed(kept):
        if op.value in wanted:
            wanted |= {ref.value for ref in refs_of(op)}
            live.append(op)
    return replace(graph, ops=tuple(reversed(live)), output=output)


def _part(stage: PointwiseStage, channels: slice) -> PointwiseStage:
    """`stage` for some of the channels."""
    match stage:
        case Affine():
            return Affine(stage.scale[channels], stage.offset[channels])
        case Prelu():
            return Prelu(stage.slope[channels])
        case Combine():
            return replace(stage, other=stage.other[channels])
    return stage


def _of(offsets: Array | None, channels: slice) -> Array | None:
    return None if offsets is None else offsets[:, channels]


def parts_of(op: Conv) -> int:
    """How many convolutions `split_groups` makes of `op`: one a group of at least 4 channels, else one."""
    return 1 if op.groups == 1 or op.chosen or min(op.weight.shape[1], op.channels // op.groups) < 4 else op.groups


def split_groups(graph: Graph) -> Graph:
    """A convolution in groups of at least 4 channels becomes one a group: each can then run by Winograd."""
    names: dict[Ref, Ref] = {}
    ops: list[Op] = []
    free = max((op.value for op in graph.ops), default=0) + 1
    for old in graph.ops:
        op = _renamed(old, names)
        if not isinstance(op, Conv) or parts_of(op) == 1:
            ops.append(op)
            continue
        inputs, outputs = op.weight.shape[1], op.channels // op.groups
        made = planes(op.value, op.channels)
        for group in range(op.groups):
            own = slice(group * outputs, (group + 1) * outputs)
            read = op.inputs[group * inputs : (group + 1) * inputs]
            stages = tuple(_part(stage, own) for stage in op.stages)
            integers = op.integers
            if integers is not None:
                parts = integers.weight[own], integers.bias[own], integers.step[own]
                integers = Integers(*parts, integers.zero, integers.top, _of(integers.offsets, own))
            one = Conv(f"{op.name}_{group}", free, read, op.weight[own], op.bias[own], 1, op.pad, stages, integers)
            ops.append(replace(one, offsets=_of(op.offsets, own)))
            names.update(zip(made[own], planes(free, outputs), strict=True))
            free += 1
    return replace(graph, ops=tuple(ops), output=tuple(names.get(ref, ref) for ref in graph.output))


PASSES: tuple[Callable[[Graph], Graph], ...] = (
    drop_idle,
    sink_shuffles,
    drop_idle,
    bound_input,
    use_integers,
    drop_idle,
    fuse,
    fold_affine,
    fold_steps,
    split_groups,
)


def simplify(graph: Graph) -> Graph:
    """All passes in order, each result verified."""
    for step in PASSES:
        graph = step(graph)
        verify(graph)
    return graph
