"""Channels made alike: the same result, and less lost when it is rounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from pocketsr.engine.ir.graph import Affine, Binary, Clip, Combine, Conv, Function, Ref, Unary
from pocketsr.quant import QuantNet, Source, Spec, quantize
from pocketsr.quant.equalise import equalised, factors

Get = Callable[[str], Source]


@torch.no_grad()
def _factors(source: Source, images: Tensor) -> dict[Ref, float]:
    net = QuantNet(source)
    return factors(source.graph, net.layout, {key: planes.numpy() for key, planes in net.values(images).items()})


@torch.no_grad()
def _uneven(source: Source) -> Source:
    """The same network, one channel of its first layer being 20 times as small."""
    first = next(op for op in source.graph.ops if isinstance(op, Conv))
    return replace(source, graph=equalised(source.graph, {Ref(first.value, 1): 1 / 20}))


@torch.no_grad()
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_result_stays(source: Get, any_net: str, images: Tensor, strength: float) -> None:
    made = source(any_net)
    by = _factors(made, images)
    alike = QuantNet(replace(made, graph=equalised(made.graph, by, strength)))
    torch.testing.assert_close(alike(images), QuantNet(made)(images), atol=5e-6, rtol=0)


def test_a_small_channel_is_made_larger(source: Get, images: Tensor) -> None:
    made = source("chain")
    first = next(op for op in made.graph.ops if isinstance(op, Conv))
    before, after = _factors(made, images), _factors(_uneven(made), images)
    small = Ref(first.value, 1)
    assert after[small] > 4 * before[small]


def test_planes_that_are_added_share_their_factor(source: Get, images: Tensor) -> None:
    made = source("groups")
    by = _factors(made, images)
    convs = [op for op in made.graph.ops if isinstance(op, Conv)]
    for c in range(8):  # the last hidden layer's result has the first one's added
        assert by[Ref(convs[0].value, c)] == by[Ref(convs[2].value, c)]
    assert len({by[Ref(convs[0].value, c)] for c in range(8)}) > 1


@torch.no_grad()
def test_what_can_not_hand_a_factor_through_stays(source: Get, images: Tensor) -> None:
    made = source("chain")
    bent = Combine(Binary.MUL, (Ref(0, 0),) * 5), Function(Unary.TANH), Clip(0, 1), Affine(*np.ones((2, 5), np.float32))
    first, *others = made.graph.ops
    for stage in bent:
        ops = [replace(first, stages=(*first.stages, stage)), *others]  # type: ignore[type-var]
        by = _factors(replace(made, graph=made.graph.with_ops(ops)), images)
        assert by
        assert not any(ref.value == first.value for ref in by)


@torch.no_grad()
def test_less_is_lost(source: Get, images: Tensor) -> None:
    made = _uneven(source("chain"))
    exact = QuantNet(made)(images)
    nets = [quantize(made, Spec.parse("w8a8"), images, equalise=on) for on in (False, True)]
    plain, alike = ((net(images) - exact).square().mean() for net in nets)
    assert alike < 0.6 * plain
