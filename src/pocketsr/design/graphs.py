"""A chain as the engine's own graph, simplified: neither PyTorch nor an ONNX file is needed to plan it or to run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import prod

import numpy as np

from pocketsr.design.chain import Act, Anchor, Chain
from pocketsr.design.precision import EDGE_BITS, PICTURE_LEVELS, typical_weights
from pocketsr.engine.ir.graph import (
    Affine,
    Array,
    Binary,
    Chosen,
    Classes,
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
    planes,
)
from pocketsr.engine.passes.simplify import parts_of, split_groups
from pocketsr.engine.resample import cubic_taps
from pocketsr.pixels.structure import DIRECTIONS, limit_of

__all__ = ["graph_of"]


class _Numbers:
    """Weights: drawn from a seed, or zeros that take no memory, which are enough to plan with."""

    def __init__(self, seed: int | None) -> None:
        self._draw = None if seed is None else np.random.default_rng(seed)

    def __call__(self, *shape: int) -> Array:
        if self._draw is None:
            return _zeros(shape)
        spread = 1 / np.sqrt(np.prod(shape[1:], dtype=float))
        return self._draw.normal(0, spread, shape).astype(np.float32)


_NO_NUMBERS = _Numbers(None)


@cache
def _zeros(shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(np.float32(0), shape)


@cache
def _dealt_out(channels: int, groups: int) -> list[int]:
    """The channels in the order in which groups that follow read them: one of each group in turn."""
    order: list[int] = np.arange(channels).reshape(groups, -1).T.ravel().tolist()
    return order


@cache
def _unseeded_integers(
    shape: tuple[int, ...], bits: int, parts: int, classes: int, way: Dequantize, top: int
) -> Integers:
    """Of a convolution that is only planned: each of its `parts` has the same typical weights. Read-only.

    shape: CO CI/groups KH KW. classes: of which each has the same kernels; 0: kernels aren't chosen."""
    weight = np.tile(typical_weights((shape[0] // parts, *shape[1:]), bits), (parts, 1, 1, 1))
    if classes:
        weight = np.broadcast_to(weight, (classes, *shape))
    return Integers(weight, np.zeros(shape[0], np.int32), _zeros(shape[:1]), way.zero, top)


def _limits(classes: int) -> tuple[int, ...]:
    """Between the strengths of so many classes, as `nets.pocket.Choice` has them by default."""
    count = classes // DIRECTIONS - 1
    return tuple(limit_of(11.5 * 1.4 ** (2 * i - count + 1)) for i in range(count))


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
        self._numbers = _NO_NUMBERS if seed is None else _Numbers(seed)
        self._ops: list[Op] = []
        self._kept: dict[int, tuple[Dequantize, int]] = {}  # by value: what its numbers stand for, the largest of them

    def graph(self, name: str) -> Graph:
        chain = self._chain
        read = planes(0, chain.channels)
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
        self._choose_by(read)
        made: list[tuple[Ref, ...]] = []  # the planes of each layer
        for index, layer in enumerate(chain.layers):
            stages = list(_activation(layer.act, layer.channels, self._numbers))
            following = chain.layers[index + 1] if index + 1 < len(chain.layers) else None
            if following is None and chain.anchor is not Anchor.NONE:
                stages.append(self._sum(added))
            later = [earlier for each in chain.layers[index + 2 :] for earlier in each.add]
            joined = following is not None and index not in later  # sums join the only operand that nobody else reads
            if following is not None and joined:
                stages += [self._sum(made[earlier]) for earlier in following.add]
            weight, chosen = self._kernels((layer.channels, len(x) // layer.groups, *layer.kernel), layer.classes)
            bias = self._numbers(layer.channels) if layer.bias else _zeros((layer.channels,))
            conv = Conv(
                f"layer{index}", self._new(), x, weight, bias, layer.groups, chain.pad, tuple(stages), None, chosen
            )  # fmt: skip
            x = self._conv(conv, edge=index == 0 or following is None, stored=following is not None)
            made.append(x)
            if following is not None and following.add and not joined:
                x = self._summed(f"sum{index + 1}", x, [made[earlier] for earlier in following.add])
            if following is not None and layer.groups > 1 and following.groups > 1:
                x = tuple([x[c] for c in _dealt_out(layer.channels, following.groups)])
        result = self._add(Shuffle("shuffle", self._new(), x, chain.scale))
        graph = Graph(name, chain.channels, tuple(self._ops), result)
        return split_groups(graph) if any(layer.groups > 1 for layer in chain.layers) else graph

    def _new(self) -> int:
        return len(self._ops) + 1

    def _add(self, op: Op) -> tuple[Ref, ...]:
        self._ops.append(op)
        return planes(op.value, op.channels)

    def _choose_by(self, luma: tuple[Ref, ...]) -> None:
        """What finds the classes, if there are any."""
        if not self._chain.classes:
            return
        scaled = Affine(np.full(1, 255, np.float32), _zeros((1,)))
        levels = self._add(Pointwise("levels", self._new(), luma, (scaled, Quantize(1.0, 0, 255))))
        (self._classes,) = self._add(Classes("classes", self._new(), (levels[0],), _limits(self._chain.classes)))

    def _kernels(self, shape: tuple[int, ...], classes: int) -> tuple[Array, Chosen | None]:
        """Weights in `shape`, and where kernels are chosen those of each class, whose mean they are then."""
        if not classes:
            return self._numbers(*shape), None
        if self._seed is None:
            return _zeros(shape), Chosen(self._classes, _zeros((classes, *shape)))
        each = np.stack([self._numbers(*shape) for _ in range(classes)])
        return each.mean(0), Chosen(self._classes, each)

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
        bits, chosen = EDGE_BITS if edge else self._bits.weights, conv.chosen
        stages = (*conv.stages, self._quantize(conv.value, conv.stages)) if stored else conv.stages
        if self._seed is None:
            classes = len(chosen.weight) if chosen else 0
            integers = _unseeded_integers(conv.weight.shape, bits, parts_of(conv), classes, way, top)
            return self._add(Conv(
                conv.name, conv.value, conv.inputs, conv.weight, conv.bias, conv.groups, conv.pad, stages, integers,
                chosen,
            ))  # fmt: skip
        shape = chosen.weight.shape if chosen else conv.weight.shape  # CO CI/groups KH KW, with chosen kernels K before
        numbers = typical_weights((prod(shape[:-3]), *shape[-3:]), bits, 1000 * self._seed + conv.value).reshape(shape)
        # so that results spread over the levels: inputs and weights by their mean square
        power = np.square(numbers, dtype=np.float64).sum(axis=(-3, -2, -1)).reshape(-1, conv.channels).mean(0)
        step = ((self._bits.levels / 4 if stored else 0.1) / (np.sqrt(power) * top / 4)).astype(np.float32)
        weight = numbers * (step / way.step)[:, None, None, None].astype(np.float32)
        if chosen:
            chosen, weight = Chosen(chosen.classes, weight), weight.mean(0)
        bias = np.zeros(conv.channels, np.int32)
        integers = Integers(numbers, bias, step, way.zero, top)
        return self._add(
            replace(conv, weight=weight, bias=bias * step, stages=stages, integers=integers, chosen=chosen)
        )

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


def _drawn_activation(act: Act, channels: int, numbers: _Numbers) -> tuple[PointwiseStage, ...]:
    match act:
        case Act.NONE:
            return ()
        case Act.RELU:
            return (Prelu(np.zeros(channels, np.float32)),)
        case Act.TANH:
            return (Function(Unary.TANH),)
    return (Prelu(np.full(channels, 0.25, np.float32) + 0.1 * numbers(channels)),)


def _activation(act: Act, channels: int, numbers: _Numbers) -> tuple[PointwiseStage, ...]:
    return _unseeded_activation(act, channels) if numbers is _NO_NUMBERS else _drawn_activation(act, channels, numbers)


@cache
def _unseeded_activation(act: Act, channels: int) -> tuple[PointwiseStage, ...]:
    return _drawn_activation(act, channels, _NO_NUMBERS)


def _anchor_weights(chain: Chain, numbers: _Numbers) -> tuple[Array, Array] | None:
    """Weights and biases of the convolution that the anchor is; None where it is none."""
    outputs = chain.channels * chain.scale**2
    if chain.anchor is Anchor.LEARNED:
        return numbers(outputs, chain.channels, 5, 5), numbers(outputs)
    if chain.anchor is not Anchor.BICUBIC:
        return None
    if chain.channels != 1:
        raise ValueError("the bicubic anchor is one of luma")
    return _bicubic(chain.scale), _zeros((outputs,))


@cache
def _bicubic(scale: int) -> Array:
    taps = cubic_taps(scale)
    weight: Array = np.einsum("iy,jx->ijyx", taps, taps).reshape(scale**2, 1, *[taps.shape[1]] * 2).astype(np.float32)
    return weight
