"""What is known while an ONNX file is read, and which function reads which operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import (
    Affine,
    Array,
    Dequantize,
    Op,
    Pointwise,
    PointwiseStage,
    Quantize,
    Ref,
    Shuffle,
    refs_of,
)
from pocketsr.engine.onnx.limits import Work, finite
from pocketsr.engine.onnx.tensors import NotSupportedError, Padded, Planes, Tensor, View

__all__ = ["HANDLERS", "LOWEST", "WHOLE_IMAGE", "Importer", "Stored", "handles"]


Handler = Callable[["Importer", onnx.NodeProto, list[Tensor | None], dict[str, Any]], list[Tensor]]
HANDLERS: dict[str, Handler] = {}
WHOLE_IMAGE = "it depends on the whole image at once, and the engine streams rows"
LOWEST = {
    **dict.fromkeys(("uint2", "uint4", "uint8", "uint16"), 0),
    **{"int2": -2, "int4": -8, "int8": -128, "int16": -32768},
}
"""Integer types that planes may have, and the lowest number of each."""


def handles(*operators: str) -> Callable[[Handler], Handler]:
    """Registers a function for ONNX operators. Raises ValueError for one that has a function already."""

    def register(handler: Handler) -> Handler:
        if twice := [name for name in operators if name in HANDLERS or operators.count(name) > 1]:
            raise ValueError(f"{twice[0]} is registered twice")
        HANDLERS.update(dict.fromkeys(operators, handler))
        return handler

    return register


@dataclass(frozen=True, eq=False)
class Stored:
    """A constant that the file stores as integers: scale * numbers, by the first axis or as a whole."""

    numbers: NDArray[np.int32]
    scale: NDArray[np.float32]  # one, or one a first index


@dataclass
class Importer:
    """What is known so far while the nodes are read one after the other."""

    ops: list[Op] = field(default_factory=list)
    scales: dict[int, int] = field(default_factory=lambda: {0: 1})
    size: tuple[int, int] = (1013, 1511)  # of the image that is imagined where the file calculates with sizes
    stored: dict[str, Stored] = field(default_factory=dict)  # constants that the file stores as integers
    integer_types: dict[int, str] = field(default_factory=dict)  # of values that are integers
    work: Work = field(default_factory=Work)

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
        if excess := self.work.excess(op, scale) or finite(op):
            raise NotSupportedError(excess)
        kinds = {self.integer_types.get(ref.value) for ref in refs_of(op)} - {None}
        if isinstance(op, Shuffle) and len(kinds) == 1:
            self.integer_types[op.value] = str(kinds.pop())
        elif any(LOWEST[str(kind)] for kind in kinds) and not (isinstance(op, Pointwise) and _dequantizes(op)):
            raise NotSupportedError("it works on signed integers; only DequantizeLinear takes them")
        self.ops.append(op)
        self.scales[op.value] = scale
        return Planes(tuple(Ref(op.value, c) for c in range(op.channels)))

    def pointwise(self, name: str, planes: Planes, *stages: PointwiseStage) -> Planes:
        """A pointwise stage on `planes`."""
        scale = self.scale_of(planes)
        return self.add(Pointwise(name, self.new_value(scale), planes.refs, stages), scale)

    def levels(self, name: str, planes: Planes) -> Planes:
        """255 times `planes`, rounded half to even and clipped to 0 .. 255."""
        scaled = Affine(np.full(len(planes.refs), 255, np.float32), np.zeros(len(planes.refs), np.float32))
        return self.pointwise(name, planes, scaled, Quantize(1.0, 0, 255))

    def affine(self, name: str, planes: Planes, scale: Array | float, offset: Array | float) -> Planes:
        """scale * planes + offset, either one a number or one for each channel."""
        size = len(planes.refs)

        def wide(x: Array | float) -> Array:
            return np.broadcast_to(np.asarray(x, np.float32), (size,)).copy()

        return self.pointwise(name, planes, Affine(wide(scale), wide(offset)))


def _dequantizes(op: Pointwise) -> bool:
    return bool(op.stages) and isinstance(op.stages[0], Dequantize)
