"""The compiler's own picture of a network: a short typed list of operations on channel planes.

A *value* is a set of channel planes at `scale` times the size of the input (value 0 is the input). Operations name
the planes that they read one by one (`Ref`), so that concatenation, splitting, channel shuffling and broadcasting are
only lists of references and cost nothing when the network runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.stages import (
    Affine,
    Array,
    Binary,
    Clip,
    Combine,
    Dequantize,
    Function,
    PointwiseStage,
    Prelu,
    Quantize,
    Ref,
    Unary,
    stage_refs,
)
from pocketsr.names import identifier
from pocketsr.pixels.structure import DIRECTIONS, REACH

__all__ = [
    "Affine",
    "Array",
    "Binary",
    "Chosen",
    "Classes",
    "Clip",
    "Combine",
    "Conv",
    "Dequantize",
    "Function",
    "Graph",
    "Integers",
    "Op",
    "Pad",
    "Pointwise",
    "PointwiseStage",
    "Prelu",
    "Quantize",
    "Ref",
    "Shuffle",
    "Unary",
    "planes",
    "refs_of",
    "stage_refs",
    "verify",
    "window",
]


class Pad(Enum):
    """What a convolution sees beyond the border."""

    ZERO = "zero"
    EDGE = "edge"


@dataclass(frozen=True, eq=False)
class Integers:
    """An integer convolution: the sum of weight * (x - zero), plus bias, exactly; times `step` as a float.

    Where kernels are chosen, bias, step and offsets are the same for all classes.
    """

    weight: NDArray[np.int8]  # CO CI/groups KH KW; K CO CI/groups KH KW for chosen kernels
    bias: NDArray[np.int32]  # CO
    step: Array  # CO
    zero: int
    top: int  # x is 0..top
    offsets: Array | None = None  # K CO: as of `Conv`, in steps; rounded once they are known for a strength

    @property
    def start(self) -> NDArray[np.int64]:
        """What a sum of weight * x starts from, so that x need not be taken less its zero; CO, or K CO."""
        total: NDArray[np.int64] = self.weight.astype(np.int64).sum(axis=(-3, -2, -1))
        return self.bias - self.zero * total

    @property
    def most(self) -> int:
        """No sum of weight * x, started at `start` and added in any order, goes beyond this or its negative."""
        each: NDArray[np.int64] = np.abs(self.weight.astype(np.int64)).sum(axis=(-3, -2, -1))
        told = 0 if self.offsets is None else np.ceil(np.abs(self.offsets.astype(np.float64))).max(axis=0)
        return int((each * self.top + np.abs(self.start) + told).max())

    def of_class(self, number: int) -> Integers:
        """What those pixels take whose class is `number`, where kernels are chosen."""
        return replace(self, weight=self.weight[number])


@dataclass(frozen=True, eq=False)
class Chosen:
    """A kernel for each class of pixels: an output pixel takes the one of its own class."""

    classes: Ref  # of a `Classes`
    weight: Array  # K CO CI/groups KH KW

    def part(self, channels: slice) -> Chosen:
        """For some of the output channels."""
        return Chosen(self.classes, self.weight[:, channels])


@dataclass(frozen=True, eq=False)
class Conv:
    """Stride-1 convolution of odd kernel, output as large as the input, then pointwise stages.

    With `integers` it reads integers, and `weight` and `bias` are their real values. With `chosen` each pixel
    has a kernel of its class, and `weight` is their mean, which says no more than the shape. `offsets` are added to the
    bias, by the strength that the network is told (`ir.strength`).
    """

    name: str
    value: int
    inputs: tuple[Ref, ...]  # CI
    weight: Array  # CO CI/groups KH KW
    bias: Array  # CO
    groups: int = 1
    pad: Pad = Pad.ZERO
    stages: tuple[PointwiseStage, ...] = ()
    integers: Integers | None = None
    chosen: Chosen | None = None
    offsets: Array | None = None  # K CO: at each of K strengths, evenly spaced from 0 to 1

    @property
    def channels(self) -> int:
        return int(self.weight.shape[0])


@dataclass(frozen=True, eq=False)
class Pointwise:
    """Stages, one after the other, on each number by itself of the planes that `inputs` names."""

    name: str
    value: int
    inputs: tuple[Ref, ...]
    stages: tuple[PointwiseStage, ...] = ()

    @property
    def channels(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, eq=False)
class Classes:
    """The class of structure of each pixel, by `pixels.structure`: integers, 0 .. 8 (len(limits) + 1) - 1.

    Reads levels, 0 .. 255 in whole numbers as floats, with edges repeated. Only `Chosen` reads what it makes.
    """

    name: str
    value: int
    inputs: tuple[Ref]
    limits: tuple[int, ...]  # between the strengths, rising
    pad: Pad = Pad.EDGE

    @property
    def channels(self) -> int:
        return 1

    @property
    def stages(self) -> tuple[PointwiseStage, ...]:
        return ()

    @property
    def count(self) -> int:
        """How many classes there are."""
        return DIRECTIONS * (len(self.limits) + 1)


@dataclass(frozen=True, eq=False)
class Shuffle:
    """Depth to space, CRD order: out[c, y*f+i, x*f+j] = in[c*f*f + i*f + j, y, x]."""

    name: str
    value: int
    inputs: tuple[Ref, ...]
    factor: int

    @property
    def channels(self) -> int:
        return len(self.inputs) // self.factor**2


Op = Conv | Pointwise | Classes | Shuffle


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: `ops` in an order in which each reads only what is made before it."""

    name: str  # any; what is kept of it is an identifier in C
    channels: int  # input planes: 1 luma, 3 RGB
    ops: tuple[Op, ...]
    output: tuple[Ref, ...]
    max_value: float = 1.0  # the input and output value of full scale: 1 or 255
    strengths: int = 0  # K, where it is told a strength
    default_strength: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", identifier(self.name))

    def scales(self) -> dict[int, int]:
        """The size of each value relative to the input."""
        scales = {0: 1}
        for op in self.ops:
            own = scales[op.inputs[0].value]
            scales[op.value] = own * op.factor if isinstance(op, Shuffle) else own
        return scales

    @property
    def scale(self) -> int:
        return self.scales()[self.output[0].value]

    def with_ops(self, ops: Iterable[Op]) -> Graph:
        return replace(self, ops=tuple(ops))


@lru_cache(maxsize=4096)
def planes(value: int, channels: int) -> tuple[Ref, ...]:
    """All planes of a value."""
    return tuple(Ref(value, c) for c in range(channels))


def refs_of(op: Op) -> tuple[Ref, ...]:
    """Every plane that `op` reads."""
    if isinstance(op, Shuffle):
        return op.inputs
    chosen = (op.chosen.classes,) if isinstance(op, Conv) and op.chosen else ()
    return op.inputs + chosen + stage_refs(op.stages)


def window(op: Op) -> tuple[int, int]:
    """The rows and columns of its inputs that one number of the result is made of."""
    if isinstance(op, Conv):
        return op.weight.shape[2], op.weight.shape[3]
    return (2 * REACH + 1, 2 * REACH + 1) if isinstance(op, Classes) else (1, 1)


def verify(graph: Graph) -> None:
    """Raise ValueError where `graph` breaks the rules above: a compiler's own mistake, never a user's."""
    channels = {0: graph.channels}
    counts: dict[int, int] = {}
    for op in graph.ops:
        for ref in refs_of(op):
            if ref.value not in channels:
                raise ValueError(f"{op.name} reads value {ref.value} before it is made")
            if not 0 <= ref.channel < channels[ref.value]:
                raise ValueError(f"{op.name} reads channel {ref.channel} of value {ref.value}, which has fewer")
        if isinstance(op, Conv):
            out_channels, per_group, height, width = op.weight.shape
            if per_group * op.groups != len(op.inputs) or out_channels % op.groups or op.bias.shape != (out_channels,):
                raise ValueError(f"{op.name}: weights {op.weight.shape} do not fit {len(op.inputs)} inputs")
            if not height % 2 or not width % 2:
                raise ValueError(f"{op.name}: even kernel {height}x{width}")
            if op.chosen and (op.chosen.weight.shape[1:] != op.weight.shape or op.chosen.classes.value not in counts):
                raise ValueError(f"{op.name}: kernels {op.chosen.weight.shape} to choose from for {op.weight.shape}")
            shape = op.chosen.weight.shape if op.chosen else op.weight.shape
            if op.offsets is not None and op.offsets.shape != (graph.strengths, out_channels):
                raise ValueError(f"{op.name}: offsets {op.offsets.shape} for {graph.strengths} strengths")
            if op.integers and op.integers.weight.shape != shape:
                raise ValueError(f"{op.name}: integers {op.integers.weight.shape} for weights {shape}")
            if op.chosen and len(op.chosen.weight) != counts[op.chosen.classes.value]:
                raise ValueError(f"{op.name}: {len(op.chosen.weight)} kernels for other classes")
        if isinstance(op, Classes):
            counts[op.value] = op.count
        for stage in () if isinstance(op, Shuffle) else op.stages:
            size = {Affine: "scale", Prelu: "slope", Combine: "other"}.get(type(stage))
            if size and len(getattr(stage, size)) != op.channels:
                raise ValueError(f"{op.name}: {type(stage).__name__} of another width than {op.channels} channels")
        if op.value in channels:
            raise ValueError(f"{op.name} makes value {op.value} a second time")
        channels[op.value] = op.channels
    scales = graph.scales()
    for op in graph.ops:
        if len({scales[ref.value] for ref in refs_of(op)}) != 1:
            raise ValueError(f"{op.name} mixes planes of different sizes")
    if len({scales[ref.value] for ref in graph.output}) != 1:
        raise ValueError("the output mixes planes of different sizes")
