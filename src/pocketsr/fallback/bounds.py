"""What another runtime is not given: a small file that makes it fill the memory."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pocketsr.engine.onnx.folding import FOLDED, MOST_FOLDED, FoldError, attributes_of, fold
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["refuse_excess"]

_MOST_PLANES = 2**16  # of one map, as numbers for each pixel of the picture
_MOST_NUMBERS = 2**30  # of one map, where the file fixes the size of the picture: 4 GB
_PROBE = 32
_SMALL = 4096  # numbers: a constant that can decide on a shape has fewer


def refuse_excess(path: str, model: onnx.ModelProto) -> None:
    """Follows the sizes of `model` node by node, as far as ONNX can tell them, for a small picture.

    What can't be followed is left to the runtime. Raises UserError, naming the node, for constants and maps of which
    one alone would be larger than any network's.
    """
    graph = model.graph
    constants: dict[str, Any] = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    types = {value.name: _pictured(value.type) for value in graph.input if value.name not in constants}
    pixels = max((prod(dim.dim_value for dim in kind.tensor_type.shape.dim[2:]) for kind in types.values()), default=0)
    most = min(_MOST_PLANES * max(pixels, _PROBE**2), _MOST_NUMBERS)
    opsets = list(model.opset_import)
    versions = {item.domain: item.version for item in opsets}
    for number, node in enumerate(graph.node):
        where = f"{path}: node '{harmless(node.name) or f'number {number}'}' ({harmless(node.op_type)})"
        if all(name in constants for name in node.input if name) and node.op_type in FOLDED:
            size = _folded(where, node, constants, opsets)
        else:
            size = _inferred(node, types, constants, model, versions)
        if size > most:
            raise UserError(f"{where}: it would make {size:,} numbers of a picture of {pixels:,} pixels: too much")


def _pictured(kind: onnx.TypeProto) -> onnx.TypeProto:
    """`kind` with a small picture's size where it is free."""
    known = onnx.TypeProto()
    known.CopyFrom(kind)
    for axis, dim in enumerate(known.tensor_type.shape.dim):
        if not dim.HasField("dim_value"):
            dim.dim_value = 1 if axis == 0 else 3 if axis == 1 else _PROBE
    return known


def _folded(where: str, node: onnx.NodeProto, constants: dict[str, Any], opsets: list[Any]) -> int:
    inputs = [constants[name] if name else None for name in node.input]
    size = 0
    try:
        size = FOLDED[node.op_type](inputs, attributes_of(node))
        if size <= MOST_FOLDED:
            constants.update(zip(node.output, fold(node, inputs, opsets), strict=False))
    except (FoldError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return 0  # the runtime will say what is wrong with it
    if size > MOST_FOLDED:
        raise UserError(f"{where}: it would make {size:,} numbers; up to {MOST_FOLDED:,} are taken")
    return 0


def _inferred(
    node: onnx.NodeProto,
    types: dict[str, onnx.TypeProto],
    constants: dict[str, Any],
    model: onnx.ModelProto,
    versions: dict[str, int],
) -> int:
    given: dict[str, onnx.TypeProto] = {}
    data: dict[str, TensorProto] = {}
    for name in filter(None, node.input):
        if name in types:
            given[name] = types[name]
        elif name in constants:
            array = np.asarray(constants[name])
            given[name] = helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(array.dtype), list(array.shape))
            if array.size <= _SMALL:
                data[name] = numpy_helper.from_array(array, name)
        else:
            return 0
    domain = "" if node.domain == "ai.onnx" else node.domain
    try:
        schema = onnx.defs.get_schema(node.op_type, versions[domain], domain)
        found = onnx.shape_inference.infer_node_outputs(
            schema, node, given, data, opset_imports=list(model.opset_import), ir_version=model.ir_version
        )
    except Exception:  # of several classes: what ONNX doesn't know, the runtime may
        return 0
    most = 0
    for name, kind in found.items():
        dims = kind.tensor_type.shape.dim
        if kind.tensor_type.HasField("shape") and all(dim.HasField("dim_value") for dim in dims):
            types[name] = kind
            most = max(most, prod(max(0, dim.dim_value) for dim in dims))
            if node.op_type == "Shape":
                _note_shape(node, types, constants)
    return most


def _note_shape(node: onnx.NodeProto, types: dict[str, onnx.TypeProto], constants: dict[str, Any]) -> None:
    ends = attributes_of(node)
    shape = [dim.dim_value for dim in types[node.input[0]].tensor_type.shape.dim]
    constants[node.output[0]] = np.array(shape[ends.get("start", 0) : ends.get("end", len(shape))], np.int64)
