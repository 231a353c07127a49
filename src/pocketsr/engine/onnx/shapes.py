"""The nodes of an ONNX file that work on the picture, with every shape known for a picture of one size."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pocketsr.engine.ir.pointwise import CURVES
from pocketsr.engine.onnx.checked import image_input
from pocketsr.engine.onnx.folding import FoldError, attributes_of, fold
from pocketsr.engine.onnx.told import STRENGTH, strength_input
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["POINTWISE", "Shape", "Sized", "sized"]

Shape = tuple[int, ...]

# fmt: off
POINTWISE = frozenset(curve.onnx for curve in CURVES.values()) | {
    "Acos", "Add", "And", "Asin", "Atan", "BatchNormalization", "Cast", "Ceil", "Celu", "Clip", "Cos", "Div",
    "Dropout", "Equal", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish",
    "Identity", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mod", "Mul",
    "Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu", "Sign", "Sin",
    "Sub", "Sum", "Swish", "Tan", "ThresholdedRelu", "Where", "Xor",
    "DequantizeLinear", "QuantizeLinear",
}
# fmt: on
"""Operators whose every output number is made of the input numbers at its own place."""

_RENAMING = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
_SMALL = 4096  # numbers: a constant that can decide on a shape has fewer
_WINDOW = frozenset({"blocksize", "dilations", "kernel_shape", "strides"})
_MOST_WINDOW = 256
_MOST_NUMBERS = 2**40  # of a feature map; nothing is made, only counted


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
    told: frozenset[str]  # constants that are so for one strength, where the network is told one
    knots: int  # at how many strengths such constants are learned; 1 where there are none

    def label(self, node: onnx.NodeProto) -> str:
        """`node` as messages name it."""
        return _label(node)


def sized(path: str, model: onnx.ModelProto, height: int, width: int) -> Sized:
    """`model` for a picture of `height` x `width`; `path` is named in messages.

    Raises UserError where the picture's content decides on a shape, or an operator isn't known.
    """
    graph = model.graph
    if len(graph.output) != 1:
        raise UserError(f"{path}: one output, the upscaled image, is expected; this one has {len(graph.output)}")
    given = strength_input(path, model)
    source, channels, _ = image_input(path, graph, STRENGTH if given else None)
    constants: dict[str, NDArray[Any]] = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    told: set[str] = set()
    if given:
        constants[STRENGTH] = given.value(given.default)
        told.add(STRENGTH)
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
            try:
                values = fold(node, [constants.get(name) for name in node.input], list(model.opset_import))
            except FoldError as error:
                raise UserError(f"{path}: {_label(node)}: {error}") from error
            constants.update(zip(node.output, values, strict=False))
            known = [name for name in node.input if name]
            if not told.isdisjoint(known):
                told.update(node.output)
            if inline.issuperset(known):
                inline.update(node.output)
            if node.op_type in _RENAMING and known:
                origins[node.output[0]] = origins.get(known[0], known[0])
        else:
            if excess := _excess(node):
                raise UserError(f"{path}: {_label(node)}: {excess}")
            found = _outputs(path, node, types, constants, model)
            types.update(found)
            nodes.append(node)
    shapes = {name: _shape(kind) for name, kind in types.items()}
    result = graph.output[0].name
    if result not in shapes:
        raise UserError(f"{path}: the output '{result}' doesn't depend on the image")
    knots = given.knots if given else 1
    needed = _needed(nodes, result)
    return Sized(source, result, needed, shapes, constants, origins, frozenset(inline), frozenset(told), knots)


def _excess(node: onnx.NodeProto) -> str | None:
    """Says what of a window is larger than in any network: the analyses count each of its places."""
    for attribute in node.attribute:
        numbers = [attribute.i, *attribute.ints[:64]]
        if attribute.name in _WINDOW and not 0 <= min(numbers) <= max(numbers) <= _MOST_WINDOW:
            return f"{attribute.name} {attribute.i or list(attribute.ints[:8])}; up to {_MOST_WINDOW} are supported"
    return None


def _label(node: onnx.NodeProto) -> str:
    return f"node '{harmless(node.name or ' '.join(node.output[:1]))}' ({harmless(node.op_type)})"


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
    where = f"{path}: {_label(node)}"
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
        raise UserError(f"{where}: its output's shape can't be found ({harmless(first[0], 200)})") from error
    for name in filter(None, node.output):
        kind = found.get(name)
        dims = kind.tensor_type.shape.dim if kind is not None and kind.tensor_type.HasField("shape") else None
        if dims is None or not all(dim.HasField("dim_value") for dim in dims):
            raise UserError(f"{where}: the image's content decides on its output's shape; it can't be counted")
        if prod(max(0, dim.dim_value) for dim in dims) > _MOST_NUMBERS:
            raise UserError(f"{where}: it would make more than {_MOST_NUMBERS:,} numbers")
    return {name: found[name] for name in node.output if name}


def _needed(nodes: list[onnx.NodeProto], result: str) -> tuple[onnx.NodeProto, ...]:
    """Those of `nodes` that `result` depends on."""
    wanted, kept = {result}, []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.output):
            wanted.update(node.input)
            kept.append(node)
    return tuple(reversed(kept))
