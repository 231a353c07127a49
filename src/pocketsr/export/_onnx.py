"""Layers as a plain ONNX model for other converters: floats, slopes of (1, C, 1, 1), edges by one Pad each.

For accelerators of phones: one size, 8-bit samples in and out, and edges by slices where a format knows no such Pad.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pocketsr.engine.ir.graph import Binary, Pad
from pocketsr.engine.ir.pointwise import CURVES
from pocketsr.export.layers import (
    Affine,
    Clip,
    Concat,
    Conv,
    Curve,
    Layer,
    Merge,
    Network,
    Prelu,
    Shuffle,
    without_rounding,
)

__all__ = ["FIXED_IR", "FIXED_OPSET", "MERGES", "Nodes", "fixed_model", "plain_model", "widened"]

_OPSET, _IR = 17, 8
FIXED_OPSET, FIXED_IR = 13, 7  # the oldest that have a step for each channel; what vendors' tools read
MERGES = {
    Binary.ADD: "Add",
    Binary.SUB: "Sub",
    Binary.MUL: "Mul",
    Binary.DIV: "Div",
    Binary.MAX: "Max",
    Binary.MIN: "Min",
}


def plain_model(net: Network) -> onnx.ModelProto:
    """`net` without rounding, for pictures of any size; input `picture`, output `enlarged`."""
    return _Writer(without_rounding(net)).model()


def fixed_model(net: Network, height: int, width: int, slices: bool) -> onnx.ModelProto:
    """`net` without rounding, in floats between uint8 samples, N C H W, for pictures of one size."""
    return _Writer(without_rounding(net), slices).fixed(height, width)


class Step(Protocol):
    """Writes an operator on tensors, with further inputs of whole numbers; returns its result's name."""

    def __call__(self, kind: str, inputs: list[str], numbers: list[list[int]], **attributes: Any) -> str: ...


class Nodes:
    """The nodes and constants of a graph, as they are written."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Returns `output`."""
        self.nodes.append(helper.make_node(kind, inputs, [output], f"{kind}_{len(self.nodes)}", **attributes))
        return output

    def constant(self, values: NDArray[Any] | np.generic) -> str:
        """Its name."""
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def finished(
        self, name: str, opset: int, ir: int, kind: int, picture: list[Any], enlarged: list[Any]
    ) -> onnx.ModelProto:  # fmt: skip
        """The model, checked; its input `picture` and output `enlarged` are of `kind` and these shapes."""
        source = helper.make_tensor_value_info("picture", kind, picture)
        result = helper.make_tensor_value_info("enlarged", kind, enlarged)
        graph = helper.make_graph(self.nodes, name, [source], [result], self.constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
        onnx.checker.check_model(made)
        return made


def widened(step: Step, x: str, halo: tuple[int, int], size: tuple[int, int]) -> str:
    """`x`, planes of `size` (height, width), with its edges repeated `halo` times, by slices alone. `step` writes one
    operator and returns what it makes."""
    for axis, times, length in zip((2, 3), halo, size, strict=True):
        if times:
            first, last = (step("Slice", [x], [[at], [at + 1], [axis]]) for at in (0, length - 1))
            x = step("Concat", [first] * times + [x] + [last] * times, [], axis=axis)
    return x


class _Writer:
    def __init__(self, net: Network, slices: bool = False) -> None:
        self._net = net
        self._slices = slices
        self._size = 0, 0  # of the picture, where that is fixed
        self._graph = Nodes()
        self._node, self._constant = self._graph.node, self._graph.constant

    def model(self) -> onnx.ModelProto:
        net = self._net
        self._layers({net.picture.name: net.picture.name})
        self._node("Identity", [self._names[net.output.name]], "enlarged")
        shapes = [1, net.picture.channels, "h", "w"], [1, net.output.channels, "H", "W"]
        return self._graph.finished(net.name, _OPSET, _IR, TensorProto.FLOAT, *shapes)

    def fixed(self, height: int, width: int) -> onnx.ModelProto:
        net, self._size = self._net, (height, width)
        scale, zero = self._constant(np.float32(net.max_value / 255)), self._constant(np.uint8(0))
        self._layers({net.picture.name: self._node("DequantizeLinear", ["picture", scale, zero], "real")})
        self._node("QuantizeLinear", [self._names[net.output.name], scale, zero], "enlarged")
        factor = net.output.scale
        shapes = [1, net.picture.channels, height, width], [1, net.output.channels, factor * height, factor * width]
        return self._graph.finished(net.name, FIXED_OPSET, FIXED_IR, TensorProto.UINT8, *shapes)

    def _layers(self, names: dict[str, str]) -> None:
        """`names`: what the picture is called in the file."""
        self._names = names
        for layer in self._net.layers:
            self._layer(layer, [names[tensor.name] for tensor in layer.inputs])
            names[layer.output.name] = layer.output.name

    def _planewise(self, numbers: NDArray[np.float32]) -> str:
        """(1, C, 1, 1): MNN 3.6.1 takes a slope of (C, 1, 1) for five operators in place of one."""
        return self._constant(numbers.astype(np.float32).reshape(1, -1, 1, 1))

    def _layer(self, layer: Layer, given: list[str]) -> None:
        name = layer.output.name
        match layer:
            case Conv():
                self._convolved(layer, given[0])
            case Prelu() if not layer.slope.any():
                self._node("Relu", given, name)
            case Prelu():
                self._node("PRelu", [*given, self._planewise(layer.slope)], name)
            case Affine():
                scaled = self._node("Mul", [*given, self._planewise(layer.scale)], f"{name}_scaled")
                self._node("Add", [scaled, self._planewise(layer.offset)], name)
            case Clip():
                bounds = [self._constant(np.float32(bound)) for bound in (layer.low, layer.high)]
                self._node("Clip", [*given, *bounds], name)
            case Merge():
                self._node(MERGES[layer.kind], given, name)
            case Concat():
                self._node("Concat", given, name, axis=1)
            case Shuffle():
                self._node("DepthToSpace", given, name, blocksize=layer.factor, mode="CRD")
            case Curve():
                self._node(CURVES[layer.kind].onnx, given, name)

    def _convolved(self, layer: Conv, x: str) -> None:
        rows, columns = layer.halo
        pads = [rows, columns] * 2
        if layer.pad is Pad.EDGE and any(pads):
            pads = [0] * 4
            if self._slices:
                height, width = (side * layer.inputs[0].scale for side in self._size)
                x = widened(self._step, x, layer.halo, (height, width))
            else:
                widths = self._constant(np.array([0, 0, rows, columns] * 2, np.int64))
                x = self._node("Pad", [x, widths], f"{layer.output.name}_wide", mode="edge")
        constants = [self._constant(layer.weight), self._constant(layer.bias)]
        self._node("Conv", [x, *constants], layer.output.name, pads=pads, kernel_shape=list(layer.weight.shape[2:]))

    def _step(self, kind: str, inputs: list[str], numbers: list[list[int]], **attributes: Any) -> str:
        constants = [self._constant(np.array(each, np.int64)) for each in numbers]
        return self._node(kind, [*inputs, *constants], f"e{len(self._graph.nodes)}", **attributes)
