"""Classes of structure and kernels chosen by them, found among the nodes of a file.

Written in standard operators they are 40 nodes, most of which the engine has no other use for. docs/notes/steep.md is
the definition. What is found is compared node by node, attribute by attribute and constant by constant: a file that
differs in any of them is read as what it says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from pocketsr.engine.ir.graph import Chosen, Classes, Integers, Ref
from pocketsr.engine.onnx.folding import attributes_of
from pocketsr.engine.onnx.handlers_conv import convolution
from pocketsr.engine.onnx.handlers_quant import stored_integers
from pocketsr.engine.onnx.state import Importer
from pocketsr.engine.onnx.tensors import NotSupportedError, Planes, Tensor, constant, planes_of
from pocketsr.pixels.structure import DIRECTIONS, REACH

__all__ = ["PROPERTY", "ChosenLayer", "Steep", "find_steep", "one_hot_nodes"]

PROPERTY = "pocketsr.chosen"
"""The key of the metadata that says by what, among how many classes and with which limits kernels are chosen."""
_STRENGTHS = 8
_SMALL = 64  # numbers in a constant of the classes, at most
_EXACT = 2**24
_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)

Key = bytes
T = TypeVar("T")


@dataclass(frozen=True)
class ChosenLayer:
    """A convolution whose kernels are chosen: the node that makes every kernel's result, and the bias's name."""

    node: onnx.NodeProto
    bias: str
    classes: int


@dataclass
class Steep:
    """What stands for classes and chosen kernels, by places in the list of nodes."""

    luma: str
    limits: tuple[int, ...]
    layers: dict[int, ChosenLayer]  # by the last node of each
    nodes: frozenset[int]  # all others
    _classes: Ref | None = field(default=None, init=False)

    def layer(self, index: int, state: Importer, tensors: dict[str, Tensor]) -> Planes:
        """The layer that ends with node `index`, as one operation. Raises NotSupportedError as its Conv would."""
        layer = self.layers[index]
        if self._classes is None:
            luma = planes_of(tensors[self.luma])
            levels = state.levels("levels", luma)
            made = state.add(Classes("classes", state.new_value(1), (levels.refs[0],), self.limits), 1)
            self._classes = made.refs[0]
        given = [tensors.get(name) for name in layer.node.input[:2]]
        conv = convolution(state, layer.node, given, attributes_of(layer.node))
        if state.scales[conv.inputs[0].value] != 1:
            raise NotSupportedError("its kernels are chosen for planes of another size than the picture's")
        count = layer.classes
        bias = constant(tensors.get(layer.bias), "its bias").astype(np.float32)
        if bias.shape != (len(conv.weight) // count,):
            raise NotSupportedError(f"a bias of shape {bias.shape} for {len(conv.weight) // count} channels")
        weight = np.ascontiguousarray(conv.weight.reshape(-1, count, *conv.weight.shape[1:]).swapaxes(0, 1))
        with np.errstate(over="ignore", invalid="ignore"):
            mean = weight.mean(0, dtype=np.float64).astype(np.float32)
        chosen = Chosen(self._classes, weight)
        integers = _chosen_integers(stored_integers(state, layer.node, conv), count)
        return state.add(replace(conv, weight=mean, bias=bias, chosen=chosen, integers=integers), 1)


def _chosen_integers(stored: Integers | None, count: int) -> Integers | None:
    """Of the rows of all kernels those of each class, where the kernels of an output share a scale."""
    if stored is None:
        return None
    steps = stored.step.reshape(-1, count)
    if (steps != steps[:, :1]).any():
        return None
    weight = stored.weight.reshape(-1, count, *stored.weight.shape[1:]).swapaxes(0, 1)
    return Integers(np.ascontiguousarray(weight), stored.bias[::count], steps[:, 0].copy(), 0, 0)


def find_steep(graph: onnx.GraphProto, properties: dict[str, str], luma: str) -> Steep | None:
    """Classes of the picture `luma` and the layers that choose by them; None where a file has none."""
    limits = _stated_limits(properties.get(PROPERTY))
    if limits is None:
        return None
    constants = _constants(graph)
    wanted = {_expected(limits, counted=counted) for counted in (False, True)}
    one_hot = next((name for name, key in _keys(graph, constants, luma).items() if key in wanted), None)
    if one_hot is None:
        return None
    users: dict[str, list[int]] = {}
    for index, node in enumerate(graph.node):
        for name in node.input:
            users.setdefault(name, []).append(index)
    makers = {name: index for index, node in enumerate(graph.node) for name in node.output}
    ends = {output.name for output in graph.output}
    count = DIRECTIONS * (len(limits) + 1)
    layers: dict[int, ChosenLayer] = {}
    nodes: set[int] = set()
    for tile in users.get(one_hot, []):
        found = _layer(graph, tile, count, users, makers, constants, ends)
        if found:
            last, first, between = found
            kernels = graph.node[first]
            layers[last] = ChosenLayer(kernels, graph.node[last].input[2], count)
            nodes |= {first, *between}
    # What only leads there, or nowhere, goes too; what something else reads stays, and is read as the node that it is.
    for index in range(makers[one_hot], -1, -1):
        outputs = graph.node[index].output
        read = [user for name in outputs for user in users.get(name, [])]
        if nodes.issuperset(read) and ends.isdisjoint(outputs) and graph.node[index].op_type != "Constant":
            nodes.add(index)
    return Steep(luma, limits, layers, frozenset(nodes)) if layers and makers[one_hot] in nodes else None


def _stated_limits(text: str | None) -> tuple[int, ...] | None:
    """The limits between strengths, from the metadata; None where it says nothing that could be."""
    try:
        said = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("by") != "structure" or not isinstance(said.get("limits"), list):
        return None
    limits = said["limits"]
    whole = all(type(limit) is int and 0 < limit < _EXACT for limit in limits)
    if not whole or not 0 <= len(limits) < _STRENGTHS or limits != sorted(set(limits)):
        return None
    return tuple(limits) if said.get("classes") == DIRECTIONS * (len(limits) + 1) else None


def _constants(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    found = {init.name: init for init in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and len(node.attribute) == 1 and node.attribute[0].name == "value":
            found[node.output[0]] = node.attribute[0].t
    return found


def _value(constants: dict[str, onnx.TensorProto], name: str) -> NDArray[Any] | None:
    tensor = constants.get(name)
    return None if tensor is None else numpy_helper.to_array(tensor)


def _key(*parts: object) -> Key:
    return hashlib.sha256(repr(parts).encode()).digest()


def _constant_key(value: NDArray[Any]) -> Key:
    return _key("constant", value.dtype.name, value.shape, value.tobytes())


def _node_key(kind: str, inputs: Sequence[Key], attributes: dict[str, Any], output: int = 0) -> Key:
    return _key(kind, list(inputs), sorted(attributes.items()), output)


def _keys(graph: onnx.GraphProto, constants: dict[str, onnx.TensorProto], luma: str) -> dict[str, Key]:
    """By the name of a tensor, a hash of all that it is made of, up to the picture; where that is known."""
    keys = {luma: _key("luma")}
    for node in graph.node:
        if node.domain or node.op_type == "Constant":
            continue
        for name in node.input:
            tensor = constants.get(name)
            if name not in keys and tensor is not None and np.prod(tensor.dims, dtype=object) <= _SMALL:
                keys[name] = _constant_key(numpy_helper.to_array(tensor))
        if all(name in keys for name in node.input):
            attributes = attributes_of(node)
            for place, name in enumerate(node.output):
                keys[name] = _node_key(node.op_type, [keys[each] for each in node.input], attributes, place)
    return keys


def _expected(limits: Iterable[int], *, counted: bool) -> Key:
    """The key of the one-hot classes."""

    def op(kind: str, *inputs: Key, outputs: int = 1, **attributes: Any) -> list[Key]:
        return [_node_key(kind, inputs, attributes, place) for place in range(outputs)]

    return one_hot_nodes(op, _constant_key, _key("luma"), limits, counted=counted)


class AddNode(Protocol[T]):
    """Adds a node, and returns what stands for its outputs."""

    def __call__(self, kind: str, *inputs: T, outputs: int = 1, **attributes: Any) -> list[T]: ...


def one_hot_nodes(
    add: AddNode[T], constant: Callable[[NDArray[Any]], T], luma: T, limits: Iterable[int], *, counted: bool
) -> T:
    """The nodes that make the classes of `luma`, added one by one; returns what stands for N K H W of 0 and 1.

    counted: Split says how many parts it makes, as it must from opset 18 on. `nets.structure` writes the same nodes.
    """

    def op(kind: str, *inputs: T, **attributes: Any) -> T:
        return add(kind, *inputs, **attributes)[0]

    def number(value: float) -> T:
        return constant(np.array(value, np.float32))

    def truth(condition: T) -> T:
        return op("Cast", condition, to=onnx.TensorProto.FLOAT)

    def parts(x: T, count: int) -> list[T]:
        return add("Split", x, outputs=count, axis=1, **({"num_outputs": count} if counted else {}))

    def convolved(x: T, weight: NDArray[np.float32]) -> T:
        groups = 3 if len(weight) == 3 else 1
        return op("Conv", x, constant(weight), group=groups, kernel_shape=list(weight.shape[2:]))

    levels = op("Clip", op("Round", op("Mul", luma, number(255))), number(0), number(255))
    taps = np.zeros((2, 1, 3, 3), np.float32)
    taps[0, 0, 1, 0], taps[0, 0, 1, 2], taps[1, 0, 0, 1], taps[1, 0, 2, 1] = -1, 1, -1, 1
    padded = op("Pad", levels, constant(np.array([0, 0, REACH, REACH] * 2, np.int64)), mode=b"edge")
    gx, gy = parts(convolved(padded, taps), 2)
    products = op("Concat", op("Mul", gx, gx), op("Mul", gx, gy), op("Mul", gy, gy), axis=1)
    binomial = np.array([_BINOMIAL] * 3, np.float32)[:, None, None]
    a, b, c = parts(convolved(convolved(products, binomial.swapaxes(2, 3).copy()), binomial), 3)
    u = op("Sub", a, c)
    along, size = op("Abs", u), op("Abs", b)
    four = op("Mul", size, number(4))
    off_axis = op("Greater", four, op("Mul", op("Sub", along, four), number(5)))
    diagonal = op("Greater", op("Mul", op("Sub", size, along), number(5)), along)
    turn = op("Add", truth(off_axis), truth(diagonal))
    turn = op("Where", op("Less", u, number(0)), op("Sub", number(4), turn), turn)
    below = op("And", op("Less", b, number(0)), op("Greater", turn, number(0)))
    turn = op("Where", below, op("Sub", number(8), turn), turn)
    trace = op("Add", a, c)
    for limit in (limits := tuple(limits)):
        turn = op("Add", turn, op("Mul", truth(op("Greater", trace, number(limit))), number(DIRECTIONS)))
    every = np.arange(DIRECTIONS * (len(limits) + 1), dtype=np.float32).reshape(1, -1, 1, 1)
    return truth(op("Equal", turn, constant(every)))


def _layer(
    graph: onnx.GraphProto,
    tile: int,
    count: int,
    users: dict[str, list[int]],
    makers: dict[str, int],
    constants: dict[str, onnx.TensorProto],
    ends: set[str],
) -> tuple[int, int, tuple[int, int]] | None:
    """The last node of a chosen layer, its convolution by all kernels, and the two between; `tile` is one of them."""

    def only_user(index: int) -> int | None:
        name = graph.node[index].output[0]
        found = users.get(name, [])
        return found[0] if len(found) == 1 and name not in ends else None

    product = only_user(tile)
    last = only_user(product) if product is not None else None
    if product is None or last is None:
        return None
    tiled, multiplied, summed = graph.node[tile], graph.node[product], graph.node[last]
    if (tiled.op_type, multiplied.op_type, summed.op_type) != ("Tile", "Mul", "Conv") or len(summed.input) != 3:
        return None
    first = makers.get(next((name for name in multiplied.input if name != tiled.output[0]), ""))
    if first is None or graph.node[first].op_type != "Conv" or only_user(first) != product:
        return None
    if len(graph.node[first].input) != 2:
        return None
    repeats, ones = _value(constants, tiled.input[1]), _value(constants, summed.input[1])
    if repeats is None or ones is None or ones.ndim != 4 or repeats.tolist() != [1, len(ones), 1, 1]:
        return None
    plain = {"group": len(ones), "kernel_shape": [1, 1]}
    if ones.shape[1:] != (count, 1, 1) or not (ones == 1).all() or attributes_of(summed) != plain:
        return None
    return last, first, (tile, product)
