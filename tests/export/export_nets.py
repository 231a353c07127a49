"""ONNX files of a few nodes for the exporters' tests, and a photograph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

__all__ = ["net_of_many_forms", "net_with", "photograph"]

RNG = np.random.default_rng(7)


def _write(path: Path, nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], channels: int) -> Path:
    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "h", "w"]) for name in ("x",)]
    sides += [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels, "h2", "w2"])]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, path.stem, sides[:1], sides[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(model, {"pocketsr.value_range": "1"})
    onnx.save(model, path)
    return path


def _floats(*shape: int, scale: float = 0.2) -> np.ndarray:
    return (RNG.normal(size=shape) * scale).astype(np.float32)


def net_with(path: Path, *operators: str) -> Path:
    """One convolution, the operators that are named, and a shuffle; the nodes are called OPERATOR_node."""
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["t0"], "Conv_node", pads=[1, 1, 1, 1])]
    for number, operator in enumerate(operators):
        nodes.append(helper.make_node(operator, [f"t{number}"], [f"t{number + 1}"], f"{operator}_node"))
    last = f"t{len(operators)}"
    nodes.append(helper.make_node("DepthToSpace", [last], ["y"], "shuffle", blocksize=2, mode="CRD"))
    return _write(path, nodes, {"w": _floats(4, 1, 3, 3), "b": _floats(4)}, 1)


def net_of_many_forms(path: Path, channels: int = 3) -> Path:
    """Zeros beyond the borders, edges repeated four times, groups, two inputs side by side, a clip, scales, a skip,
    one slope for all, ReLU, tanh, sigmoid, and (RGB) a shuffle to several planes."""
    wide = np.array([0, 0, 2, 2, 0, 0, 2, 2], np.int64)
    wider = np.array([0, 0, 4, 4, 0, 0, 4, 4], np.int64)
    n = helper.make_node
    nodes = [
        n("Conv", ["x", "w1", "b1"], ["a"], pads=[1, 1, 1, 1]),
        n("PRelu", ["a", "slope"], ["b"]),
        n("Pad", ["b", "wide"], ["c"], mode="edge"),
        n("Conv", ["c", "w2"], ["d"], group=2),
        n("Relu", ["d"], ["e"]),
        n("Concat", ["e", "x"], ["f"], axis=1),
        n("Pad", ["f", "wider"], ["g"], mode="edge"),
        n("Conv", ["g", "w3", "b3"], ["h"]),
        n("Tanh", ["h"], ["i"]),
        n("Mul", ["i", "scale"], ["j"]),
        n("Sigmoid", ["b"], ["k"]),
        n("Add", ["j", "k"], ["l"]),
        n("Conv", ["l", "w4", "b4"], ["m"], pads=[0, 0, 0, 0]),
        n("DepthToSpace", ["m"], ["p"], blocksize=2, mode="CRD"),
        n("Clip", ["p", "low", "high"], ["y"]),
    ]
    constants = {
        "w1": _floats(8, channels, 3, 3),
        "b1": _floats(8),
        "slope": np.array([[[0.3]]], np.float32),
        "wide": wide,
        "w2": _floats(6, 4, 5, 5, scale=0.1),
        "wider": wider,
        "w3": _floats(8, 6 + channels, 9, 9, scale=0.05),
        "b3": _floats(8),
        "scale": _floats(8, 1, 1),
        "w4": _floats(4 * channels, 8, 1, 1),
        "b4": _floats(4 * channels) + np.float32(0.5),
        "low": np.float32(0.0),
        "high": np.float32(1.0),
    }
    return _write(path, nodes, constants, channels)


def photograph(height: int, width: int) -> np.ndarray:
    """A part of one, grey. Skips where scikit-image isn't installed."""
    data = pytest.importorskip("skimage.data", reason="needs scikit-image's photographs")
    return np.asarray(data.camera())[60 : 60 + height, 160 : 160 + width]
