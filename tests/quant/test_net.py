"""Any network as a module: the file's results in full precision, and only what depends on no padding for patches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor

from pocketsr.engine.ir.graph import Conv, Pointwise
from pocketsr.errors import UserError
from pocketsr.nets import SRNet
from pocketsr.quant import QuantNet, Source, Spec, quantize, read_source, write_onnx
from pocketsr.quant.source import layout_of, source_from

Get = Callable[[str], Source]


def _by_file(source: Source, x: Tensor) -> Tensor:
    model = onnx.load_from_string(source.content)
    (y,) = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: x.numpy()})
    return torch.from_numpy(y)


@torch.no_grad()
def test_full_precision_is_what_the_file_says(source: Get, any_net: str) -> None:
    net = QuantNet(source(any_net)).eval()
    for height, width in ((17, 22), (1, 3)):
        x = torch.rand(1, 1, height, width)
        torch.testing.assert_close(net(x), _by_file(net.source, x), atol=1e-5, rtol=0)


@torch.no_grad()
def test_patches_see_no_padding(source: Get, make: Callable[[str], SRNet], any_net: str, images: Tensor) -> None:
    net = QuantNet(source(any_net)).eval()
    assert net.halo == make(any_net).halo
    margin = net.scale * net.halo
    inner = net(images)[..., margin:-margin, margin:-margin]
    torch.testing.assert_close(net.valid(images), inner, atol=1e-5, rtol=0)
    y, features = net.observed(images)
    torch.testing.assert_close(y, inner, atol=1e-5, rtol=0)
    assert len(features) == len(net.convs()) - 1 - (any_net in ("bicubic", "learned"))


@torch.no_grad()
def test_features_are_those_of_the_network_itself(
    source: Get, make: Callable[[str], SRNet], images: Tensor
) -> None:  # fmt: skip
    few = quantize(source("groups"), Spec.parse("w8a8"), images)
    assert any((few.factor(value) != 1).any() for value in few.layout.stored)  # channels were made alike
    theirs = make("groups").features(images)
    for exact, own in zip(theirs, few.features(images), strict=True):
        assert (exact - own).abs().mean() < 0.05 * exact.abs().mean()


def test_which_values_are_stored(source: Get) -> None:
    layout = layout_of(source("groups").graph)
    assert len(layout.stored) == 3  # not the last one's
    assert set(layout.stored) == set(layout.stored.values())
    assert len(layout.edges) == 2
    assert len(layout_of(source("learned").graph).edges) == 3  # the anchor's too


@torch.no_grad()
def test_an_offset_of_the_picture_is_not_stored(source: Get) -> None:
    made = source("wide")
    assert not any(isinstance(op, Pointwise) for op in made.graph.ops)
    assert QuantNet(made).layout.edges == {op.value for op in made.graph.ops if isinstance(op, Conv)} - {
        value for value in layout_of(made.graph).stored if value != made.graph.ops[0].value
    }


def _dense(picture_too: bool) -> bytes:
    """A convolution that reads what two others gave, side by side; or one of them beside the picture."""
    rng = np.random.default_rng(0)
    constants = {"w0": (2, 1, 3, 3), "w1": (2, 2, 1, 1), "w2": (4, 3 if picture_too else 4, 3, 3)}
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["a"], pads=[1] * 4),
        helper.make_node("BatchNormalization", ["a", "s", "o", "o", "s"], ["n"]),
        helper.make_node("Relu", ["n"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"]),
        helper.make_node("Concat", ["b", "x" if picture_too else "c"], ["d"], axis=1),
        helper.make_node("Conv", ["d", "w2"], ["e"], pads=[1] * 4),
        helper.make_node("DepthToSpace", ["e"], ["y"], blocksize=2),
    ]
    sides = [1, 1, "h", "w"], [1, 1, "h2", "w2"]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in zip("xy", sides, strict=True)]
    weights = {name: rng.normal(size=shape).astype(np.float32) / 3 for name, shape in constants.items()}
    weights |= {"s": np.array([1.5, 0.5], np.float32), "o": np.array([0.1, 0.2], np.float32)}
    held = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "dense", values[:1], values[1:], held)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    helper.set_model_props(model, {"pocketsr.value_range": "1"})
    return model.SerializeToString()


@torch.no_grad()
def test_values_that_are_read_together_share_their_scale(images: Tensor) -> None:
    source = source_from("dense", _dense(picture_too=False))
    layout = layout_of(source.graph)
    assert len(layout.stored) == 2
    assert len(set(layout.stored.values())) == 1
    net = QuantNet(source)  # batch norm is folded
    torch.testing.assert_close(net(images[:1]), _by_file(source, images[:1]), atol=2e-6, rtol=0)
    few = quantize(source, Spec.parse("w8a8"), images)
    assert len(few.acts) == 1
    assert (few(images) - net(images)).abs().mean() < 0.01
    with pytest.raises(UserError, match="reads the picture beside other planes"):
        source_from("dense", _dense(picture_too=True))


def test_what_is_quantized_already_is_refused(source: Get, images: Tensor, tmp_path: Path) -> None:
    write_onnx(quantize(source("chain"), Spec.parse("w8a8"), images), tmp_path / "few.onnx")
    with pytest.raises(UserError, match=r"few\.onnx is quantized already: name the network that it was made from"):
        read_source(tmp_path / "few.onnx")


def test_sums_stay_within_the_span(images: Tensor, source: Get) -> None:
    spec = Spec.parse("w2a4")
    free = quantize(source("wide"), spec, images, equalise=False)
    bound = quantize(source("wide"), spec, images, equalise=False, span_bits=8)

    def sums(net: QuantNet) -> list[float]:
        found = []
        for step in net.convs():
            if step.op.value not in net.layout.edges:
                assert step.quant is not None
                whole = step.quant.whole(step.weight, step.quant.scale(step.weight)).detach()
                found.append(float(whole.flatten(1).abs().sum(1).max()) * spec.levels)
        return found

    assert max(sums(bound)) < 256 < max(sums(free))
