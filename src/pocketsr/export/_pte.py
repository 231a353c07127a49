"""ONNX to a .pte file and back, in a process of its own: `python -m pocketsr.export._pte JOB`. It alone reads PyTorch.

JOB, JSON: {"onnx", "pte", "pictures", "made", "said", "max_value"}: paths of what is written from what, of samples
(N C H W, uint8) of the size that the file is for, of their results (float32), and of a JSON {"partitions", "operators",
"ms", "version"}, operators being pairs of name and unit.

The graph is the one that accelerators get, node by node, between float32 pictures: where it is stored in 8 bits, with
PyTorch's operators of PT2E, quantize and dequantize, in our ranges. XNNPACK's 8 bits are signed: all moves by 128.
"""

# Type-checked alike with PyTorch installed or not.
# mypy: allow-subclassing-any, allow-untyped-calls, no-warn-return-any
# mypy: disable-error-code="import-not-found, import-untyped, attr-defined, no-any-return"

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from executorch.extension.pybindings import portable_lib
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

_LEAST, _MOST = -128, 127
_ENOUGH_S, _MOST_RUNS = 2.0, 8
_CODES = torch.ops.quantized_decomposed
_PLAIN: dict[str, Callable[..., Tensor]] = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Div": torch.div,
    "Max": torch.maximum,
    "Min": torch.minimum,
    "Relu": torch.relu,
    "Sigmoid": torch.sigmoid,
    "Tanh": torch.tanh,
    "Abs": torch.abs,
    "Sqrt": torch.sqrt,
    "Elu": functional.elu,
    "Erf": torch.erf,
    "Mish": functional.mish,
    "Softplus": functional.softplus,
    "Softsign": functional.softsign,
}


class Graph(nn.Module):
    """The ONNX graph of `_qdq` or `_onnx.fixed_model`, from float32 samples to float32 samples."""

    def __init__(self, model: onnx.ModelProto) -> None:
        super().__init__()
        self.nodes = list(model.graph.node)
        self.constants = {each.name: numpy_helper.to_array(each).copy() for each in model.graph.initializer}
        self.is_coded = sum(node.op_type == "QuantizeLinear" for node in self.nodes) > 1
        # XNNPACK takes constants alone for slopes, biases and zero points: nothing of them may be made in the graph
        slopes = {node.input[1] for node in self.nodes if node.op_type == "PRelu"}
        for node in self.nodes:
            if node.op_type == "DequantizeLinear" and (stored := self.constants.get(node.input[0])) is not None:
                steps = self.constants[node.input[1]]
                if stored.dtype == np.int32:
                    bias = (stored * steps.astype(np.float64)).astype(np.float32)
                    self.register_buffer(f"value_{node.output[0]}", torch.from_numpy(bias))
                else:
                    self.register_buffer(f"zeros_{node.input[1]}", torch.zeros(len(steps), dtype=torch.int64))
        for name, value in self.constants.items():
            self.register_buffer(f"value_{name}", torch.from_numpy(value.ravel() if name in slopes else value))

    def forward(self, picture: Tensor) -> Tensor:
        values: dict[str, Any] = {}
        for node in self.nodes:
            values[node.output[0]] = self._made(node, values, picture)
        return values["enlarged"]

    def _made(self, node: onnx.NodeProto, values: dict[str, Any], picture: Tensor) -> Tensor:
        given: list[Any] = [values.get(name) for name in node.input]
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        kind, x = node.op_type, given[0]
        if kind in ("QuantizeLinear", "DequantizeLinear"):
            return self._coded(node, x, picture)
        match kind:
            case "Slice":
                begin, end, axis = (int(self.constants[name][0]) for name in node.input[1:])
                return torch.narrow(x, axis, begin, end - begin)
            case "Concat":
                return torch.cat(given, attributes["axis"])
            case "Conv":
                weight, bias = (self._held(node, values, at) for at in (1, 2))
                return functional.conv2d(x, weight, bias, padding=tuple(attributes["pads"][:2]))
            case "PRelu":
                return functional.prelu(x, getattr(self, f"value_{node.input[1]}"))
            case "Clip":
                return torch.clamp(x, *(float(self.constants[name]) for name in node.input[1:]))
            case "DepthToSpace":
                return functional.pixel_shuffle(x, attributes["blocksize"])
        return _PLAIN[kind](*(self._held(node, values, at) for at in range(len(given))))

    def _held(self, node: onnx.NodeProto, values: dict[str, Any], at: int) -> Tensor:
        """Input `at`, a result or a constant."""
        name = node.input[at]
        return values[name] if name in values else getattr(self, f"value_{name}")

    def _coded(self, node: onnx.NodeProto, x: Any, picture: Tensor) -> Tensor:
        source, scale, zero = node.input[0], self.constants[node.input[1]], self.constants[node.input[2]]
        into = node.op_type == "QuantizeLinear"
        if not self.is_coded:
            return cast(Tensor, x) if into else picture  # around floats: the app's samples are floats here
        if scale.ndim:  # of weights and biases, a step for each channel
            stored = getattr(self, f"value_{source}")
            if stored.dtype is torch.int32:
                return getattr(self, f"value_{node.output[0]}")  # XNNPACK rounds biases itself, to the same numbers
            steps, zeros = getattr(self, f"value_{node.input[1]}"), getattr(self, f"zeros_{node.input[1]}")
            return _CODES.dequantize_per_channel(stored, steps, zeros, 0, -127, 127, torch.int8)
        way = float(scale), int(zero) + _LEAST, _LEAST, _MOST, torch.int8
        if source == "picture":
            x = _CODES.quantize_per_tensor(picture, *way)
        if not into:
            return _CODES.dequantize_per_tensor(x, *way)
        stored = _CODES.quantize_per_tensor(x, *way)
        return _CODES.dequantize_per_tensor(stored, *way) if node.output[0] == "enlarged" else stored


def _lowered(module: Graph, example: Tensor) -> Any:
    with torch.no_grad():
        exported = torch.export.export(module.eval(), (example,))
        return to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])


def _operators(edge: Any) -> tuple[int, list[tuple[str, str]]]:
    """How many pieces XNNPACK takes, and every operator with what runs it."""
    found, pieces = [], 0
    program = edge.exported_program()
    for node in program.graph.nodes:
        if node.op != "call_function":
            continue
        name = str(node.target)
        if "executorch_call_delegate" in name:
            pieces += 1
            inside = getattr(program.graph_module, node.args[0].target).original_module
            found += [(_called(each), "XNNPACK") for each in inside.graph.nodes if each.op == "call_function"]
        elif "getitem" not in name:
            found.append((_called(node), "CPU"))
    return pieces, found


def _called(node: Any) -> str:
    return str(getattr(node.target, "_op", node.target))


def main() -> None:
    job = json.loads(sys.argv[1])
    given = np.load(job["pictures"]).astype(np.float32) * np.float32(job["max_value"] / 255)
    # `reshape`: an example made by [None, None] has strides of 0, which executorch 1.5.1 refuses
    frames = [torch.from_numpy(each.copy()).reshape(1, *each.shape) for each in given]
    edge = _lowered(Graph(onnx.load(job["onnx"])), frames[0])
    pieces, operators = _operators(edge)
    Path(job["pte"]).write_bytes(edge.to_executorch().buffer)
    portable_lib._unsafe_reset_threadpool(1)
    program = portable_lib._load_for_executorch(job["pte"])
    with Path(job["made"]).open("wb") as file:
        np.save(file, np.concatenate([program.forward([each])[0].numpy() for each in frames]))
    best, spent = float("inf"), 0.0
    for _ in range(_MOST_RUNS):
        begin = time.process_time()
        program.forward([frames[0]])
        took = time.process_time() - begin
        best, spent = min(best, took), spent + took
        if spent > _ENOUGH_S:
            break
    said = {
        "partitions": pieces,
        "operators": operators,
        "ms": round(best * 1e3, 2),
        "version": version("executorch"),
    }
    Path(job["said"]).write_text(json.dumps(said))


if __name__ == "__main__":
    main()
