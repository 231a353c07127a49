"""Small ONNX networks that the engine doesn't take, and one that it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Nodes:
    """Collects nodes; every method returns the name of the tensor that it makes."""

    def __init__(self, channels: int = 3) -> None:
        self.channels = channels
        self.rng = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def const(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"{kind}_{len(self.nodes)}", **attributes))
        return name

    def conv(self, x: str, ci: int, co: int, k: int = 3, **attributes: Any) -> str:
        weight = self.rng.normal(0, (ci * k * k) ** -0.5, (co, ci, k, k))
        return self.op("Conv", x, self.const(weight), **{"pads": [k // 2] * 4, **attributes})

    def tail(self, x: str, width: int) -> str:
        """To x2, around mid-grey, so that little is clipped."""
        y = self.op("DepthToSpace", self.conv(x, width, 4 * self.channels), blocksize=2, mode="CRD")
        return self.op("Add", self.op("Mul", y, self.const(0.4)), self.const(0.5))

    def model(
        self, result: str, size: tuple[int | None, int | None] = (None, None), opset: int = 17
    ) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, self.channels, *size])],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, [1, self.channels, None, None])],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        helper.set_model_props(model, {"pocketsr.value_range": "1"})
        onnx.checker.check_model(model)
        return model


def chain() -> onnx.ModelProto:
    """Three 3x3 convolutions: halo 3."""
    n = Nodes()
    y = n.op("Relu", n.conv("x", 3, 8))
    y = n.op("Relu", n.conv(y, 8, 8))
    return n.model(n.tail(y, 8))


def strided(size: tuple[int | None, int | None] = (None, None)) -> onnx.ModelProto:
    """Down by 2 and up again, which the engine refuses: it takes even sizes, and tiles must start on even pixels."""
    n = Nodes()
    y = n.op("Relu", n.conv("x", 3, 8, k=4, strides=[2, 2], pads=[1, 1, 1, 1]))
    y = n.op("Relu", n.conv(y, 8, 8))
    y = n.op("ConvTranspose", y, n.const(n.rng.normal(0, 0.1, (8, 8, 4, 4))), strides=[2, 2], pads=[1, 1, 1, 1])
    y = n.op("Add", y, n.conv("x", 3, 8))
    return n.model(n.tail(y, 8), size)


def pooled() -> onnx.ModelProto:
    """Channel attention: its result depends on the mean of the whole picture."""
    n = Nodes()
    y = n.op("Relu", n.conv("x", 3, 8))
    gate = n.op("Sigmoid", n.conv(n.op("GlobalAveragePool", y), 8, 8, k=1))
    return n.model(n.tail(n.op("Mul", y, gate), 8))


def saved(model: onnx.ModelProto, path: Path) -> Path:
    onnx.save(model, path)
    return path
