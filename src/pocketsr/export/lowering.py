"""The engine's graph, which names planes one by one, as `layers`, which read whole tensors.

A convolution that reads some planes of a tensor, twice or in another order, gets its weights laid out for all of the
tensor's planes (zeros where it reads nothing), and other layers read a selection made by a 1x1 convolution of ones and
zeros, which is exact in every type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pocketsr.engine.ir import graph as ir
from pocketsr.engine.ir.graph import Graph, Ref, Unary
from pocketsr.errors import UserError
from pocketsr.export.layers import (
    Affine,
    Clip,
    Concat,
    Conv,
    Curve,
    Layer,
    Merge,
    Network,
    Prelu,
    Rounded,
    Shuffle,
    Tensor,
)
from pocketsr.names import harmless

__all__ = ["lower"]


def lower(graph: Graph, curves: Mapping[Unary, str] | None = None) -> Network:
    """`graph` as layers. `curves`: what the nodes of such functions are called, which messages name.

    Raises UserError for kernels that are chosen pixel by pixel, which no runtime has an operator for.
    """
    return _Lowering(graph, curves or {}).network()


@dataclass
class _Lowering:
    graph: Graph
    curves: Mapping[Unary, str]
    layers: list[Layer] = field(default_factory=list)
    values: dict[int, Tensor] = field(default_factory=dict)
    stored: dict[int, ir.Quantize] = field(default_factory=dict)  # of values that are stored as integers
    chosen: dict[tuple[Ref, ...], Tensor] = field(default_factory=dict)

    def network(self) -> Network:
        self.values[0] = picture = Tensor("picture", self.graph.channels)
        for op in self.graph.ops:
            match op:
                case ir.Conv(chosen=ir.Chosen()) | ir.Classes():
                    raise UserError(
                        f"node '{harmless(op.name)}': its kernels are chosen pixel by pixel, which no other runtime "
                        "has a form for; choose c, wasm, android or ios, or a plain network, as small for steep-small"
                    )
                case ir.Conv():
                    self._conv(op)
                case ir.Pointwise():
                    source = self._planes(op.name, op.inputs)
                    self._stages(op, source, self.stored.get(op.inputs[0].value))
                case ir.Shuffle():
                    source = self._planes(op.name, op.inputs)
                    made = self._new(op.channels, source.scale * op.factor)
                    self.layers.append(Shuffle(op.name, (source,), made, op.factor))
                    self.values[op.value] = made
        output = self._planes("the output", self.graph.output)
        return Network(self.graph.name, picture, tuple(self.layers), output, self.graph.max_value)

    def _new(self, channels: int, scale: int) -> Tensor:
        return Tensor(f"t{len(self.layers) + 1}", channels, scale)

    def _conv(self, op: ir.Conv) -> None:
        sources = list(dict.fromkeys(ref.value for ref in op.inputs))
        source = self._joined(op.name, sources)
        places, begin = {}, 0
        for value in sources:
            places[value] = begin
            begin += self.values[value].channels
        integers = op.integers
        weight = op.weight if integers is None else integers.weight.astype(np.float32)
        dense = np.zeros((op.channels, source.channels, *weight.shape[2:]), np.float32)
        of_group, reads = op.channels // op.groups, weight.shape[1]
        for out in range(op.channels):
            first = out // of_group * reads
            for i, ref in enumerate(op.inputs[first : first + reads]):
                dense[out, places[ref.value] + ref.channel] += weight[out, i]
        bias, steps = op.bias, None
        if integers is not None:
            ways = {(self.stored[value].step, self.stored[value].zero) for value in sources}
            if len(ways) != 1 or ways != {(self.stored[sources[0]].step, integers.zero)}:
                raise UserError(
                    f"node '{harmless(op.name)}': it reads integers otherwise than they were stored, which no other "
                    "runtime can; choose c, wasm, android or ios"
                )
            steps = (integers.step / np.float32(self.stored[sources[0]].step)).astype(np.float32)
            dense *= steps[:, None, None, None]
            bias = (integers.bias * integers.step.astype(np.float64)).astype(np.float32)
        made = self._new(op.channels, source.scale)
        self.layers.append(Conv(op.name, (source,), made, dense, bias.astype(np.float32), op.pad, steps))
        self._stages(op, made, None)

    def _stages(self, op: ir.Conv | ir.Pointwise, x: Tensor, stored: ir.Quantize | None) -> None:
        """`stored`: how `x` was, where it still is to be dequantized."""
        for stage in op.stages:
            made = self._new(op.channels, x.scale)
            layer: Layer
            match stage:
                case ir.Prelu(slope):
                    layer = Prelu(op.name, (x,), made, slope)
                case ir.Affine(scale, offset):
                    layer = Affine(op.name, (x,), made, scale, offset)
                case ir.Clip(low, high):
                    layer = Clip(op.name, (x,), made, low, high)
                case ir.Function(kind):
                    layer = Curve(self.curves.get(kind, op.name), (x,), made, kind)
                case ir.Quantize():
                    layer = Rounded(op.name, (x,), made, stage.step, stage.zero, stage.top)
                    stored = stage
                case ir.Dequantize():
                    assert stored is not None
                    x, stored = self._dequantized(op.name, x, stage, stored), None
                    continue
                case ir.Combine(kind, refs, numbers):
                    other = self._planes(op.name, refs)
                    if numbers is not None:
                        other = self._dequantized(op.name, other, numbers, self.stored[refs[0].value])
                    made = self._new(op.channels, x.scale)
                    layer = Merge(op.name, (x, other), made, kind)
            self.layers.append(layer)
            x = made
        self.values[op.value] = x
        if stored is not None:
            self.stored[op.value] = stored

    def _dequantized(self, name: str, x: Tensor, way: ir.Dequantize, stored: ir.Quantize) -> Tensor:
        """What `way` makes of the integers of `x`, which stands for them in units of its own step."""
        factor, offset = way.step / stored.step, way.step * (stored.zero - way.zero)
        if (factor, offset) == (1.0, 0.0):
            return x
        made = self._new(x.channels, x.scale)
        ones = np.ones(x.channels, np.float32)
        self.layers.append(Affine(name, (x,), made, ones * np.float32(factor), ones * np.float32(offset)))
        return made

    def _joined(self, name: str, values: Sequence[int]) -> Tensor:
        """All planes of `values`, one after the other."""
        if len(values) == 1:
            return self.values[values[0]]
        key = tuple(Ref(value, c) for value in values for c in range(self.values[value].channels))
        if key not in self.chosen:
            parts = tuple(self.values[value] for value in values)
            made = self._new(len(key), parts[0].scale)
            self.layers.append(Concat(name, parts, made))
            self.chosen[key] = made
        return self.chosen[key]

    def _planes(self, name: str, refs: Sequence[Ref]) -> Tensor:
        """The planes `refs`; a tensor of one plane where that goes to all."""
        key = tuple(refs)
        sources = list(dict.fromkeys(ref.value for ref in refs))
        whole = tuple(Ref(value, c) for value in sources for c in range(self.values[value].channels))
        if key == whole:
            return self._joined(name, sources)
        if len(set(key)) == 1 and self.values[sources[0]].channels == 1:
            return self.values[sources[0]]
        if key not in self.chosen:
            source = self._joined(name, sources)
            select = np.zeros((len(key), source.channels, 1, 1), np.float32)
            for out, ref in enumerate(key):
                select[out, whole.index(ref)] = 1
            made = self._new(len(key), source.scale)
            self.layers.append(Conv(name, (source,), made, select, np.zeros(len(key), np.float32)))
            self.chosen[key] = made
        return self.chosen[key]
