"""Without training: pure, the same each time, and better with each of its means."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pocketsr.nets import SRNet, to_onnx
from pocketsr.quant import QuantNet, Source, Spec, quantize
from pocketsr.quant.observers import Ranges

Get = Callable[[str], Source]


def _error(net: SRNet, images: Tensor, exact: Tensor) -> float:
    with torch.no_grad():
        return float((net(images) - exact).square().mean())


def test_nothing_is_changed_and_the_same_comes_again(make: Callable[[str], SRNet], images: Tensor) -> None:
    net = make("chain")
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    one, other = (quantize(net, Spec.parse("w4a4"), images) for _ in range(2))
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name])
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])


def test_more_bits_are_closer(source: Get, images: Tensor) -> None:
    made = source("wide")
    with torch.no_grad():
        exact = QuantNet(made)(images)
    nets = [quantize(made, Spec.parse(name), images, equalise=False) for name in ("w8a8", "w4a8", "w4a4")]
    errors = [_error(net, images, exact) for net in nets]
    assert errors[0] < errors[1] < errors[2]
    assert errors[0] < 1e-3 * float(exact.square().mean())


def test_biases_take_back_what_rounding_shifts(source: Get, images: Tensor) -> None:
    made = source("wide")
    with torch.no_grad():
        exact = QuantNet(made)(images)
    with_it, without = (
        quantize(made, Spec.parse("w2a8"), images, bias_correction=on, equalise=False) for on in (True, False)
    )
    assert _error(with_it, images, exact) < 0.8 * _error(without, images, exact)
    with torch.no_grad():
        shift = [(net(images) - exact).mean().abs() for net in (with_it, without)]
    assert shift[0] < 0.2 * shift[1]


@pytest.mark.parametrize("name", ["w4a8", "w4a4", "w2a2"])
def test_the_least_error_beats_all_that_is_seen(source: Get, images: Tensor, name: str) -> None:
    made = source("wide")
    with torch.no_grad():
        exact = QuantNet(made)(images)
    best, naive = (
        _error(quantize(made, Spec.parse(name), images, how, equalise=False), images, exact)  # type: ignore[arg-type]
        for how in ("mse", "minmax")
    )
    assert best < naive


def test_a_file_and_its_network_become_the_same(
    make: Callable[[str], SRNet], images: Tensor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("net") / "chain.onnx"
    net = make("chain")
    to_onnx(net, path)
    one, other = (quantize(each, Spec.parse("w8a8"), images) for each in (net, path))
    assert torch.equal(one(images), other(images))
    assert other.source.name == "chain"


def test_flat_pictures_stay_flat(source: Get, images: Tensor) -> None:
    net = quantize(source("chain"), Spec.parse("w8a8"), images)
    flat = torch.full((1, 1, 9, 9), 0.5)
    with torch.no_grad():
        y = net(flat)
    for phase in (y[..., i::2, j::2] for i in (0, 1) for j in (0, 1)):
        assert phase.max() == phase.min()  # edges are repeated: no rim


@pytest.mark.parametrize("how", ["mse", "minmax"])
def test_kernels_of_all_classes_answer_to_brightness_alike(source: Get, images: Tensor, how: Ranges) -> None:
    made = source("chosen")
    net = quantize(made, Spec.parse("w8a8"), images, how, equalise=False)
    first = net.convs()[0]
    assert first.quant is not None
    exact = QuantNet(made).convs()[0].kernels()  # CO K CI KH KW
    scale = first.quant.scale(first.kernels())
    sums = first.quant.whole(first.kernels(), scale).sum((-1, -2, -3))
    assert torch.equal(sums, (exact / scale.view(-1, 1, 1, 1, 1)).sum((-1, -2, -3)).round())
