"""Files for accelerators: 8 bits throughout, in the form that each vendor's tools read, in ONNX Runtime and in QNN."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from export_nets import net_of_many_forms, net_with, photograph
from onnx import TensorProto, numpy_helper

pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'pocketsr[npu]'")

from pocketsr.engine import load
from pocketsr.engine.ir.graph import Pad
from pocketsr.errors import UserError
from pocketsr.export import export
from pocketsr.export._operators import LISTINGS, covered
from pocketsr.export._qdq import qdq_model
from pocketsr.export._vendor import in_onnxruntime
from pocketsr.export.checking import compare, pictures
from pocketsr.export.layers import Affine, Clip, Concat, Conv, Layer, Network, Prelu, Rounded, Shuffle, Tensor
from pocketsr.export.meaning import evaluate
from pocketsr.export.source import open_source
from pocketsr.pixels import imresize, psnr

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from engine_nets import chain
from quantized_nets import whole_chain
from told_nets import told_model

SIZE = (64, 48)
VENDORS = ("qnn", "snpe", "neuropilot")


@pytest.mark.parametrize("target", VENDORS)
def test_all_is_8_bits_of_four_axes_and_of_one_size(target: str, tmp_path: Path) -> None:
    report = export(target, "small-w8a8", tmp_path, size=SIZE)
    model = onnx.load(tmp_path / f"small-w8a8-{target}.onnx")
    shapes = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    made = {value.name: value.type.tensor_type for value in shapes.graph.value_info}
    assert {len(each.shape.dim) for name, each in made.items() if not name.startswith("b")} == {4}  # b: biases
    assert {each.elem_type for each in made.values()} == {TensorProto.FLOAT, TensorProto.UINT8}
    sides = [model.graph.input[0], model.graph.output[0]]
    assert [each.type.tensor_type.elem_type for each in sides] == [TensorProto.UINT8] * 2
    assert [[axis.dim_value for axis in each.type.tensor_type.shape.dim] for each in sides] == [
        [1, 1, 48, 64],
        [1, 1, 96, 128],
    ]
    before = {node.output[0]: node for node in model.graph.node}
    after = {name: node for node in model.graph.node for name in node.input}
    for node in model.graph.node:  # no operator is left in floats: numbers come from 8 bits and go there
        if "quantize" not in node.op_type.lower():
            assert before[node.input[0]].op_type == "DequantizeLinear"
            assert after[node.output[0]].op_type == "QuantizeLinear"
    kinds = {node.op_type for node in model.graph.node}
    assert ("Pad" in kinds, "Slice" in kinds) == ((False, True) if target == "neuropilot" else (True, False))
    stored = [numpy_helper.to_array(each).dtype for each in model.graph.initializer]
    assert not {np.dtype(kind) for kind in ("uint16", "int16")} & set(stored)
    assert {each.unit for each in report.operators} == {LISTINGS[target].unit}
    assert report.coverage is not None
    assert set(report.coverage.listed) == kinds
    assert report.max_levels is not None
    assert report.max_levels <= 8


@pytest.mark.parametrize("name", ["small-w8a8", "medium", "quality", "phone"])
def test_a_shipped_network_in_8_bits_is_near_ours(name: str, tmp_path: Path) -> None:
    """`quality` read 44.8 dB while the range of its skip wasn't known when what is added to it was stored."""
    report = export("qnn", name, tmp_path, size=SIZE)
    assert report.psnr_db is not None
    assert report.psnr_db > 50


@pytest.mark.parametrize("name", ["small-w8a8", "medium"])
def test_a_photograph_is_restored_as_well_as_by_ours(name: str) -> None:
    """Within 0.1 dB; tools/record_exports.py has the figures on Set5 and B100."""
    large = photograph(160, 200)
    small = imresize(large, 0.5)
    height, width = small.shape
    runtime = in_onnxruntime(qdq_model(open_source(name).layers, height, width, False).SerializeToString())
    ours, theirs = psnr(load(name)(small), large), psnr(runtime(small), large)
    assert theirs > ours - 0.1
    assert theirs > psnr(imresize(small, 2), large) + 1


@pytest.mark.parametrize("target", ["qnn", "neuropilot"])
def test_many_forms_of_layers_of_rgb_in_floats(target: str, tmp_path: Path) -> None:
    report = export(target, net_of_many_forms(tmp_path / "forms.onnx"), tmp_path / "out", size=(50, 41))
    assert report.precision == "float32"
    assert report.max_levels is not None
    assert report.max_levels <= 1


def _layers() -> Network:
    """What shipped networks lack: zeros beyond the borders, ReLU, a scale of each plane, a clip in the middle, planes
    side by side, several planes shuffled, PReLU alone."""
    rng = np.random.default_rng(5)

    def floats(*shape: int, scale: float = 0.3) -> np.ndarray:
        return (rng.normal(size=shape) * scale).astype(np.float32)

    layers: list[Layer] = []

    def made(channels: int, scale: int = 1) -> Tensor:
        return Tensor(f"t{len(layers)}", channels, scale)

    def add(layer: Layer) -> Tensor:
        layers.append(layer)
        return layer.output

    x = Tensor("picture", 3)
    a = add(Conv("a", (x,), made(6), floats(6, 3, 3, 3), floats(6), Pad.ZERO))
    b = add(Prelu("b", (a,), made(6), np.zeros(6, np.float32)))
    c = add(Affine("c", (b,), made(6), floats(6), floats(6)))
    d = add(Prelu("d", (c,), made(6), floats(6)))
    e = add(Clip("e", (d,), made(6), -0.2, 0.5))
    f = add(Concat("f", (e, x, b), made(15)))
    weight = floats(12, 15, 3, 3, scale=0.15)
    steps = np.abs(weight).max(axis=(1, 2, 3)) / 127
    weight = (np.rint(weight / steps[:, None, None, None]) * steps[:, None, None, None]).astype(np.float32)
    g = add(Conv("g", (f,), made(12), weight, floats(12) + np.float32(0.5), Pad.EDGE, steps.astype(np.float32)))
    h = add(Rounded("h", (g,), made(12), 1 / 40, 10, 100))
    i = add(Shuffle("i", (h,), made(3, 2), 2))
    return Network("many", x, tuple(layers), i, 1.0)


@pytest.mark.parametrize("slices", [False, True])
def test_many_forms_of_layers_of_rgb_in_8_bits(slices: bool) -> None:
    net = _layers()
    run = in_onnxruntime(qdq_model(net, 20, 31, slices).SerializeToString())
    for picture in pictures(20, 31, 3):
        exact = evaluate(net, picture.transpose(2, 0, 1) / 255).transpose(1, 2, 0)
        error = run(picture) - np.clip(exact, 0, 1) * 255
        assert np.sqrt(np.mean(error**2)) < 4  # the last values have steps of 6 levels
        assert np.abs(error).max() < 32


@pytest.mark.parametrize("bits", [4, 8])
def test_quantized_files_of_others(bits: int, tmp_path: Path) -> None:
    onnx.save(whole_chain(8, bits=bits, depth=2), tmp_path / "net.onnx")
    report = export("qnn", tmp_path / "net.onnx", tmp_path / "out", size=SIZE)
    assert report.precision == "int8"
    assert report.psnr_db is not None
    assert report.psnr_db > (25 if bits == 4 else 35)


def test_at_one_strength(tmp_path: Path) -> None:
    onnx.save(told_model(chain((3, 3), 8), default="0.25"), tmp_path / "told.onnx")
    made = [export("snpe", tmp_path / "told.onnx", tmp_path, size=SIZE, strength=each) for each in (None, 1.0)]
    assert ["at strength 0.25." in made[0].notes[0], "at strength 1." in made[1].notes[0]] == [True, True]
    assert all(each.max_levels is not None and each.max_levels <= 1 for each in made)


def test_operators_that_no_list_has_are_said(tmp_path: Path) -> None:
    report = export("neuropilot", net_with(tmp_path / "odd.onnx", "Softplus"), tmp_path / "out", size=SIZE)
    assert report.coverage is not None
    assert report.coverage.unlisted == ("Softplus",)
    assert {each.name: each.unit for each in report.operators}["Softplus"] is None
    page = (tmp_path / "out" / "odd-neuropilot.md").read_text()
    assert "not listed: Softplus." in page
    assert "| Softplus | unknown here | 1 |" in page
    assert "CONV_2D there" in page
    every = covered(LISTINGS["snpe"], ["Conv", "Mish", "Conv"])
    assert (every.listed, every.unlisted) == (("Conv",), ("Mish",))


@pytest.mark.parametrize("target", VENDORS)
def test_commands_name_the_file_and_nothing_of_a_strangers(target: str, tmp_path: Path) -> None:
    """A file's name may hold anything; in commands that people run, an identifier is left of it."""
    hostile = tmp_path / "a; touch b $(touch c) {0} 'd.onnx"
    report = export(target, net_with(hostile), tmp_path / "out", size=SIZE)
    text = (tmp_path / "out" / report.files[1]).read_text()
    assert report.files[0] in text
    assert "touch" not in text.replace(report.files[0].removesuffix(".onnx"), "")
    assert report.files[0].removesuffix(f"-{target}.onnx").isidentifier()


def test_a_bias_beyond_32_bits_is_refused() -> None:
    x, y, z = Tensor("picture", 1), Tensor("t1", 4), Tensor("t2", 1, 2)
    weight = np.full((4, 1, 1, 1), 1e-9, np.float32)
    conv = Conv("far", (x,), y, weight, np.full(4, 100, np.float32), steps=np.full(4, 1e-11, np.float32))
    net = Network("far", x, (conv, Shuffle("s", (y,), z, 2)), z, 1.0)
    with pytest.raises(UserError, match=r"^node 'far': its bias doesn't fit 32 bits"):
        qdq_model(net, 8, 8, False)


@pytest.mark.slow
def test_qualcomms_simulation_takes_it_in_one_piece() -> None:
    """In 8 bits. Floats it refuses to prepare (onnxruntime-qnn 2.7.0), which the report says."""
    pytest.importorskip("onnxruntime_qnn", reason="needs onnxruntime-qnn: pip install 'pocketsr[qnn]'")
    from pocketsr.export._vendor import content
    from pocketsr.export.qnn import simulated

    source, given = open_source("small-w8a8"), pictures(48, 64, 1)
    data = content(source, 48, 64, "int8", False).SerializeToString()
    made = {each.tobytes(): result for each, result in zip(given, simulated(data, given), strict=True)}
    found = compare(lambda picture: made[picture.tobytes()], source.reference(), given)
    assert found.psnr_db is not None
    assert found.psnr_db > 45
    with pytest.raises(UserError):
        simulated(data[:1000], given)
