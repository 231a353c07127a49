"""The bytes of an ONNX file to a network that is safe to read: parsed, complete, of bounded size, in float32."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from pocketsr.engine.onnx.model_file import ModelFile, read_file
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["MOST_NODES", "graph_tensors", "image_input", "read_model"]

MOST_NODES = 10_000
"""SwinIR has 5,000, and RCAN, the deepest network of convolutions, 1,700."""

_MOST_NUMBERS = 2**28  # of one tensor
_MOST_DIMS = 8
_UNBOUNDED = frozenset({"Loop", "Scan", "SequenceMap"})  # as much work as their data says
_PICTURES = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.UINT8)  # the last, where a Cast comes first
_HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
_TYPED_FIELDS: dict[int, str] = {
    **dict.fromkeys((TensorProto.FLOAT,), "float_data"),
    **dict.fromkeys((TensorProto.DOUBLE,), "double_data"),
    **dict.fromkeys((TensorProto.INT64,), "int64_data"),
    **dict.fromkeys((TensorProto.UINT32, TensorProto.UINT64), "uint64_data"),
}  # all others: int32_data
_REFUSED_TYPES: dict[int, str] = {
    TensorProto.UNDEFINED: "no type",
    TensorProto.STRING: "text",
    TensorProto.COMPLEX64: "complex numbers",
    TensorProto.COMPLEX128: "complex numbers",
}
_LEARNED = frozenset({"BatchNormalization", "Conv", "ConvTranspose", "Gemm", "MatMul", "PRelu"})


class _Refused(Exception):  # noqa: N818  (a reason, worded for the user by whoever knows the file)
    """Why a file is refused."""


def read_model(source: Path | ModelFile) -> ModelProto:
    """The network in `source`, with everything that it keeps in other files; half floats are read as float32, exactly.

    Raises UserError where it can't be read, is no valid ONNX network, is too large, or holds numbers that are none.
    """
    file = read_file(source)
    try:
        model: ModelProto = ModelProto.FromString(file.content)
        _attach(model, file)
        _check_structure(model)
        for tensor in _tensors(model):
            _check_tensor(tensor)
        _to_float32(model)
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
        onnx.checker.check_model(model)
        _check_learned(model.graph)
    except _Refused as error:
        raise UserError(f"{file.path}: {error}") from error
    except Exception as error:  # protobuf's and onnx's own, of several classes
        first = str(error).strip().splitlines() or ["unreadable"]
        raise UserError(f"{file.path}: not a valid ONNX network ({harmless(first[0], 200)})") from error
    return model


def image_input(path: str, graph: GraphProto, other: str | None = None) -> tuple[str, int, tuple[int, int] | None]:
    """Name and channels of the input, and its height and width where the file fixes them.

    other: of an input that is no image, and stands beside it.
    """
    constants = {item.name for item in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants and value.name != other]
    if len(inputs) != 1:
        names = harmless(", ".join(value.name for value in inputs)) or "none"
        raise UserError(f"{path}: a network with one input, the image, is expected; this one has: {names}")
    name = harmless(inputs[0].name)
    if not inputs[0].type.HasField("tensor_type"):
        raise UserError(f"{path}: input '{name}' is no tensor; N C H W is expected")
    kind = inputs[0].type.tensor_type.elem_type
    if kind not in _PICTURES:
        known = kind in TensorProto.DataType.values()
        raise UserError(
            f"{path}: input '{name}' is of {TensorProto.DataType.Name(kind).lower() if known else 'an unknown type'}; "
            "float32 is expected"
        )
    dims = inputs[0].type.tensor_type.shape.dim
    if len(dims) != 4:
        raise UserError(f"{path}: input '{name}' has {len(dims)} dimensions; N C H W is expected")
    batch, channels = dims[0].dim_value, dims[1].dim_value
    if batch not in (0, 1) or channels not in (1, 3):
        raise UserError(
            f"{path}: input '{name}' is {batch or '?'} x {channels or '?'} x H x W; "
            "one image of 1 (luma) or 3 (RGB) channels is expected"
        )
    fixed = (dims[2].dim_value, dims[3].dim_value)
    if min(fixed) < 0 or max(fixed) > 2**15:
        raise UserError(f"{path}: input '{name}' is an image of {fixed[1]}x{fixed[0]}; up to {2**15} are supported")
    return inputs[0].name, channels, fixed if all(fixed) else None


def graph_tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every tensor that `graph`, its nodes and what is nested in these hold."""
    yield from graph.initializer
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Iterable[NodeProto]) -> Iterator[TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield from _attribute_tensors(attribute)


def _attribute_tensors(attribute: AttributeProto) -> Iterator[TensorProto]:
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors
    if attribute.HasField("g"):
        yield from graph_tensors(attribute.g)
    for graph in attribute.graphs:
        yield from graph_tensors(graph)


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    yield from graph_tensors(model.graph)
    for function in model.functions:
        yield from _node_tensors(function.node)
        for attribute in function.attribute_proto:
            yield from _attribute_tensors(attribute)


def _attach(model: ModelProto, file: ModelFile) -> None:
    """Puts what lies in other files where it belongs."""
    for tensor in _tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        about = {item.key: item.value for item in tensor.external_data}
        place = about.get("location", ""), about.get("offset", ""), about.get("length", "")
        tensor.raw_data = file.external[place]
        del tensor.external_data[:]
        tensor.data_location = TensorProto.DEFAULT


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes(inner)


def _texts(model: ModelProto) -> Iterator[object]:
    """Every name. protobuf 7 hands out bytes in place of str where a string of a file is no UTF-8."""
    for item in (*model.metadata_props, *model.graph.metadata_props):
        yield from (item.key, item.value)
    for opset in model.opset_import:
        yield opset.domain
    for function in model.functions:
        yield from (function.name, function.domain, *function.input, *function.output, *function.attribute)
    for node in (*_nodes(model.graph), *(node for function in model.functions for node in function.node)):
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        yield value.name
    yield from (model.graph.name, *(tensor.name for tensor in _tensors(model)))


def _check_structure(model: ModelProto) -> None:
    if not model.HasField("graph"):
        raise _Refused("not a valid ONNX network (it has no graph)")
    if not model.graph.output:
        raise _Refused("it has no output; one, the upscaled image, is expected")
    if not all(isinstance(text, str) for text in _texts(model)):
        raise _Refused("not a valid ONNX network (a name in it is no text)")
    sizes: dict[tuple[str, str], int] = {}
    for function in model.functions:  # each may call those before it: as onnx.inliner lays them out
        sizes[function.domain, function.name] = sum(sizes.get((node.domain, node.op_type), 1) for node in function.node)
        if sizes[function.domain, function.name] > MOST_NODES:
            raise _Refused(f"its function '{harmless(function.name)}' comes to more than {MOST_NODES:,} nodes")
    known = {(function.domain, function.name): index for index, function in enumerate(model.functions)}
    for index, function in enumerate(model.functions):
        for node in function.node:
            if known.get((node.domain, node.op_type), -1) >= index:
                raise _Refused(f"its function '{harmless(function.name)}' calls itself, or one that is defined later")
    total = 0
    for number, node in enumerate(_nodes(model.graph)):
        total += sizes.get((node.domain, node.op_type), 1)
        if total > MOST_NODES:
            raise _Refused(f"it has more than {MOST_NODES:,} nodes; no network of images is known that has")
        if node.op_type in _UNBOUNDED:
            label = harmless(node.name) or f"number {number}"
            raise _Refused(f"node '{label}' ({node.op_type}): it repeats as often as its data says; export it unrolled")
    if any(node.op_type in _UNBOUNDED for function in model.functions for node in function.node):
        raise _Refused("one of its functions holds a loop; export it unrolled")
    if model.graph.sparse_initializer:
        raise _Refused("it keeps sparse tensors; export it with plain ones")


def _check_tensor(tensor: TensorProto) -> None:
    """The size that a tensor has is the size that it says, and its numbers are numbers."""
    name, kind, dims = harmless(tensor.name) or "without a name", tensor.data_type, list(tensor.dims)
    if kind in _REFUSED_TYPES or kind not in TensorProto.DataType.values():
        raise _Refused(f"tensor '{name}' holds {_REFUSED_TYPES.get(kind, f'numbers of the unknown type {kind}')}")
    if len(dims) > _MOST_DIMS or any(size < 0 for size in dims) or prod(dims) > _MOST_NUMBERS:
        raise _Refused(f"tensor '{name}' has the shape {harmless(' x '.join(map(str, dims[:16])))}")
    if tensor.HasField("segment"):
        raise _Refused(f"tensor '{name}' is one segment of a larger one")
    bits = _bits(kind)
    if tensor.HasField("raw_data"):
        found, wanted = len(tensor.raw_data), -(-prod(dims) * bits // 8)
        if found != wanted:
            raise _Refused(f"tensor '{name}' has {found} bytes where its shape needs {wanted}")
    else:
        found = len(getattr(tensor, _TYPED_FIELDS.get(kind, "int32_data")))
        wanted = -(-prod(dims) * bits // 8) if bits < 8 else prod(dims)
        if found != wanted:
            raise _Refused(f"tensor '{name}' has {found} numbers where its shape needs {wanted}")
    if kind in (TensorProto.FLOAT, TensorProto.DOUBLE, *_HALF) and np.isnan(numpy_helper.to_array(tensor)).any():
        raise _Refused(f"tensor '{name}' holds NaN, which is no number: the file is damaged, or its training failed")


def _bits(kind: int) -> int:
    """Of one number in raw data."""
    name = str(TensorProto.DataType.Name(kind))
    for small in (2, 4):
        if name in (f"INT{small}", f"UINT{small}") or (small == 4 and name.startswith("FLOAT4")):
            return small
    return 8 * int(np.dtype(helper.tensor_dtype_to_np_dtype(kind)).itemsize)


def _check_learned(graph: GraphProto) -> None:
    """Infinite numbers serve as bounds and masks; as weights they make nothing but NaN."""
    tensors = {item.name: item for item in graph.initializer}
    for number, node in enumerate(graph.node):
        for name in node.input if node.op_type in _LEARNED else ():
            tensor = tensors.get(name)
            if tensor is None or tensor.data_type not in (TensorProto.FLOAT, TensorProto.DOUBLE):
                continue
            if not np.isfinite(numpy_helper.to_array(tensor)).all():
                label = harmless(node.name) or f"number {number}"
                raise _Refused(
                    f"node '{label}' ({node.op_type}): its weights '{harmless(name)}' are infinite: the file is "
                    "damaged, or its training failed"
                )


def _to_float32(model: ModelProto) -> None:
    """Half floats become float32, which holds each of them exactly; sums are then more precise than the file asks."""
    for tensor in _tensors(model):
        if tensor.data_type in _HALF:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    graphs = [model.graph, *(a.g for node in _nodes(model.graph) for a in node.attribute if a.HasField("g"))]
    for graph in graphs:
        for value in (*graph.input, *graph.output, *graph.value_info):
            for dim in value.type.tensor_type.shape.dim:
                if dim.HasField("dim_value") and not dim.dim_value:
                    dim.Clear()  # old exporters wrote 0 where any size is meant
            if value.type.tensor_type.elem_type in _HALF:
                value.type.tensor_type.elem_type = TensorProto.FLOAT
    calls = [node for function in model.functions for node in function.node]
    for node in (*_nodes(model.graph), *calls):
        for attribute in node.attribute:
            if attribute.name in ("to", "dtype", "output_dtype") and attribute.i in _HALF:
                attribute.i = TensorProto.FLOAT
