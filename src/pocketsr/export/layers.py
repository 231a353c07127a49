"""A network as layers on whole tensors, which is what other runtimes' formats know.

The engine's graph names planes one by one; here each layer reads whole tensors (`lowering`). Integers become real
numbers: a stored value's `Rounded` says what it was rounded to, and float targets leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Binary, Pad, Unary

__all__ = [
    "Affine",
    "Clip",
    "Concat",
    "Conv",
    "Curve",
    "Layer",
    "Merge",
    "Network",
    "Prelu",
    "Rounded",
    "Shuffle",
    "Tensor",
    "without_rounding",
]

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Tensor:
    """What a layer makes: `channels` planes, `scale` times the picture's size."""

    name: str
    channels: int
    scale: int = 1


@dataclass(frozen=True, eq=False)
class Layer:
    """name: of the ONNX node that it comes from. inputs: one tensor, or two for `Merge`, or more for `Concat`."""

    name: str
    inputs: tuple[Tensor, ...]
    output: Tensor


@dataclass(frozen=True, eq=False)
class Conv(Layer):
    """Stride 1, as large as its input. `steps`: each weight is a whole number of -128..127 times its row's step."""

    weight: Array  # CO CI KH KW
    bias: Array  # CO
    pad: Pad = Pad.EDGE
    steps: Array | None = None  # CO

    @property
    def halo(self) -> tuple[int, int]:
        """Rows and columns that it reads beyond each border."""
        return self.weight.shape[2] // 2, self.weight.shape[3] // 2

    def whole(self, steps: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Its weights in `steps` of each row: whole numbers of -127 to 127, whose signs can be turned.

        Files of others have a -128 here and there, which becomes -127.
        """
        nonzero = np.where(steps == 0, 1, steps).astype(np.float64)
        return np.clip(np.rint(self.weight / nonzero[:, None, None, None]), -127, 127)


@dataclass(frozen=True, eq=False)
class Prelu(Layer):
    slope: Array  # C


@dataclass(frozen=True, eq=False)
class Affine(Layer):
    """y = scale[c] * x + offset[c]."""

    scale: Array  # C
    offset: Array  # C


@dataclass(frozen=True, eq=False)
class Clip(Layer):
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Curve(Layer):
    kind: Unary


@dataclass(frozen=True, eq=False)
class Merge(Layer):
    """inputs[0] (kind) inputs[1]; the second may have one channel, which then goes to each of the first's."""

    kind: Binary


@dataclass(frozen=True, eq=False)
class Concat(Layer):
    """The channels of all inputs, one after the other."""


@dataclass(frozen=True, eq=False)
class Rounded(Layer):
    """y = step * (min(max(rint(x / step) + zero, 0), top) - zero)."""

    step: float
    zero: int
    top: int


@dataclass(frozen=True, eq=False)
class Shuffle(Layer):
    """Depth to space in CRD order, as `ir.graph.Shuffle`."""

    factor: int


@dataclass(frozen=True, eq=False)
class Network:
    """`layers` in an order in which each reads only what is made before it."""

    name: str  # an identifier
    picture: Tensor
    layers: tuple[Layer, ...]
    output: Tensor
    max_value: float

    @property
    def is_quantized(self) -> bool:
        """Whether its convolutions have integer weights and read integers."""
        return any(isinstance(layer, Conv) and layer.steps is not None for layer in self.layers)


def without_rounding(net: Network) -> Network:
    """`net` for a runtime that computes in floats: what was stored as integers isn't rounded, only clipped, which
    networks trained with it count on (`medium` is off by up to 14 levels without)."""
    same: dict[str, Tensor] = {}
    layers: list[Layer] = []
    for layer in net.layers:
        inputs = tuple(same.get(tensor.name, tensor) for tensor in layer.inputs)
        if isinstance(layer, Rounded) and inputs[0] is net.picture:
            same[layer.output.name] = inputs[0]
        elif isinstance(layer, Rounded):
            bounds = -layer.zero * layer.step, (layer.top - layer.zero) * layer.step
            layers.append(Clip(layer.name, inputs, layer.output, *bounds))
        else:
            layers.append(replace(layer, inputs=inputs))
    return Network(net.name, net.picture, tuple(layers), same.get(net.output.name, net.output), net.max_value)
