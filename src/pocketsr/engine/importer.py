"""ONNX to `Graph`: what the engine takes, and a plain word about what it does not take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from pocketsr.engine.ir import Affine, Array, Graph, Map, Op, Pad, Point, Ref, verify
from pocketsr.engine.sizes import attributes_of, fold, image_input, read_model
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["Imported", "Importer", "from_onnx"]


class NotSupportedError(Exception):
    """Why one node can't be compiled."""


@dataclass(frozen=True)
class Planes:
    """A tensor that depends on the input: its channel planes, in order."""

    refs: tuple[Ref, ...]


@dataclass(frozen=True)
class View:
    """Planes that the file looks at in another shape than N C H W: for instance (1, C, r, r, "H", "W")."""

    refs: tuple[Ref, ...]
    dims: tuple[int | str, ...]

    def numbered(self) -> NDArray[np.int64]:
        """The number of the plane for each place, height and width being 1."""
        return np.arange(len(self.refs)).reshape([1 if isinstance(size, str) else size for size in self.dims])


@dataclass(frozen=True)
class Padded:
    """Planes with a border that the next convolution has to see."""

    refs: tuple[Ref, ...]
    pads: tuple[int, ...]  # top, left, bottom, right
    kind: Pad


Tensor = Planes | View | Padded | NDArray[Any]
Handler = Callable[["Importer", onnx.NodeProto, list[Tensor | None], dict[str, Any]], list[Tensor]]
HANDLERS: dict[str, Handler] = {}
Attributes = dict[str, Any]
Inputs = list[Tensor | None]
WHOLE_IMAGE = "it looks at the whole image at once; the engine streams rows and can't"
_SMALLER = "pooling and smaller images inside the network are not supported"
_REASONS = {
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), WHOLE_IMAGE),
    **dict.fromkeys(("InstanceNormalization", "GroupNormalization"), WHOLE_IMAGE),
    **dict.fromkeys(("AveragePool", "MaxPool", "SpaceToDepth"), _SMALLER),
}
_TAKE_SIZES = ("Expand", "Reshape", "Resize", "Upsample")


def handles(*operators: str) -> Callable[[Handler], Handler]:
    """Registers a function for ONNX operators."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(operators, handler))
        return handler

    return register


@dataclass(frozen=True, eq=False)
class Stored:
    """A constant that the file keeps as whole numbers: scale * numbers, by the first axis or as a whole."""

    numbers: NDArray[np.int32]
    scale: NDArray[np.float32]  # one, or one a first index


@dataclass
class Importer:
    """What is known so far while the nodes are read one after the other."""

    ops: list[Op] = field(default_factory=list)
    scales: dict[int, int] = field(default_factory=lambda: {0: 1})
    size: tuple[int, int] = (1013, 1511)  # of the image that is imagined where the file calculates with sizes
    stored: dict[str, Stored] = field(default_factory=dict)  # constants that the file keeps as whole numbers

    def new_value(self, scale: int) -> int:
        value = len(self.scales)
        self.scales[value] = scale
        return value

    def scale_of(self, planes: Planes | View | Padded) -> int:
        return self.scales[planes.refs[0].value]

    def sizes_of(self, view: View) -> list[int]:
        """The shape of `view` for the imagined image."""
        scale = self.scale_of(view)
        names = {"H": scale * self.size[0], "W": scale * self.size[1]}
        return [names[size] if isinstance(size, str) else size for size in view.dims]

    def add(self, op: Op, scale: int) -> Planes:
        self.ops.append(op)
        self.scales[op.value] = scale
        return Planes(tuple(Ref(op.value, c) for c in range(op.channels)))

    def point(self, name: str, planes: Planes, *points: Point) -> Planes:
        """A pointwise step on `planes`."""
        scale = self.scale_of(planes)
        return self.add(Map(name, self.new_value(scale), planes.refs, points), scale)

    def affine(self, name: str, planes: Planes, scale: Array | float, offset: Array | float) -> Planes:
        """scale * planes + offset, either one a number or one for each channel."""
        size = len(planes.refs)

        def wide(x: Array | float) -> Array:
            return np.broadcast_to(np.asarray(x, np.float32), (size,)).copy()

        return self.point(name, planes, Affine(wide(scale), wide(offset)))


@dataclass(frozen=True)
class Imported:
    graph: Graph
    white_known: bool  # the file says what full scale is


def planes_of(tensor: Tensor | None) -> Planes:
    """`tensor`, which has to depend on the image."""
    if isinstance(tensor, View):
        raise NotSupportedError(
            f"it works on a tensor of shape {' x '.join(map(str, tensor.dims))}; N C H W is expected"
        )
    if isinstance(tensor, Padded):
        raise NotSupportedError("it works on an image with an added border; only convolutions take one")
    if not isinstance(tensor, Planes):
        raise NotSupportedError("the image is expected as its first input")
    return tensor


def view_of(tensor: Tensor | None) -> View:
    """`tensor`, which has to depend on the image, with its shape."""
    if isinstance(tensor, View):
        return tensor
    planes = planes_of(tensor)
    return View(planes.refs, (1, len(planes.refs), "H", "W"))


def viewed(refs: tuple[Ref, ...], dims: tuple[int | str, ...]) -> Planes | View:
    """Planes in the shape `dims`; where that is N C H W, as what they are."""
    return Planes(refs) if dims == (1, len(refs), "H", "W") else View(refs, dims)


def constant(tensor: Tensor | None, what: str) -> NDArray[Any]:
    """`tensor`, which must not depend on the image."""
    if isinstance(tensor, Planes | View | Padded) or tensor is None:
        raise NotSupportedError(f"{what} must be a constant")
    return np.asarray(tensor)


def per_channel(constant: NDArray[Any]) -> Array:
    """A constant that is one number or one a channel, as a vector of length 1 or C."""
    array = np.asarray(constant, np.float32)
    if array.size == 1:
        return array.reshape(1)
    if array.ndim in (3, 4) and array.size == array.shape[-3]:
        return array.reshape(-1)
    raise NotSupportedError(f"a constant of shape {array.shape} is neither one number nor one for each channel")


def from_onnx(source: Path) -> Imported:
    """Read the network in `source`.

    Raises UserError where the file is no ONNX network, or holds a node that the engine can't run: the message names
    the node, its operator and the reason.
    """
    from pocketsr.engine import handlers, handlers_conv, handlers_quant, handlers_view  # noqa: F401  (they fill HANDLERS)

    path, model = str(source), read_model(source)
    graph = model.graph
    tensors: dict[str, Tensor] = {init.name: numpy_helper.to_array(init) for init in graph.initializer}
    input_name, channels, fixed = image_input(path, graph)
    tensors[input_name] = Planes(tuple(Ref(0, c) for c in range(channels)))
    state = Importer(size=fixed) if fixed else Importer()
    size, other = state.size, (state.size[0] + 6, state.size[1] + 10)
    measured: dict[str, Any] = {}  # constants that depend on the size of the image: their value at the other size
    for index, node in enumerate(graph.node):
        inputs = [tensors[name] if name else None for name in node.input]
        attributes = attributes_of(node)
        try:
            if node.domain not in ("", "ai.onnx"):
                raise NotSupportedError(f"operators of the domain '{harmless(node.domain)}' are not known")
            twins: list[Any] = []
            if not any(isinstance(x, Planes | View | Padded) for x in inputs):
                outputs = fold(node, inputs, list(model.opset_import))
                if (kept := _stored(node, inputs, attributes)) is not None:
                    state.stored[node.output[0]] = kept
                if not measured.keys().isdisjoint(node.input):
                    others = [measured.get(name, x) for name, x in zip(node.input, inputs, strict=True)]
                    twins = fold(node, others, list(model.opset_import))
            elif not measured.keys().isdisjoint(node.input) and node.op_type not in _TAKE_SIZES:
                raise NotSupportedError("it calculates with the size of the image; the engine takes any size")
            elif node.op_type in HANDLERS:
                outputs = HANDLERS[node.op_type](state, node, inputs, attributes)
                if node.op_type == "Shape":
                    state.size = other
                    twins = list(HANDLERS["Shape"](state, node, inputs, attributes))
                    state.size = size
            else:
                listed = f"this operator is not supported; supported are {', '.join(sorted(HANDLERS))}"
                raise NotSupportedError(_REASONS.get(node.op_type, listed))
        except NotSupportedError as error:
            label = harmless(node.name) or f"number {index}"
            raise UserError(f"{path}: node '{label}' ({harmless(node.op_type)}): {error}") from error
        tensors.update(zip(node.output, outputs, strict=False))
        for name, own, twin in zip(node.output, outputs, twins, strict=False):
            if not np.array_equal(np.asarray(own), np.asarray(twin)):
                measured[name] = twin
    return _finish(path, model, state, tensors, channels)


def _stored(node: onnx.NodeProto, inputs: list[Any], attributes: Attributes) -> Stored | None:
    """The whole numbers behind a constant, where it is one that a convolution can take."""
    if node.op_type != "DequantizeLinear" or any(not isinstance(x, np.ndarray) for x in inputs):
        return None
    numbers, scale = inputs[:2]
    axis = int(attributes.get("axis", 1)) % max(1, numbers.ndim)
    if (scale.size > 1 and (axis != 0 or scale.ndim != 1)) or (len(inputs) > 2 and np.any(inputs[2])):
        return None
    return Stored(numbers.astype(np.int32), scale.astype(np.float32).reshape(-1))


def _finish(path: str, model: onnx.ModelProto, state: Importer, tensors: dict[str, Tensor], channels: int) -> Imported:
    result = tensors[model.graph.output[0].name]
    if len(model.graph.output) != 1 or not isinstance(result, Planes):
        raise UserError(f"{path}: one output that depends on the image is expected")
    if len(result.refs) != channels:
        raise UserError(f"{path}: {channels} channels in, {len(result.refs)} out; as many out as in are expected")
    properties = {item.key: item.value for item in model.metadata_props}
    stated = properties.get("pocketsr.value_range")
    if stated not in (None, "1", "255"):
        raise UserError(f"{path}: pocketsr.value_range is '{harmless(stated)}'; 1 or 255 is expected")
    graph = Graph(Path(path).stem, channels, tuple(state.ops), result.refs, float(stated or 1))
    verify(graph)
    return Imported(graph, stated is not None)
