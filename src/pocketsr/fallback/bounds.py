"""What another runtime is not given: a small file that makes it fill the memory, or calculate for minutes."""

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
_MOST_PRODUCTS = 2**28  # of all nodes, for each pixel of the picture; EDSR has 43 million
_MOST_KERNEL = 1023  # rows and columns, spread by its dilation
_PROBE = 32
_SMALL = 4096  # numbers: a constant that can decide on a shape has fewer


def refuse_excess(path: str, model: onnx.ModelProto) -> None:
    """Follows the sizes of `model` node by node, as far as ONNX can tell them, for a small picture.

    What can't be followed is left to the runtime. Raises UserError, naming the node, for constants and maps of which
    one alone would be larger than any network's, for kernels as large, and where all products come to too many.
    """
    graph = model.graph
    constants: dict[str, Any] = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    types = {value.name: _pictured(value.type) for value in graph.input if value.name not in constants}
    pixels = max((prod(dim.dim_value for dim in kind.tensor_type.shape.dim[2:]) for kind in types.values()), default=0)
    most = min(_MOST_PLANES * max(pixels, _PROBE**2), _MOST_NUMBERS)
    products = 0
    opsets = list(model.opset_import)
    versions = {item.domain: item.version for item in opsets}
    for number, node in enumerate(graph.node):
        where = f"{path}: node '{harmless(node.name) or f'number {number}'}' ({harmless(node.op_type)})"
        if all(name in constants for name in node.input if name) and node.op_type in FOLDED:
            size = _folded(where, node, constants, opsets)
        else:
            if (kernel := _kernel(node, types, constants)) > _MOST_KERNEL:
                raise UserError(
                    f"{where}: a kernel of {kernel:,} rows or columns; up to {_MOST_KERNEL:,} are supported"
                )
            size = _inferred(node, types, constants, model, versions)
            products += _products(node, size, types, constants)
        if size > most:
            raise UserError(f"{where}: it would make {size:,} numbers of a picture of {pixels:,} pixels: too much")
        if products > _MOST_PRODUCTS * max(pixels, 1):
            raise UserError(
                f"{where}: with it {products // max(pixels, 1):,} multiply-adds a pixel of the picture; up to "
                f"{_MOST_PRODUCTS:,} are supported"
            )


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
        raise UserError(f"{where}: it would make {size:,} numbers; up to {MOST_FOLDED:,} are supported")
    return 0


def _shape(name: str, types: dict[str, onnx.TypeProto], constants: dict[str, Any]) -> list[int]:
    if name in types:
        return [dim.dim_value for dim in types[name].tensor_type.shape.dim]
    found = constants.get(name)
    return [] if found is None else list(np.shape(found))


def _kernel(node: onnx.NodeProto, types: dict[str, onnx.TypeProto], constants: dict[str, Any]) -> int:
    """Rows or columns of a window, whichever are more; 0 for a node that has none."""
    given = attributes_of(node)
    sides = given.get("kernel_shape", [])
    if node.op_type in ("Conv", "ConvTranspose") and len(node.input) > 1:
        sides = _shape(node.input[1], types, constants)[2:]
    spread = given.get("dilations", [1] * len(sides))
    if not all(isinstance(x, list) and all(isinstance(n, int) for n in x) for x in (sides, spread)):
        return 0  # the runtime will say what is wrong with it
    return max(((side - 1) * step + 1 for side, step in zip(sides, spread, strict=False)), default=0)


def _products(node: onnx.NodeProto, size: int, types: dict[str, onnx.TypeProto], constants: dict[str, Any]) -> int:
    """Multiply-adds of a node that makes `size` numbers, if it is one of those that come to many."""
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul") or len(node.input) < 2:
        return 0
    first, second = (_shape(name, types, constants) for name in node.input[:2])
    match node.op_type:
        case "Conv":
            return size * prod(second[1:])
        case "ConvTranspose":
            return prod(first) * prod(second[1:])
        case "Gemm":
            return size * (second or [0])[-1 if attributes_of(node).get("transB", 0) else 0]
    return size * (first or [0])[-1]


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
