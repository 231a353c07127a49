"""Graph to graph: each pass returns a new graph that computes the same, cheaper to run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pocketsr.engine.ir.graph import (
    Affine,
    Binary,
    Combine,
    Conv,
    Graph,
    Integers,
    Map,
    Op,
    Point,
    Prelu,
    Quantize,
    Ref,
    Shuffle,
    point_refs,
    refs_of,
    verify,
)
from pocketsr.engine.passes.quantized import bound_input, fold_steps, use_integers

__all__ = ["PASSES", "simplify"]


def _users(graph: Graph) -> Counter[int]:
    """How many operations (and the output) read each value."""
    users: Counter[int] = Counter({ref.value for ref in graph.output})
    for op in graph.ops:
        users.update({ref.value for ref in refs_of(op)})
    return users


def _whole(refs: tuple[Ref, ...], op: Op) -> bool:
    """Whether `refs` are all the planes of `op`, in order."""
    return refs == tuple(Ref(op.value, c) for c in range(op.channels))


def _widen(point: Point, times: int) -> Point:
    """`point` for channels that each become `times` channels."""
    if isinstance(point, Affine):
        return Affine(np.repeat(point.scale, times), np.repeat(point.offset, times))
    if isinstance(point, Prelu):
        return Prelu(np.repeat(point.slope, times))
    return point


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
        if isinstance(op, Map) and isinstance(first, Shuffle):
            factor = first.factor
            inputs = sources(op.inputs, factor)
            others = [sources(p.other, factor) if isinstance(p, Combine) else () for p in op.points]
            if inputs is not None and all(other is not None for other in others):
                points = tuple(
                    replace(p, other=other or ()) if isinstance(p, Combine) else _widen(p, factor**2)
                    for p, other in zip(op.points, others, strict=True)
                )
                inner = Map(op.name, next_value, inputs, points)
                planes = tuple(Ref(next_value, c) for c in range(inner.channels))
                new = [inner, Shuffle(f"{op.name}_shuffle", op.value, planes, factor)]
                next_value += 1
        for each in new:
            made[each.value] = each
            ops.append(each)
    return graph.with_ops(ops)


def fuse(graph: Graph) -> Graph:
    """A pointwise step joins the operation that makes its operand, where nobody else wants the operand."""
    users = _users(graph)
    position = {op.value: index for index, op in enumerate(graph.ops)}
    ops: dict[int, Op] = {}
    for op in graph.ops:
        fused: Op = op
        for form in (op, _swap(op)) if isinstance(op, Map) else ():  # a sum's second operand serves as well
            host = ops.get(form.inputs[0].value) if form else None
            if form and isinstance(host, Conv | Map) and _fusible(form, host, users):
                del ops[host.value]
                fused = replace(host, value=op.value, points=host.points + form.points)
                break
        ops[op.value] = fused
    # A fused operation stands where its last step stood: all that it reads is made before.
    return graph.with_ops(sorted(ops.values(), key=lambda op: position[op.value]))


def _fusible(op: Map, host: Conv | Map, users: Counter[int]) -> bool:
    own = any(ref.value == host.value for ref in point_refs(op.points))
    if isinstance(host, Conv) and host.integers is None and op.points and isinstance(op.points[0], Quantize):
        return False  # whole numbers come from convolutions of whole numbers, or from maps
    return users[host.value] == 1 and not own and _whole(op.inputs, host)


def _swap(op: Map) -> Map | None:
    """The same step with the operands of its first, commutative, combination exchanged."""
    first = op.points[0] if op.points else None
    if not isinstance(first, Combine) or first.numbers or first.kind in (Binary.SUB, Binary.DIV):
        return None
    return replace(op, inputs=first.other, points=(Combine(first.kind, op.inputs), *op.points[1:]))


def fold_affine(graph: Graph) -> Graph:
    """Scale and offset right after a convolution become part of its weights and bias; chains of them become one."""

    def folded(op: Op) -> Op:
        if not isinstance(op, Conv) or op.integers or not op.points or not isinstance(op.points[0], Affine):
            return op
        first = op.points[0]
        scale = first.scale.astype(np.float64)
        with np.errstate(over="ignore"):  # `read_network` refuses what is infinite in the end
            weight = (op.weight * scale[:, None, None, None]).astype(np.float32)
            bias = (op.bias * scale + first.offset).astype(np.float32)
        return folded(replace(op, weight=weight, bias=bias, points=op.points[1:]))

    return graph.with_ops(folded(op) for op in graph.ops)


def _renamed(op: Op, names: dict[Ref, Ref]) -> Op:
    """`op`, reading the planes that `names` gives for those it reads; others stay."""

    def now(refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
        return tuple(names.get(ref, ref) for ref in refs)

    if isinstance(op, Shuffle):
        return replace(op, inputs=now(op.inputs))
    points = tuple(replace(p, other=now(p.other)) if isinstance(p, Combine) else p for p in op.points)
    return replace(op, inputs=now(op.inputs), points=points)


def drop_idle(graph: Graph) -> Graph:
    """Steps that change nothing go: maps without points, and what nobody reads."""
    names: dict[Ref, Ref] = {}
    kept: list[Op] = []
    for op in graph.ops:
        new = _renamed(op, names)
        if isinstance(new, Map) and not new.points:
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


def _part(point: Point, channels: slice) -> Point:
    """`point` for some of the channels."""
    match point:
        case Affine():
            return Affine(point.scale[channels], point.offset[channels])
        case Prelu():
            return Prelu(point.slope[channels])
        case Combine():
            return replace(point, other=point.other[channels])
    return point


def part_groups(graph: Graph) -> Graph:
    """A convolution in groups of at least 4 channels becomes one a group: each can then run by Winograd."""
    names: dict[Ref, Ref] = {}
    ops: list[Op] = []
    free = max((op.value for op in graph.ops), default=0) + 1
    for old in graph.ops:
        op = _renamed(old, names)
        if not isinstance(op, Conv) or op.groups == 1 or min(op.weight.shape[1], op.channels // op.groups) < 4:
            ops.append(op)
            continue
        inputs, outputs = op.weight.shape[1], op.channels // op.groups
        for group in range(op.groups):
            own = slice(group * outputs, (group + 1) * outputs)
            planes = op.inputs[group * inputs : (group + 1) * inputs]
            points = tuple(_part(point, own) for point in op.points)
            whole = op.integers
            if whole is not None:
                parts = whole.weight[own], whole.bias[own], whole.step[own]
                whole = Integers(*parts, whole.zero, whole.top)
            ops.append(Conv(f"{op.name}_{group}", free, planes, op.weight[own], op.bias[own], 1, op.pad, points, whole))
            names |= {Ref(op.value, own.start + c): Ref(free, c) for c in range(outputs)}
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
    part_groups,
)


def simplify(graph: Graph) -> Graph:
    """All passes in order, each result verified."""
    for step in PASSES:
        graph = step(graph)
        verify(graph)
    return graph
