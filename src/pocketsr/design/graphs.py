"""A chain as the engine's own graph, simplified: neither PyTorch nor an ONNX file is needed to plan it or to run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pocketsr.design.chain import Act, Anchor, Chain, Layer
from pocketsr.design.precision import EDGE_BITS, PICTURE_LEVELS, typical_weights
from pocketsr.engine.ir.graph import (
    Affine,
    Array,
    Binary,
    Combine,
    Conv,
    Dequantize,
    Function,
    Graph,
    Integers,
    Op,
    Pad,
    Pointwise,
    PointwiseStage,
    Prelu,
    Quantize,
    Ref,
    Shuffle,
    Unary,
)
from pocketsr.engine.passes.simplify import split_groups
from pocketsr.engine.resample import cubic_taps

__all__ = ["graph_of"]


class _Numbers:
    """Weights: drawn from a seed, or zeros that take no memory, which are enough to plan with."""

    def __init__(self, seed: int | None) -> None:
        self._draw = None if seed is None else np.random.default_rng(seed)

    def __call__(self, *shape: int) -> Array:
        if self._draw is None:
            return np.broadcast_to(np.float32(0), shape)
        spread = 1 / np.sqrt(np.prod(shape[1:], dtype=float))
        return self._draw.normal(0, spread, shape).astype(np.float32)


def graph_of(chain: Chain, name: str = "candidate", seed: int | None = None) -> Graph:
    """The graph that the engine's importer and passes make of the chain's ONNX file, step by step the same work.

    seed: of random weights; None: zeros, for planning alone. In low precision it is the file that `quant` writes, with
    `typical_weights`, since how a layer runs depends on its weights.
    """
    return _Builder(chain, seed).graph(name)


class _Builder:
    """Operations one after the other, and which of their values are stored as integers."""

    def __init__(self, chain: Chain, seed: int | None) -> None:
        self._chain, self._bits, self._seed = chain, chain.bits, seed
        self._numbers = _Numbers(seed)
        self._ops: list[Op] = []
        self._kept: dict[int, tuple[Dequantize, int]] = {}  # by value: what its numbers stand for, the largest of them

    def graph(self, name: str) -> Graph:
        chain = self._chain
        read = tuple(Ref(0, c) for c in range(chain.channels))
        if self._bits:
            step = 1 / PICTURE_LEVELS
            picture = x = self._add(Pointwise("picture", 1, read, (Quantize(step, 0, PICTURE_LEVELS),)))
            self._kept[1] = Dequantize(step, 0), PICTURE_LEVELS
        else:
            picture = x = read
            if chain.centred:
                ones = np.ones(chain.channels, np.float32)
                x = self._add(Pointwise("centre", 1, picture, (Affine(ones, -0.5 * ones),)))
        added = self._anchor(picture)
        made: list[tuple[Ref, ...]] = []  # the planes of each layer
        for index, layer in enumerate(chain.layers):
            stages = list(_activation(layer, self._numbers))
            following = chain.layers[index + 1] if index + 1 < len(chain.layers) else None
            if following is None and chain.anchor is not Anchor.NONE:
                stages.append(self._sum(added))
            later = [earlier for each in chain.layers[index + 2 :] for earlier in each.add]
            joined = following is not None and index not in later  # sums join the only operand that nobody else reads
            if following is not None and joined:
                stages += [self._sum(made[earlier]) for earlier in following.add]
            weight = self._numbers(layer.channels, len(x) // layer.groups, *layer.kernel)
            bias = self._numbers(layer.channels) if layer.bias else np.zeros(layer.channels, np.float32)
            conv = Conv(f"layer{index}", self._new(), x, weight, bias, layer.groups, chain.pad, tuple(stages))
            x = self._conv(conv, edge=index == 0 or following is None, stored=following is not None)
            made.append(x)
            if following is not None and following.add and not joined:
                x = self._summed(f"sum{index + 1}", x, [made[earlier] for earlier in following.add])
            if following is not None and layer.groups > 1 and following.groups > 1:
                order = np.arange(layer.channels).reshape(following.groups, -1).T.ravel()
                x = tuple(x[c] for c in order)
        result = self._add(Shuffle("shuffle", self._new(), x, chain.scale))
        graph = Graph(name, chain.channels, tuple(self._ops), result)
        return split_groups(graph) if any(layer.groups > 1 for layer in chain.layers) else graph

    def _new(self) -> int:
        return len(self._ops) + 1

    def _add(self, op: Op) -> tuple[Ref, ...]:
        self._ops.append(op)
        return tuple(Ref(op.value, c) for c in range(op.channels))

    def _anchor(self, picture: tuple[Ref, ...]) -> tuple[Ref, ...]:
        """The planes that the last layer's are added to."""
        weights = _anchor_weights(self._chain, self._numbers)
        if weights is None:
            return tuple(ref for ref in picture for _ in range(self._chain.scale**2))
        pad = Pad.EDGE if self._chain.anchor is Anchor.BICUBIC else self._chain.pad
        return self._conv(Conv("anchor", self._new(), picture, *weights, pad=pad), edge=True, stored=False)

    def _conv(self, conv: Conv, edge: bool, stored: bool) -> tuple[Ref, ...]:
        """`conv`, as an integer convolution where precision is low. edge, stored: as `quant.source.Layout` has them."""
        if self._bits is None:
            return self._add(conv)
        way, top = self._kept[conv.inputs[0].value]
        seed = conv.value if self._seed is None else 1000 * self._seed + conv.value
        weight_numbers = typical_weights(conv.weight.shape, EDGE_BITS if edge else self._bits.weights, seed)
        # so that results spread over the levels: inputs and weights by their mean square
        spread = np.sqrt(np.square(weight_numbers, dtype=np.float64).sum(axis=(1, 2, 3))) * top / 4
        step = ((self._bits.levels / 4 if stored else 0.1) / spread).astype(np.float32)
        weight = weight_numbers * (step / way.step)[:, None, None, None].astype(np.float32)
        bias = np.zeros(conv.channels, np.int32)
        stages = (*conv.stages, self._quantize(conv.value, conv.stages)) if stored else conv.stages
        integers = Integers(weight_numbers, bias, step, way.zero, top)
        return self._add(replace(conv, weight=weight, bias=bias * step, stages=stages, integers=integers))

    def _quantize(self, value: int, stages: Sequence[PointwiseStage]) -> Quantize:
        """How `value` is stored. Its step is in those before it (`passes_quant.fold_steps`), but for tanh's."""
        assert self._bits is not None
        levels = self._bits.levels
        step = 2 / levels if any(isinstance(stage, Function) for stage in stages) else 1.0
        relu = bool(stages) and isinstance(stages[0], Prelu) and not stages[0].slope.any()
        zero = 0 if relu else levels // 4
        self._kept[value] = Dequantize(step, zero), levels
        return Quantize(step, zero, levels)

    def _sum(self, other: tuple[Ref, ...]) -> Combine:
        known = self._kept.get(other[0].value)
        return Combine(Binary.ADD, other, known[0] if known else None)

    def _summed(self, name: str, x: tuple[Ref, ...], others: list[tuple[Ref, ...]]) -> tuple[Ref, ...]:
        """A sum that is kept beside its first operand."""
        sums = tuple(self._sum(other) for other in others)
        if self._bits is None:
            return self._add(Pointwise(name, self._new(), x, sums))
        way = self._kept[x[0].value][0]
        return self._add(Pointwise(name, self._new(), x, (way, *sums, self._quantize(self._new(), ()))))


def _activation(layer: Layer, numbers: _Numbers) -> tuple[PointwiseStage, ...]:
    match layer.act:
        case Act.NONE:
            return ()
        case Act.RELU:
            return (Prelu(np.zeros(layer.channels, np.float32)),)
        case Act.TANH:
            return (Function(Unary.TANH),)
    return (Prelu(np.full(layer.channels, 0.25, np.float32) + 0.1 * numbers(layer.channels)),)


def _anchor_weights(chain: Chain, numbers: _Numbers) -> tuple[Array, Array] | None:
    """Weights and biases of the convolution that the anchor is; None where it is none."""
    outputs = chain.channels * chain.scale**2
    if chain.anchor is Anchor.LEARNED:
        return numbers(outputs, chain.channels, 5, 5), numbers(outputs)
    if chain.anchor is not Anchor.BICUBIC:
        return None
    if chain.channels != 1:
        raise ValueError("the bicubic anchor is one of luma")
    taps = cubic_taps(chain.scale)
    weight = np.einsum("iy,jx->ijyx", taps, taps).reshape(outputs, 1, *[taps.shape[1]] * 2).astype(np.float32)
    return weight, np.zeros(outputs, np.float32)
