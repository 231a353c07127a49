"""ONNX to `Graph`: what the engine supports, and a plain word about what it doesn't."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from pocketsr.engine.ir.graph import Graph, Ref, refs_of, verify
from pocketsr.engine.onnx import handlers, handlers_conv, handlers_quant, handlers_view  # noqa: F401  (they fill HANDLERS)
from pocketsr.engine.onnx.checked import image_input, read_model
from pocketsr.engine.onnx.folding import FoldError, attributes_of, fold
from pocketsr.engine.onnx.model_file import ModelFile
from pocketsr.engine.onnx.state import HANDLERS, WHOLE_IMAGE, Importer, Stored
from pocketsr.engine.onnx.structure import Steep, find_steep
from pocketsr.engine.onnx.tensors import Attributes, NotSupportedError, Padded, Planes, Tensor, Told, View, check_planes
from pocketsr.engine.onnx.told import STRENGTH, StrengthInput, Teller, strength_input
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["Imported", "from_onnx"]


_SMALLER = "pooling and smaller images inside the network are not supported"
_REASONS = {
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), WHOLE_IMAGE),
    **dict.fromkeys(("InstanceNormalization", "GroupNormalization"), WHOLE_IMAGE),
    **dict.fromkeys(("AveragePool", "MaxPool", "SpaceToDepth"), _SMALLER),
}
_MALFORMED = (
    ArithmeticError,
    AttributeError,
    IndexError,
    KeyError,
    StopIteration,
    TypeError,
    ValueError,
)  # fmt: skip  (what a handler meets in a node that onnx.checker, which looks at names alone, lets pass)
_TAKE_SIZES = ("Expand", "Reshape", "Resize", "Upsample")


@dataclass(frozen=True)
class Imported:
    graph: Graph
    max_value_known: bool  # the file says what full scale is


def from_onnx(source: Path | ModelFile) -> Imported:
    """Read the network in `source`.

    Raises UserError where the file is no ONNX network, or holds a node that the engine can't run: the message names
    the node, its operator and the reason.
    """
    path = str(source.path if isinstance(source, ModelFile) else source)
    model = read_model(source)
    graph = model.graph
    tensors: dict[str, Tensor] = {init.name: numpy_helper.to_array(init) for init in graph.initializer}
    given = strength_input(path, model)
    input_name, channels, fixed = image_input(path, graph, STRENGTH if given else None)
    tensors[input_name] = Planes(tuple(Ref(0, c) for c in range(channels)))
    state = Importer(size=fixed) if fixed else Importer()
    size, other = state.size, (state.size[0] + 6, state.size[1] + 10)
    properties = {item.key: item.value for item in model.metadata_props}
    steep = _steep(graph, properties, input_name) if channels == 1 else None
    teller = Teller(given) if given else None
    if teller:
        tensors[STRENGTH] = teller.input()
    measured: dict[str, Any] = {}  # constants that depend on the size of the image: their value at the other size
    for index, node in enumerate(graph.node):
        if steep and index in steep.nodes:
            continue
        try:
            ends_layer = steep is not None and index in steep.layers
            inputs = [] if ends_layer else [tensors[name] if name else None for name in node.input]
            attributes = attributes_of(node)
            if node.domain not in ("", "ai.onnx"):
                raise NotSupportedError(f"operators of the domain '{harmless(node.domain)}' are not known")
            twins: list[Any] = []
            outputs: list[Any]
            if steep and index in steep.layers:
                outputs = [steep.layer(index, state, tensors)]
            elif teller and any(isinstance(x, Told) for x in inputs):
                if not measured.keys().isdisjoint(node.input):
                    raise NotSupportedError("it calculates with the strength and with the size of the image")
                outputs = teller.node(state, node, inputs, list(model.opset_import))
            elif not any(isinstance(x, Planes | View | Padded) for x in inputs):
                outputs = fold(node, inputs, list(model.opset_import))
                if (kept := _stored(node, inputs, attributes)) is not None:
                    state.stored[node.output[0]] = kept
                if not measured.keys().isdisjoint(node.input):
                    others = [measured.get(name, x) for name, x in zip(node.input, inputs, strict=True)]
                    twins = fold(node, others, list(model.opset_import))
            elif not measured.keys().isdisjoint(node.input) and node.op_type not in _TAKE_SIZES:
                raise NotSupportedError("it calculates with the size of the image; the engine compiles for any size")
            elif node.op_type in HANDLERS:
                outputs = HANDLERS[node.op_type](state, node, inputs, attributes)
                if node.op_type == "Shape":
                    state.size = other
                    twins = list(HANDLERS["Shape"](state, node, inputs, attributes))
                    state.size = size
            else:
                listed = f"this operator is not supported; supported are {', '.join(sorted(HANDLERS))}"
                raise NotSupportedError(_REASONS.get(node.op_type, listed))
            for output in outputs:
                if isinstance(output, Planes | View | Padded):
                    check_planes(len(output.refs))
        except (NotSupportedError, FoldError) as error:
            raise UserError(f"{path}: {_label(index, node)}: {harmless(str(error), 900)}") from error
        except _MALFORMED as error:
            first = harmless(next(iter(str(error).splitlines()), ""), 100)
            reason = f"it is not as ONNX defines this operator ({type(error).__name__}: {first})"
            raise UserError(f"{path}: {_label(index, node)}: {reason}") from error
        tensors.update(zip(node.output, outputs, strict=False))
        for name, own, twin in zip(node.output, outputs, twins, strict=False):
            if not np.array_equal(np.asarray(own), np.asarray(twin)):
                measured[name] = twin
    result = _result(path, graph, state, tensors, channels)
    if teller and (reader := _bypass(state, result, teller.moved)):
        raise UserError(
            f"{path}: {reader}: it reads what a convolution gives before something that depends on the strength is "
            "added; only what reads that sum is supported"
        )
    return _finish(path, properties, state, result, channels, given)


def _steep(graph: onnx.GraphProto, properties: dict[str, str], luma: str) -> Steep | None:
    try:
        return find_steep(graph, properties, luma)
    except _MALFORMED:
        return None  # the node in question is refused by name, once it is read


def _label(index: int, node: onnx.NodeProto) -> str:
    return f"node '{harmless(node.name) or f'number {index}'}' ({harmless(node.op_type)})"


def _stored(node: onnx.NodeProto, inputs: list[Any], attributes: Attributes) -> Stored | None:
    """The integers behind a constant, where it is one that a convolution can take."""
    if node.op_type != "DequantizeLinear" or any(not isinstance(x, np.ndarray) for x in inputs):
        return None
    numbers, scale = inputs[:2]
    axis = int(attributes.get("axis", 1)) % max(1, numbers.ndim)
    if scale.size > 1 and (axis != 0 or scale.ndim != 1):
        return None
    integers = numbers.astype(np.int32)
    if len(inputs) > 2:
        zero = inputs[2].astype(np.int32)
        integers = integers - (zero.reshape(-1, *[1] * (integers.ndim - 1)) if zero.size > 1 else zero.reshape(()))
    return Stored(integers, scale.astype(np.float32).reshape(-1))


def _result(
    path: str, graph: onnx.GraphProto, state: Importer, tensors: dict[str, Tensor], channels: int
) -> Planes:  # fmt: skip
    result = tensors.get(graph.output[0].name) if len(graph.output) == 1 else None
    if isinstance(result, Planes) and any(ref.value in state.integer_types for ref in result.refs):
        raise UserError(f"{path}: its output is integers; end it in DequantizeLinear")
    if not isinstance(result, Planes):
        raise UserError(f"{path}: one output that depends on the image is expected")
    if len(result.refs) != channels:
        raise UserError(f"{path}: {channels} channels in, {len(result.refs)} out; as many out as in are expected")
    return result


def _bypass(state: Importer, result: Planes, moved: set[int]) -> str | None:
    """What reads one of the values `moved`, which aren't made any more."""
    reader = next((op for op in state.ops if any(ref.value in moved for ref in refs_of(op))), None)
    if reader is not None:
        return f"node '{harmless(reader.name)}'"
    return "its output" if any(ref.value in moved for ref in result.refs) else None


def _finish(
    path: str, properties: dict[str, str], state: Importer, result: Planes, channels: int, told: StrengthInput | None
) -> Imported:
    stated = properties.get("pocketsr.value_range")
    if stated not in (None, "1", "255"):
        raise UserError(f"{path}: pocketsr.value_range is '{harmless(stated)}'; 1 or 255 is expected")
    if not state.ops:
        raise UserError(f"{path}: it gives the image back as it is; a network that upscales is expected")
    network = Graph(Path(path).stem, channels, tuple(state.ops), result.refs, float(stated or 1))
    if told:
        network = replace(network, strengths=told.knots, default_strength=told.default)
    verify(network)
    return Imported(network, stated is not None)
