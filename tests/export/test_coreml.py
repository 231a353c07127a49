"""Core ML's packages, interpreted by NumPy: no Mac runs here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from export_nets import net_of_many_forms, net_with
from onnx import numpy_helper

from pocketsr.errors import UserError
from pocketsr.export import export
from pocketsr.export._mil import OPERATORS, interpret
from pocketsr.export.checking import compare, pictures
from pocketsr.export.source import open_source

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from quantized_nets import whole_chain

ct = pytest.importorskip("coremltools", reason="needs coremltools: pip install 'pocketsr[coreml]'")

SIZE = (96, 64)


def _spec(path: Path) -> Any:
    return ct.models.MLModel(str(path), skip_model_load=True).get_spec()


def test_a_network_is_an_image_in_and_an_image_out(tmp_path: Path) -> None:
    report = export("coreml", "small", tmp_path, size=SIZE)
    assert report.max_levels is not None
    assert report.max_levels <= 1  # float16
    assert report.differing_share is not None
    assert report.differing_share < 0.05
    assert report.ms is None
    assert {each.unit for each in report.operators} == {None}
    assert any("Not run on any Mac" in note for note in report.notes)
    description = _spec(tmp_path / "small.mlpackage").description
    picture, enlarged = description.input[0].type.imageType, description.output[0].type.imageType
    assert (picture.width, picture.height) == SIZE
    sizes = [(each.width, each.height) for each in picture.enumeratedSizes.sizes]
    assert SIZE in sizes
    assert (640, 360) in sizes
    assert (360, 640) in sizes
    assert picture.colorSpace == enlarged.colorSpace
    assert description.output[0].name == "enlarged"


def test_in_float32_it_gives_our_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = export("coreml", "tiny", tmp_path, size=SIZE, precision="float32")
    assert capsys.readouterr() == ("", "")  # coremltools has progress bars
    assert report.files == ("tiny-float32.mlpackage",)
    assert report.max_levels is not None
    assert report.max_levels <= 1
    assert report.differing_share is not None
    assert report.differing_share < 1e-3


def test_a_quantized_network_keeps_its_8_bits(tmp_path: Path) -> None:
    """Every convolution's weights are bytes in the file, and what it reads is rounded to bytes before."""
    report = export("coreml", "small-w8a8", tmp_path, size=SIZE)
    assert (report.precision, report.files) == ("int8", ("small-w8a8.mlpackage",))
    assert report.psnr_db is not None
    assert report.psnr_db > 50
    spec = _spec(tmp_path / "small-w8a8.mlpackage")
    assert spec.specificationVersion == 8  # iOS 17
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    made = {output.name: op for op in block.operations for output in op.outputs}

    def maker(op: Any, name: str) -> Any:
        return made[op.inputs[name].arguments[0].name]

    convolutions = [op for op in block.operations if op.type == "conv"]
    assert len(convolutions) == 6
    of_8_bits = {ct.proto.MIL_pb2.INT8, ct.proto.MIL_pb2.UINT8}  # coremltools itself turns a zero of -128 into uint8
    for conv in convolutions:
        weight = maker(conv, "weight")
        assert weight.type == "constexpr_affine_dequantize"
        assert weight.attributes["quantized_data"].type.tensorType.dataType == ct.proto.MIL_pb2.INT8
        stored = maker(conv, "x")
        stored = maker(stored, "x") if stored.type == "pad" else stored
        assert stored.type == "dequantize"
        assert maker(stored, "input").type == "quantize"
        assert maker(stored, "input").outputs[0].type.tensorType.dataType in of_8_bits


@pytest.mark.parametrize("name", ["small-w8a8", "medium"])
def test_in_8_bits_only_float16_is_between_it_and_ours(name: str) -> None:
    """The same operators in float32 round where ours does: its samples, but for ties."""
    from pocketsr.export.coreml import program

    source = open_source(name)
    made = program(source.layers, 32, 48, whole=True)

    def run(picture: np.ndarray) -> np.ndarray:
        return interpret(made, picture[None, None] / np.float32(255))[0, 0].astype(np.uint8)

    found = compare(run, source.reference(), pictures(32, 48, 1))
    assert found.psnr_db is None or found.psnr_db > 65
    assert found.differing_share < 0.01


@pytest.mark.parametrize("bits", [4, 8])
def test_quantized_files_of_others(bits: int, tmp_path: Path) -> None:
    onnx.save(whole_chain(8, bits=bits, depth=2), tmp_path / "net.onnx")
    report = export("coreml", tmp_path / "net.onnx", tmp_path / "out", size=SIZE)
    assert report.precision == "int8"
    assert report.psnr_db is not None
    assert report.psnr_db > (25 if bits == 4 else 35)


def test_floats_of_a_quantized_network(tmp_path: Path) -> None:
    report = export("coreml", "phone", tmp_path, size=SIZE, precision="float16")
    assert report.files == ("phone-float16.mlpackage",)
    assert "quantize" not in {each.name for each in report.operators}
    with pytest.raises(UserError, match=r"^precision int8: tiny isn't quantized"):
        export("coreml", "tiny", tmp_path, precision="int8")


def test_many_forms_of_layers_of_rgb(tmp_path: Path) -> None:
    network = net_of_many_forms(tmp_path / "forms.onnx")
    report = export("coreml", network, tmp_path, size=(50, 41), precision="float32")
    assert report.max_levels is not None
    assert report.max_levels <= 1
    assert report.differing_share is not None
    assert report.differing_share < 5e-3


def test_what_is_interpreted_is_what_apple_documents() -> None:
    """By hand: replicate repeats the edge, pixel_shuffle takes the row's offset before the column's, round goes to
    even, a slope is of the negative part alone."""
    x = np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1)
    assert OPERATORS["pixel_shuffle"]({"x": x, "upscale_factor": 2}).tolist() == [[[[0, 1], [2, 3]]]]
    row = np.array([[[[1, 2]]]], np.float32)
    padded = OPERATORS["pad"]({"x": row, "pad": [0, 1, 2, 0], "mode": "replicate"})
    assert padded[0, 0].tolist() == [[1, 1, 1, 2]] * 2
    assert OPERATORS["round"]({"x": np.array([0.5, 1.5, 2.5])}).tolist() == [0, 2, 2]
    signs = np.array([-2.0, 2.0], np.float32).reshape(1, 2, 1, 1)
    assert OPERATORS["prelu"]({"x": signs, "alpha": np.array([0.5, 0.5])}).ravel().tolist() == [-1, 2]


def test_bytes_are_as_coremltools_defines_them() -> None:
    """clip(round(input / scale) + zero_point), half to even; scale * (input - zero_point); a step for each plane."""
    x = np.array([-9.0, -0.5, 0.5, 1.5, 300.0], np.float32)
    way = {"scale": np.float32(1), "zero_point": np.int8(-100)}
    stored = OPERATORS["quantize"]({"input": x, "output_dtype": "int8", **way})
    assert stored.tolist() == [-109, -100, -100, -98, 127]
    assert OPERATORS["quantize"]({"input": x, "output_dtype": "uint8", "scale": np.float32(1)}).tolist() == [
        0,
        0,
        0,
        2,
        255,
    ]
    assert OPERATORS["dequantize"]({"input": np.array([-128, 127], np.int8), **way}).tolist() == [-28, 227]
    weight = np.array([[[[2]]], [[[-128]]]], np.int8)
    given = {"quantized_data": weight, "zero_point": np.int8(1), "scale": np.array([0.5, 2]), "axis": np.int32(0)}
    assert OPERATORS["constexpr_affine_dequantize"](given).ravel().tolist() == [0.5, -258]


def test_numbers_beyond_float16_are_refused(tmp_path: Path) -> None:
    """They would be infinite, and then white where the result is clipped."""
    path = net_with(tmp_path / "bright.onnx")
    model = onnx.load(path)
    for constant in model.graph.initializer:
        constant.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(constant) * np.float32(1e6), constant.name))
    onnx.save(model, path)
    with pytest.raises(UserError, match=r"^bright has numbers that Core ML's float16 doesn't hold: .*float32"):
        export("coreml", path, tmp_path / "out", size=SIZE)
    assert not (tmp_path / "out").exists()
    assert export("coreml", path, tmp_path / "out", size=SIZE, precision="float32").max_levels == 0


def test_a_layer_without_a_form_is_refused_by_its_node(tmp_path: Path) -> None:
    network = net_with(tmp_path / "odd.onnx", "Mish")
    with pytest.raises(UserError, match=r"^node 'Mish_node': coreml has no form for mish"):
        export("coreml", network, tmp_path / "out")
    assert not (tmp_path / "out").exists()
