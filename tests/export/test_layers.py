"""Networks as layers on whole tensors: the same function of the picture as the engine's graph."""

from __future__ import annotations

import numpy as np
import pytest

from pocketsr import models
from pocketsr.engine import read_network
from pocketsr.engine.ir.graph import Affine, Binary, Combine, Conv, Graph, Pad, Pointwise, Prelu, Ref, Shuffle
from pocketsr.engine.ir.reference import evaluate as engine_evaluate
from pocketsr.export import meaning
from pocketsr.export.checking import pictures
from pocketsr.export.layers import without_rounding
from pocketsr.export.lowering import lower

RNG = np.random.default_rng(24)


@pytest.mark.parametrize("name", ["bicubic", "tiny", "small", "small-w8a8", "medium", "quality"])
def test_a_shipped_network_as_layers_is_the_same_function(name: str) -> None:
    graph, _ = read_network(models.resolve(name))
    picture = pictures(33, 42, 1)[0][None] / 255.0
    expected = engine_evaluate(graph, picture)
    found = meaning.evaluate(lower(graph), picture)
    if lower(graph).is_quantized:  # ties between two integers fall either way
        assert np.sqrt(np.mean((expected - found) ** 2)) < 0.3 / 255
    else:
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["small-w8a8", "medium"])
def test_what_was_rounded_is_left_out_for_floats(name: str) -> None:
    net = lower(read_network(models.resolve(name))[0])
    picture = RNG.integers(0, 256, (1, 12, 13)) / 255.0
    floats = meaning.evaluate(without_rounding(net), picture)
    error = np.abs(floats - meaning.evaluate(net, picture))
    assert 0 < np.sqrt(np.mean(error**2)) < 2 / 255


def _conv(name: str, value: int, refs: list[Ref], out: int, groups: int, *stages: object) -> Conv:
    weight = RNG.normal(size=(out, len(refs) // groups, 3, 3)).astype(np.float32) / 4
    bias = RNG.normal(size=out).astype(np.float32)
    return Conv(name, value, tuple(refs), weight, bias, groups, RNG.choice([Pad.EDGE, Pad.ZERO]), tuple(stages))


def test_planes_by_reference_become_weights_and_selections() -> None:
    """Groups, planes in another order, twice, of two values, one plane to all, and a shuffle to three planes."""
    slope = RNG.normal(size=6).astype(np.float32)
    first = _conv("first", 1, [Ref(0, 2), Ref(0, 0), Ref(0, 0), Ref(0, 1)], 6, 2, Prelu(slope))
    odd = [Ref(1, i) for i in (5, 1, 1, 0)]
    second = _conv(
        "second", 2, [*odd, Ref(0, 1), Ref(1, 2)], 6, 3, Combine(Binary.SUB, tuple(Ref(0, 1) for _ in slope))
    )
    mixed = (Ref(2, 0), Ref(1, 3), Ref(2, 5), Ref(2, 4))
    scaled = Affine(np.array([1, 2, 3, 4], np.float32), np.array([0, 1, 0, -1], np.float32))
    third = Pointwise(
        "third", 3, mixed, (scaled, Combine(Binary.MAX, (Ref(1, 0), Ref(1, 0), Ref(2, 2), Ref(3 - 1, 1))))
    )
    fourth = _conv("fourth", 4, [Ref(3, i) for i in range(4)], 12, 1)
    shuffle = Shuffle("shuffle", 5, tuple(Ref(4, i) for i in reversed(range(12))), 2)
    output = (Ref(5, 1), Ref(5, 0), Ref(5, 2))
    graph = Graph("odd", 3, (first, second, third, fourth, shuffle), output)
    picture = RNG.random((3, 9, 7))
    np.testing.assert_allclose(meaning.evaluate(lower(graph), picture), engine_evaluate(graph, picture), atol=1e-5)
