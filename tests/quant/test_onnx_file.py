"""The file: every runtime reads the same from it, and it is as small as its bits say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from quant_samples import textures
from torch import Tensor

from pocketsr.quant import QuantNet, Source, Spec, quantize, write_onnx
from pocketsr.quant.onnx_file import onnx_model
from pocketsr.quant.source import source_from

Get = Callable[[str], Source]


def _outputs(model: onnx.ModelProto, kind: str) -> list[str]:
    return [node.output[0] for node in model.graph.node if node.op_type == kind]


def _stored(net: QuantNet, x: Tensor) -> list[np.ndarray]:
    """The integers of each stored value, in the order of the graph."""
    found = []
    with torch.no_grad():
        values = net.values(x)
        for value in net.layout.stored:
            act = net.act(value)
            assert act is not None
            found.append((values[value] / act.scale()).round().numpy() + int(act.zero))
    return found


@pytest.mark.parametrize(
    ("spec", "key", "size"),
    [
        ("w8a8", "groups", (13, 9)),
        ("w8a8", "bicubic", (7, 16)),
        ("w8a8", "zeros", (13, 9)),
        ("w4a8", "learned", (5, 12)),
        ("w4a4", "chain", (1, 2)),
        ("w2a8", "groups", (13, 9)),
        ("w8a8", "chosen", (13, 9)),
        ("w4a4", "chosen", (13, 9)),
        ("w2a8", "chosen", (11, 8)),
        ("w2a4", "wide", (13, 11)),
        ("w2a2", "wide", (13, 11)),
    ],
)
def test_three_evaluators_agree(source: Get, images: Tensor, spec: str, key: str, size: tuple[int, int]) -> None:
    net = quantize(source(key), Spec.parse(spec), images, equalise=False)
    model = onnx_model(net)
    x = textures(1, *size, seed=3)
    feed = {model.graph.input[0].name: x.numpy()}
    with torch.no_grad():
        y = net(x).numpy()
    whole = _outputs(model, "QuantizeLinear")[1:]  # without the picture's
    stored = _stored(net, x)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    by_runtime = session.run(None, feed)[0]
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    tapped.graph.output.extend(onnx.ValueInfoProto(name=name) for name in whole)
    by_reference, *numbers = ReferenceEvaluator(tapped).run(None, feed)
    assert len(numbers) == len(stored)
    steps = np.concatenate([np.abs(a.astype(np.float32) - b).ravel() for a, b in zip(numbers, stored, strict=True)])
    assert steps.max() <= 1
    assert (steps > 0).mean() < 1e-3
    for other in (by_reference, by_runtime):
        off = np.abs(other - y) * 255
        assert off.max() < 1
        assert (off > 0.01).mean() < 1e-2


@pytest.mark.parametrize(("spec", "bits"), [("w8a8", 8), ("w4a4", 4), ("w2a2", 2)])
def test_weights_take_the_room_that_their_bits_say(source: Get, images: Tensor, spec: str, bits: int) -> None:
    made = source("wide")
    model = onnx_model(quantize(made, Spec.parse(spec), images, equalise=False))
    kinds = {8: TensorProto.INT8, 4: TensorProto.INT4, 2: TensorProto.INT2}
    held = [item for item in model.graph.initializer if item.name.endswith("/weight")]
    sizes = [(item.data_type, -(-int(np.prod(item.dims)) * b // 8)) for item, b in zip(held, _bits(held), strict=True)]
    assert [len(item.raw_data) for item in held] == [size for _, size in sizes]
    inner = held[1:-1]
    assert {item.data_type for item in inner} == {kinds[bits]}
    assert {held[0].data_type, held[-1].data_type} == {TensorProto.INT8}
    assert {opset.version for opset in model.opset_import} == {25 if bits == 2 else 21}


def _bits(held: list[onnx.TensorProto]) -> list[int]:
    known = {TensorProto.INT8: 8, TensorProto.INT4: 4, TensorProto.INT2: 2}
    return [known[item.data_type] for item in held]


def test_the_form_that_the_engine_takes(source: Get, images: Tensor) -> None:
    net = quantize(source("groups"), Spec.parse("w4a4"), images)
    model = onnx_model(net)
    held = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    nodes = {node.output[0]: node for node in model.graph.node}
    pictures = [node for node in model.graph.node if node.input[0] == model.graph.input[0].name]
    assert [node.op_type for node in pictures] == ["QuantizeLinear"]
    assert held[pictures[0].input[1]] == np.float32(1 / 4080)
    assert held[pictures[0].input[2]].dtype == np.uint16
    convs = [node for node in model.graph.node if node.op_type == "Conv"]
    for node in convs:
        weight, bias = (nodes[name] for name in node.input[1:3])
        assert (weight.op_type, bias.op_type) == ("DequantizeLinear", "DequantizeLinear")
        x = node.input[0]
        while nodes[x].op_type in ("Pad", "Gather"):
            x = nodes[x].input[0]
        assert nodes[x].op_type == "DequantizeLinear"
        np.testing.assert_array_equal(held[bias.input[1]], held[nodes[x].input[1]] * held[weight.input[1]])
        assert held[bias.input[0]].dtype == np.int32
    read = [name for node in model.graph.node for name in node.input]
    for name in _outputs(model, "QuantizeLinear"):
        assert read.count(name) == 1  # one pair a stored value
    properties = {item.key: item.value for item in model.metadata_props}
    assert properties["pocketsr.value_range"] == "1"
    assert properties["pocketsr.spec"] == "w4a4"
    assert model.graph.output[0].name == "luma_x2"
    assert [dim.dim_param for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]] == ["height", "width"]


def test_a_file_is_complete_or_absent(source: Get, images: Tensor, tmp_path: Path) -> None:
    net = quantize(source("chain"), Spec.parse("w8a8"), images)
    write_onnx(net, tmp_path / "few.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "few.onnx"), full_check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["few.onnx"]
    with pytest.raises(ValueError, match="has its ONNX file already"):
        write_onnx(QuantNet(net.source), tmp_path / "exact.onnx")
    assert not (tmp_path / "exact.onnx").exists()


def test_hostile_and_like_names(source: Get, images: Tensor) -> None:
    """All nodes of one name, which holds what no name should: the file is valid, and computes the same."""
    given = source("groups")
    model = onnx.load_from_string(given.content)
    for node in model.graph.node:
        node.name = "*/\x1b[2J\n" + "x" * 10_000
    model.graph.name = "\x1b]0;t\x07"
    plain, odd = (quantize(each, Spec.parse("w8a8"), images, equalise=False)
                  for each in (given, source_from("net", model.SerializeToString())))  # fmt: skip
    made = onnx_model(odd)
    names = [made.graph.name, *(name for node in made.graph.node for name in (node.name, *node.output))]
    assert all(name.isprintable() and name.isascii() and len(name) < 150 for name in names)
    x = {made.graph.input[0].name: textures(1, 13, 9, seed=3).numpy()}
    same = onnx_model(plain)
    (expected,) = ReferenceEvaluator(same).run(None, {same.graph.input[0].name: x[made.graph.input[0].name]})
    assert np.array_equal(ReferenceEvaluator(made).run(None, x)[0], expected)
