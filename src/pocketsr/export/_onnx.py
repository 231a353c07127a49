"""Layers as a plain ONNX model for other converters: floats, slopes of (1, C, 1, 1), edges by one Pad each."""

from __future__ import annotations

from typing import Any

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

__all__ = ["plain_model"]

_OPSET, _IR = 17, 8
_MERGES = {
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


class _Writer:
    def __init__(self, net: Network) -> None:
        self._net = net
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[TensorProto] = []

    def model(self) -> onnx.ModelProto:
        net = self._net
        for layer in net.layers:
            self._layer(layer)
        self._node("Identity", [net.output.name], "enlarged")
        channels = net.picture.channels
        picture = helper.make_tensor_value_info(net.picture.name, TensorProto.FLOAT, [1, channels, "h", "w"])
        result = helper.make_tensor_value_info("enlarged", TensorProto.FLOAT, [1, net.output.channels, "H", "W"])
        graph = helper.make_graph(self._nodes, net.name, [picture], [result], self._constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        onnx.checker.check_model(made)
        return made

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output], f"{kind}_{len(self._nodes)}", **attributes))
        return output

    def _constant(self, values: NDArray[Any] | np.float32) -> str:
        name = f"k{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def _planewise(self, numbers: NDArray[np.float32]) -> str:
        """(1, C, 1, 1): MNN 3.6.1 takes a slope of (C, 1, 1) for five operators in place of one."""
        return self._constant(numbers.astype(np.float32).reshape(1, -1, 1, 1))

    def _layer(self, layer: Layer) -> None:
        given, name = [tensor.name for tensor in layer.inputs], layer.output.name
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
                self._node(_MERGES[layer.kind], given, name)
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
            widths = self._constant(np.array([0, 0, rows, columns] * 2, np.int64))
            x = self._node("Pad", [x, widths], f"{layer.output.name}_wide", mode="edge")
            pads = [0] * 4
        constants = [self._constant(layer.weight), self._constant(layer.bias)]
        self._node("Conv", [x, *constants], layer.output.name, pads=pads, kernel_shape=list(layer.weight.shape[2:]))
