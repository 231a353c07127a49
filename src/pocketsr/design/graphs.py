"""A chain as the engine's own graph, simplified: neither PyTorch nor an ONNX file is needed to plan it or to run it."""

from __future__ import annotations

import numpy as np

from pocketsr.design.chain import Act, Anchor, Chain, Layer
from pocketsr.engine.ir import (
    Affine,
    Array,
    Binary,
    Combine,
    Conv,
    Function,
    Graph,
    Map,
    Op,
    Pad,
    Point,
    Prelu,
    Ref,
    Shuffle,
    Unary,
)
from pocketsr.engine.passes import part_groups
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

    seed: of random weights; None: of zeros, for planning alone.
    """
    numbers = _Numbers(seed)
    picture = tuple(Ref(0, c) for c in range(chain.channels))
    ops: list[Op] = []
    made: list[tuple[Ref, ...]] = []  # the planes of each layer

    def add(op: Op) -> tuple[Ref, ...]:
        ops.append(op)
        return tuple(Ref(op.value, c) for c in range(op.channels))

    def new() -> int:
        return len(ops) + 1

    x = picture
    if chain.centred:
        ones = np.ones(chain.channels, np.float32)
        x = add(Map("centre", new(), x, (Affine(ones, -0.5 * ones),)))
    anchored = _anchor(chain, numbers)
    if isinstance(anchored, Conv):
        ops.append(anchored := Conv("anchor", new(), picture, anchored.weight, anchored.bias, pad=anchored.pad))
        others = tuple(Ref(anchored.value, c) for c in range(anchored.channels))
    else:
        others = tuple(ref for ref in picture for _ in range(chain.scale**2))
    for index, layer in enumerate(chain.layers):
        points = list(_activation(layer, numbers))
        following = chain.layers[index + 1] if index + 1 < len(chain.layers) else None
        if following is None and chain.anchor is not Anchor.NONE:
            points.append(Combine(Binary.ADD, others))
        later = [earlier for each in chain.layers[index + 2 :] for earlier in each.add]
        joined = following is not None and index not in later  # sums join the only operand that nobody else reads
        if following is not None and joined:
            points += [Combine(Binary.ADD, made[earlier]) for earlier in following.add]
        weight = numbers(layer.channels, len(x) // layer.groups, *layer.kernel)
        bias = numbers(layer.channels) if layer.bias else np.zeros(layer.channels, np.float32)
        conv = Conv(f"layer{index}", new(), x, weight, bias, layer.groups, chain.pad, tuple(points))
        x = add(conv)
        made.append(x)
        if following is not None and following.add and not joined:
            sums = tuple(Combine(Binary.ADD, made[earlier]) for earlier in following.add)
            x = add(Map(f"sum{index + 1}", new(), x, sums))
        if following is not None and layer.groups > 1 and following.groups > 1:
            order = np.arange(layer.channels).reshape(following.groups, -1).T.ravel()
            x = tuple(x[c] for c in order)
    result = add(Shuffle("shuffle", new(), x, chain.scale))
    graph = Graph(name, chain.channels, tuple(ops), result)
    return part_groups(graph) if any(layer.groups > 1 for layer in chain.layers) else graph


def _activation(layer: Layer, numbers: _Numbers) -> tuple[Point, ...]:
    match layer.act:
        case Act.NONE:
            return ()
        case Act.RELU:
            return (Prelu(np.zeros(layer.channels, np.float32)),)
        case Act.TANH:
            return (Function(Unary.TANH),)
    return (Prelu(np.full(layer.channels, 0.25, np.float32) + 0.1 * numbers(layer.channels)),)


def _anchor(chain: Chain, numbers: _Numbers) -> Conv | None:
    """The convolution that the anchor is; None where it is none."""
    outputs = chain.channels * chain.scale**2
    if chain.anchor is Anchor.LEARNED:
        return Conv("", 0, (), numbers(outputs, chain.channels, 5, 5), numbers(outputs), pad=chain.pad)
    if chain.anchor is not Anchor.BICUBIC:
        return None
    if chain.channels != 1:
        raise ValueError("the bicubic anchor is one of luma")
    taps = cubic_taps(chain.scale)
    weight = np.einsum("iy,jx->ijyx", taps, taps).reshape(outputs, 1, *[taps.shape[1]] * 2).astype(np.float32)
    return Conv("", 0, (), weight, np.zeros(outputs, np.float32), pad=Pad.EDGE)
