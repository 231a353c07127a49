"""The nodes of an ONNX file that work on the picture, with every shape known for a picture of one size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["POINTWISE", "Shape", "Sized", "attributes_of", "fold", "image_input", "read_model", "sized"]

Shape = tuple[int, ...]

# fmt: off
POINTWISE = frozenset({
    "Abs", "Acos", "Add", "And", "Asin", "Atan", "BatchNormalization", "Cast", "Ceil", "Celu", "Clip", "Cos", "Div",
    "Dropout", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish",
    "Identity", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Mul",
    "Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Softplus",
    "Softsign", "Sqrt", "Sub", "Sum", "Tan", "Tanh", "ThresholdedRelu", "Where", "Xor",
    "DequantizeLinear", "QuantizeLinear",
})
# fmt: on
"""Operators whose every output number is made of the input numbers at its own place."""

_RENAMING = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
_SMALL = 4096  # numbers: a constant that can decide on a shape has fewer


@dataclass(frozen=True, eq=False)
class Sized:
    """A network for a picture of one size: what depends on the picture, in order, and what doesn't."""

    source: str  # the picture's name
    result: str
    nodes: tuple[onnx.NodeProto, ...]  # those that the result needs
    shapes: dict[str, Shape]  # of whatever depends on the picture
    constants: dict[str, NDArray[Any]]  # the rest, sizes among them
    origins: dict[str, str]  # of a constant that holds the numbers of another one, the other's name
    inline: frozenset[str]  # constants that are made of none of the file's initializers

    def label(self, node: onnx.NodeProto) -> str:
        """`node` as messages name it."""
        return f"node '{harmless(node.name or node.output[0])}' ({harmless(node.op_type)})"


def attributes_of(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def read_model(path: Path) -> onnx.ModelProto:
    """Raises UserError where `path` is missing or holds no valid ONNX network."""
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
    except FileNotFoundError as error:
        raise UserError(f"{path}: {error}") from error
    except Exception as error:
        first = str(error).strip().splitlines() or ["unreadable"]
        raise UserError(f"{path}: not a valid ONNX network ({first[0]})") from error
    return model


def image_input(path: str, graph: onnx.GraphProto) -> tuple[str, int, tuple[int, int] | None]:
    """Name and channels of the input, and its height and width where the file fixes them."""
    constants = {item.name for item in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise UserError(f"{path}: a network with one input, the image, is expected; this one has: {names}")
    dims = inputs[0].type.tensor_type.shape.dim
    if len(dims) != 4:
        raise UserError(f"{path}: input '{inputs[0].name}' has {len(dims)} dimensions; N C H W is expected")
    batch, channels = dims[0].dim_value, dims[1].dim_value
    if batch > 1 or channels not in (1, 3):
        raise UserError(
            f"{path}: input '{inputs[0].name}' is {batch or '?'} x {channels or '?'} x H x W; "
            "one image of 1 (luma) or 3 (RGB) channels is expected"
        )
    fixed = (dims[2].dim_value, dims[3].dim_value)
    return inputs[0].name, channels, fixed if all(fixed) else None


def fold(node: onnx.NodeProto, inputs: list[Any], opsets: list[Any]) -> list[Any]:
    """The outputs of a node whose inputs are all constants, by ONNX's own reference evaluator."""
    present = [name for name in node.input if name]
    graph = helper.make_graph(
        [node],
        "constant",
        [helper.make_value_info(name, onnx.TypeProto()) for name in dict.fromkeys(present)],
        [helper.make_value_info(name, onnx.TypeProto()) for name in node.output if name],
    )
    model = helper.make_model(graph, opset_imports=opsets)
    feeds = {name: value for name, value in zip(node.input, inputs, strict=True) if name}
    return list(ReferenceEvaluator(model).run(None, feeds))


def sized(path: str, model: onnx.ModelProto, height: int, width: int) -> Sized:
    """`model` for a picture of `height` x `width`; `path` is named in messages.

    Raises UserError where the picture's content decides on a shape, or an operator isn't known.
    """
    graph = onnx.inliner.inline_local_functions(model).graph
    if len(graph.output) != 1:
        raise UserError(f"{path}: one output, the enlarged image, is expected; this one has {len(graph.output)}")
    source, channels, _ = image_input(path, graph)
    constants: dict[str, NDArray[Any]] = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    types = {source: helper.make_tensor_type_proto(TensorProto.FLOAT, [1, channels, height, width])}
    origins: dict[str, str] = {}
    inline: set[str] = set()
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        moving = [name for name in node.input if name in types]
        if moving and node.op_type in ("Shape", "Size"):
            shape = np.array(_shape(types[moving[0]]), np.int64)
            ends = attributes_of(node)
            part = shape[ends.get("start", 0) : ends.get("end", len(shape))]
            constants[node.output[0]] = part if node.op_type == "Shape" else np.array(shape.prod())
            inline.add(node.output[0])
        elif not moving:
            values = fold(node, [constants.get(name) for name in node.input], list(model.opset_import))
            constants.update(zip(node.output, values, strict=False))
            known = [name for name in node.input if name]
            if inline.issuperset(known):
                inline.update(node.output)
            if node.op_type in _RENAMING and known:
                origins[node.output[0]] = origins.get(known[0], known[0])
        else:
            found = _outputs(path, node, types, constants, model)
            types.update(found)
            nodes.append(node)
    shapes = {name: _shape(kind) for name, kind in types.items()}
    result = graph.output[0].name
    if result not in shapes:
        raise UserError(f"{path}: the output '{result}' doesn't depend on the image")
    return Sized(source, result, _needed(nodes, result), shapes, constants, origins, frozenset(inline))


def _shape(kind: onnx.TypeProto) -> Shape:
    return tuple(dim.dim_value for dim in kind.tensor_type.shape.dim)


def _outputs(
    path: str,
    node: onnx.NodeProto,
    types: dict[str, onnx.TypeProto],
    constants: dict[str, NDArray[Any]],
    model: onnx.ModelProto,
) -> dict[str, onnx.TypeProto]:
    """The types of a node's outputs, by ONNX's own inference."""
    where = f"{path}: node '{node.name or node.output[0]}' ({node.op_type})"
    given: dict[str, onnx.TypeProto] = {}
    data: dict[str, TensorProto] = {}
    for name in filter(None, node.input):
        if name in types:
            given[name] = types[name]
            continue
        array = np.asarray(constants[name])
        given[name] = helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(array.dtype), list(array.shape))
        if array.size <= _SMALL:
            data[name] = numpy_helper.from_array(array, name)
    opsets = {item.domain: item.version for item in model.opset_import}
    try:
        domain = "" if node.domain == "ai.onnx" else node.domain
        schema = onnx.defs.get_schema(node.op_type, opsets[domain], domain)
        found: dict[str, onnx.TypeProto] = onnx.shape_inference.infer_node_outputs(
            schema, node, given, data, opset_imports=list(model.opset_import), ir_version=model.ir_version
        )
    except Exception as error:
        first = str(error).strip().splitlines() or ["unknown"]
        raise UserError(f"{where}: its output's shape can't be found ({first[0]})") from error
    for name in filter(None, node.output):
        kind = found.get(name)
        dims = kind.tensor_type.shape.dim if kind is not None and kind.tensor_type.HasField("shape") else None
        if dims is None or not all(dim.HasField("dim_value") for dim in dims):
            raise UserError(f"{where}: the image's content decides on its output's shape; it can't be counted")
    return {name: found[name] for name in node.output if name}


def _needed(nodes: list[onnx.NodeProto], result: str) -> tuple[onnx.NodeProto, ...]:
    """Those of `nodes` that `result` depends on."""
    wanted, kept = {result}, []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.output):
            wanted.update(node.input)
            kept.append(node)
    return tuple(reversed(kept))
