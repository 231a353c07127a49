"""Networks that are told a strength (`ir.strength`): their second input, and what a file calculates from it alone.

Whatever depends on the strength and on nothing else is calculated at each knot, and at points between two, where it
must lie on the line: it is then known at all strengths. It may be added to the channels of a convolution's result,
before anything else reads that, and becomes part of the convolution's bias.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, numpy_helper

from pocketsr.engine.ir.graph import Array, Conv, planes, refs_of
from pocketsr.engine.ir.strength import DEFAULT_STRENGTH, MOST_KNOTS
from pocketsr.engine.onnx.folding import FOLDED, attributes_of, fold_each
from pocketsr.engine.onnx.limits import finite
from pocketsr.engine.onnx.state import Importer
from pocketsr.engine.onnx.tensors import NotSupportedError, Padded, Planes, Tensor, Told, View, per_channel, planes_of
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["DEFAULT", "KNOTS", "STRENGTH", "StrengthInput", "Teller", "at_strength", "strength_input"]

STRENGTH = "strength"
"""The input's name."""
KNOTS, DEFAULT = "pocketsr.strengths", "pocketsr.default_strength"
"""Keys of the metadata: between how many strengths biases are linear, and the one that is taken where none is given."""

_BETWEEN = (0.31, 0.5, 0.83)  # of the way from knot to knot: where lines are checked
_TOLERANCE = 1e-4  # of the largest number at any knot
_EACH = 1024  # what calculating a node costs beside its numbers
_MOST_WORK = 2**26
_MOST_RANK = 4
_WHERE = "what depends on the strength may only be added to all channels of a convolution's result, right after it"


@dataclass(frozen=True)
class StrengthInput:
    """shape: of ones, or none. knots: 2 to 17. default: 0..1."""

    shape: tuple[int, ...]
    knots: int
    default: float

    def value(self, strength: float) -> NDArray[np.float32]:
        """What the input is given for `strength`."""
        return np.full(self.shape, strength, np.float32)


def strength_input(path: str, model: ModelProto) -> StrengthInput | None:
    """The second input of a network that is told a strength; None of others. Raises UserError where it is no such."""
    properties = {item.key: item.value for item in model.metadata_props}
    constants = {item.name for item in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    given = next((value for value in inputs if value.name == STRENGTH), None) if len(inputs) > 1 else None
    stated = properties.get(KNOTS)
    if given is None and stated is None:
        return None
    if given is None:
        raise UserError(f"{path}: its metadata say {KNOTS}, but it has no second input '{STRENGTH}'")
    if stated is None or not re.fullmatch(r"\d{1,2}", stated, re.ASCII) or not 2 <= int(stated) <= MOST_KNOTS:
        said = "nothing" if stated is None else f"'{harmless(stated)}'"
        raise UserError(
            f"{path}: input '{STRENGTH}' needs {KNOTS} in the metadata, 2 to {MOST_KNOTS}, which say {said}"
        )
    kind = given.type.tensor_type if given.type.HasField("tensor_type") else None
    dims = [dim.dim_value for dim in kind.shape.dim] if kind else [0]
    if kind is None or kind.elem_type != TensorProto.FLOAT or dims != [1] * len(dims) or len(dims) > _MOST_RANK:
        raise UserError(f"{path}: input '{STRENGTH}' is to be one float32 number, of the shape [1]")
    return StrengthInput((1,) * len(dims), int(stated), _default(path, properties.get(DEFAULT)))


def _default(path: str, stated: str | None) -> float:
    if stated is None:
        return DEFAULT_STRENGTH
    if not re.fullmatch(r"[01]|[01]?\.\d{1,9}", stated, re.ASCII) or float(stated) > 1:
        raise UserError(f"{path}: {DEFAULT} is '{harmless(stated)}'; a number from 0 to 1 is expected")
    return float(stated)


class Teller:
    """Reads the nodes of one file that depend on its strength."""

    def __init__(self, given: StrengthInput) -> None:
        last = given.knots - 1
        between = [(k + part) / last for k in range(last) for part in _BETWEEN]
        self._given, self._work = given, 0
        self._strengths = [*(k / last for k in range(given.knots)), *between]
        self.moved: set[int] = set()  # results of convolutions that are now those with what was added

    def input(self) -> Told:
        """The strength itself."""
        return Told(tuple(self._given.value(strength) for strength in self._strengths))

    def node(self, state: Importer, node: onnx.NodeProto, inputs: Sequence[Any], opsets: list[Any]) -> list[Tensor]:
        """What `node` makes, of whose inputs one depends on the strength. Raises NotSupportedError, FoldError."""
        if any(isinstance(x, Planes | View | Padded) for x in inputs):
            return [self._added(state, node, inputs)]
        rows = [[x.values[i] if isinstance(x, Told) else x for x in inputs] for i in range(len(self._strengths))]
        self._work += len(rows) * (_EACH + _numbers(node, rows[0]))
        if self._work > _MOST_WORK:
            raise NotSupportedError("too much is calculated from the strength")
        found = zip(*fold_each(node, rows, opsets), strict=True)
        return [_settled(tuple(np.asarray(x) for x in values)) for values in found]

    def _added(self, state: Importer, node: onnx.NodeProto, inputs: Sequence[Any]) -> Planes:
        if node.op_type != "Add":
            raise NotSupportedError(_WHERE)
        image, told = inputs if isinstance(inputs[1], Told) else inputs[::-1]
        refs = planes_of(image).refs
        offsets = self._offsets(told, len(refs))
        place = next((i for i, op in enumerate(state.ops) if op.value == refs[0].value), None)
        host = None if place is None else state.ops[place]
        if place is None or not isinstance(host, Conv) or refs != planes(host.value, host.channels):
            raise NotSupportedError(_WHERE)
        if any(ref.value == host.value for op in state.ops for ref in refs_of(op)):
            raise NotSupportedError(f"{_WHERE}, and something else reads that result")
        if host.offsets is not None:
            offsets = offsets + host.offsets
        value = state.new_value(state.scales[host.value])
        made = replace(host, value=value, offsets=offsets)
        if reason := finite(made):
            raise NotSupportedError(reason)
        state.ops[place] = made
        self.moved.add(host.value)
        return Planes(planes(value, host.channels))

    def _offsets(self, told: Told, channels: int) -> Array:
        """K C. Raises NotSupportedError where that isn't all that there is to say."""
        numbers = np.stack([per_channel(value) for value in told.values]).astype(np.float64)
        if numbers.shape[1] not in (1, channels):
            raise NotSupportedError(f"{numbers.shape[1]} numbers for {channels} channels")
        knots, between = numbers[: self._given.knots], numbers[self._given.knots :]
        if not np.isfinite(numbers).all():
            raise NotSupportedError("what it adds is infinite or NaN at some strength")
        parts = np.array(_BETWEEN)[:, None]
        lines = np.concatenate([a + parts * (b - a) for a, b in pairwise(knots)])
        if np.abs(lines - between).max() > _TOLERANCE * np.abs(knots).max():
            raise NotSupportedError(
                f"what it adds isn't linear between the {self._given.knots} strengths that {KNOTS} says"
            )
        return np.broadcast_to(knots, (len(knots), channels)).astype(np.float32)


def _numbers(node: onnx.NodeProto, inputs: list[Any]) -> int:
    """How many there are in what a node takes and makes; where that can't be told, `fold_each` says so."""
    taken = sum(int(np.size(x)) for x in inputs if x is not None)
    try:
        return taken + int(FOLDED[node.op_type](inputs, attributes_of(node)))
    except Exception:  # of every class, as in `fold_each`
        return taken


def _settled(values: tuple[NDArray[Any], ...]) -> Tensor:
    """A constant, where it is the same at every strength: a shape, say."""
    same = all(np.array_equal(values[0], value) for value in values[1:])
    return values[0] if same else Told(values)


def at_strength(model: ModelProto, strength: float | None = None) -> ModelProto:
    """The network that `model`, which is told strengths, is at one: the input is a constant, and nothing else differs.

    strength: 0..1; None: the file's default one.

    For other runtimes, and for those whom a second input would puzzle. An ordinary network is given back as it is.
    """
    given = strength_input("the network", model)
    if given is None:
        return model
    made = ModelProto()
    made.CopyFrom(model)
    kept = [value for value in made.graph.input if value.name != STRENGTH]
    del made.graph.input[:]
    made.graph.input.extend(kept)
    made.graph.initializer.append(
        numpy_helper.from_array(given.value(given.default if strength is None else strength), STRENGTH)
    )
    said = [item for item in made.metadata_props if item.key not in (KNOTS, DEFAULT)]
    del made.metadata_props[:]
    made.metadata_props.extend(said)
    return made
