"""Quantized files as other programs write them: opset 13 on, signed numbers, zero points, weights of -128."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from engine_nets import Build
from onnx import numpy_helper

from pocketsr import UserError
from pocketsr.engine import load, read_network
from pocketsr.engine.ir.graph import Conv
from pocketsr.engine.ir.reference import evaluate


class Pairs(Build):
    """QuantizeLinear and DequantizeLinear with numbers of the types that are asked for."""

    def kept(self, array: Any, kind: str) -> str:
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array).astype(kind), name))
        return name

    def pair(self, x: str, step: float, zero: int, kind: str) -> str:
        scale, offset = self.const(np.float32(step)), self.kept(zero, kind)
        return str(self.op("DequantizeLinear", self.op("QuantizeLinear", x, scale, offset), scale, offset))

    def whole_conv(self, x: str, step: float, ci: int, co: int, kind: str, per_channel: bool) -> str:
        numbers = self.rng.integers(-128, 128, (co, ci, 3, 3))
        numbers[0, 0, 0, 0] = -128
        zero = 128 if kind == "uint8" else 0
        scale = (self.rng.uniform(0.5, 1.2, co if per_channel else 1) * 0.01 / np.sqrt(ci)).astype(np.float32)
        axis = {"axis": 0} if per_channel else {}
        scales, biases = (self.const(each if per_channel else each[0]) for each in (scale, np.float32(step) * scale))
        offset = self.kept([zero] * co if per_channel else zero, kind)
        weight = self.op("DequantizeLinear", self.kept(numbers + zero, kind), scales, offset, **axis)
        bias = self.op("DequantizeLinear", self.kept(self.rng.integers(-500, 500, co), "int32"), biases, **axis)
        return str(self.op("Conv", x, weight, bias, pads=[1] * 4))


def network(opset: int, acts: str, weights: str, per_channel: bool) -> onnx.ModelProto:
    b = Pairs()
    zero = 60 if acts == "uint8" else -17
    x = b.pair("x", 1 / 255, 0 if acts == "uint8" else -128, acts)
    t = b.op("Relu", b.whole_conv(x, 1 / 255, 1, 8, weights, per_channel))
    t = b.whole_conv(b.pair(t, 0.01, zero, acts), 0.01, 8, 4, weights, per_channel)
    return b.model(b.op("DepthToSpace", b.pair(t, 0.02, zero, acts), blocksize=2, mode="CRD"), opset)


PICTURE = np.random.default_rng(0).integers(0, 256, (33, 41)).astype(np.float32) / np.float32(255)


@pytest.mark.parametrize("opset", [13, 15, 18, 21])
@pytest.mark.parametrize("acts", ["uint8", "int8"])
@pytest.mark.parametrize("weights", ["uint8", "int8"])
@pytest.mark.parametrize("per_channel", [True, False])
def test_they_mean_what_onnxruntime_makes_of_them(
    opset: int, acts: str, weights: str, per_channel: bool, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    model = network(opset, acts, weights, per_channel)
    model.ir_version = 8 if opset < 21 else 10
    onnx.save(model, path)
    graph, _ = read_network(path)
    assert all(op.integers is not None for op in graph.ops if isinstance(op, Conv))
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": PICTURE[None, None]})
    off = np.abs(evaluate(graph, PICTURE[None])[0] - expected[0, 0])
    assert off.max() < 0.021  # a step, where a sum lies between two
    assert (off > 1e-5).mean() < 0.01


@pytest.mark.parametrize("acts", ["uint8", "int8"])
def test_weights_of_the_lowest_number_are_exact(acts: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(network(13, acts, "int8", True), path)
    exact = evaluate(read_network(path)[0], PICTURE[None])[0]
    assert (load(path, threads=1)(PICTURE) == exact).all()


def test_pairs_around_convolutions_of_floats(tmp_path: Path) -> None:
    """Integers are only rounded to: no convolution reads them."""
    b = Pairs()
    t = b.pair(b.op("Relu", b.conv("x", 1, 4)), 0.01, 3, "uint8")
    path = tmp_path / "net.onnx"
    onnx.save(b.model(b.op("DepthToSpace", b.op("Add", t, "x"), blocksize=2, mode="CRD"), 13), path)
    off = np.abs(load(path, threads=1)(PICTURE) - evaluate(read_network(path)[0], PICTURE[None])[0])
    assert off.max() < 0.011
    assert (off > 1e-5).mean() < 0.01


def test_a_plane_read_twice_adds_up_to_no_byte(tmp_path: Path) -> None:
    """127 + 127 at one place: floats take over."""
    b = Pairs()
    x = b.pair("x", 1 / 255, 0, "uint8")
    weight = b.op("DequantizeLinear", b.kept(np.full((4, 2, 1, 1), 127), "int8"), b.const(np.float32(0.004)))
    t = b.op("Conv", b.op("Concat", x, x, axis=1), weight)
    path = tmp_path / "net.onnx"
    onnx.save(b.model(b.op("DepthToSpace", t, blocksize=2, mode="CRD"), 13), path)
    expected = (PICTURE * np.float32(2 * 127 * 0.004)).repeat(2, 0).repeat(2, 1)
    assert np.abs(load(path, threads=1)(PICTURE) - expected).max() < 1e-5


def test_signed_numbers_go_nowhere_else(tmp_path: Path) -> None:
    b = Pairs()
    scale, zero = b.const(np.float32(0.01)), b.kept(0, "int8")
    t = b.op("Relu", b.op("QuantizeLinear", b.conv("x", 1, 4), scale, zero))
    t = b.op("DequantizeLinear", t, scale, zero)
    path = tmp_path / "net.onnx"
    onnx.save(b.model(b.op("DepthToSpace", t, blocksize=2, mode="CRD"), 14), path)
    with pytest.raises(UserError, match=r"\(Relu\): it works on signed integers"):
        read_network(path)
