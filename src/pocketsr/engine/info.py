"""What is known about a network beside its weights: one record, made from its graph, that the cache keeps as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from pocketsr.engine.ir.graph import Conv, Pad
from pocketsr.engine.ir.strength import MOST_KNOTS
from pocketsr.engine.onnx.limits import LIMITS
from pocketsr.errors import ArgumentError
from pocketsr.names import identifier

if TYPE_CHECKING:
    from pocketsr.engine.ir.graph import Graph

__all__ = ["ModelInfo"]

_MOST_PIXELS = LIMITS["operations"] * LIMITS["kernel"]  # along an axis, that a result can depend on
_MOST_NUMBER = 2**53  # what JSON keeps exactly in every program


@dataclass(frozen=True)
class ModelInfo:
    """What a network is, what it costs and what it depends on: `Network.info`.

    Costs are counted from the ONNX file as `pocketsr models` counts them, of the network as it runs: what only training
    needed (branches that collapse) is not counted. Raises ArgumentError for values that no network has.
    """

    name: str
    """The file's name without its suffix, as an identifier of C: functions of the compiled library begin with it."""

    scale: int
    """Upscaling factor in each direction, 1 to 16."""

    channels: int
    """1: luma in and out; 3: RGB in and out."""

    max_value: float
    """Full scale of the samples that the network itself reads and writes: 1.0 (0..1) or 255.0 (0..255)."""

    params: int
    """Learned numbers."""

    macs_per_pixel: int
    """Multiply-adds for each pixel of the input."""

    receptive_field: int
    """Pixels of the input that the results in one of its pixels depend on, along the longer axis; 0: not known."""

    halo: int
    """Pixels of the input from a result's own to the farthest that it depends on."""

    zero_padded: bool
    """Whether a convolution sees zeros beyond the edges of the picture (and not the repeated edge)."""

    strengths: int = 0
    """Of a network that is told a strength of a degradation: between how many of them its biases are linear; else 0."""

    default_strength: float = 0.5
    """What such a network is told where a caller says nothing, 0..1."""

    def __post_init__(self) -> None:
        for each in fields(self):
            found = getattr(self, each.name)
            # `each.type` is the annotation's text; True would pass as 1, and 1 as 1.0
            if type(found).__name__ != each.type:
                raise ArgumentError(f"{each.name} is a {type(found).__name__}; {each.type} is expected")
        if self.name != identifier(self.name):
            raise ArgumentError("name is no identifier")
        if self.channels not in (1, 3):
            raise ArgumentError(f"{self.channels} channels; 1 or 3 are expected")
        if not (math.isfinite(self.max_value) and self.max_value > 0):
            raise ArgumentError(f"max_value {self.max_value}; a finite number above 0 is expected")
        for name, least, most in (
            ("scale", 1, LIMITS["scale"]),
            ("params", 0, _MOST_NUMBER),
            ("macs_per_pixel", 0, _MOST_NUMBER),
            ("receptive_field", 0, _MOST_PIXELS),
            ("halo", 0, _MOST_PIXELS),
            ("strengths", 0, MOST_KNOTS),
            ("default_strength", 0, 1),
        ):
            if not least <= getattr(self, name) <= most:
                raise ArgumentError(f"{name} is beyond {least}..{most}")

    @classmethod
    def of_graph(
        cls, graph: Graph, *, params: int = 0, macs_per_pixel: int = 0, receptive_field: int = 0, halo: int = 0
    ) -> ModelInfo:
        """Of a simplified graph, and what was counted of the file that it was read from."""
        zero_padded = any(
            isinstance(op, Conv) and op.pad is Pad.ZERO and max(op.weight.shape[2:]) > 1 for op in graph.ops
        )
        return cls(
            graph.name,
            graph.scale,
            graph.channels,
            float(graph.max_value),
            params,
            macs_per_pixel,
            receptive_field,
            halo,
            zero_padded,
            graph.strengths,
            float(graph.default_strength),
        )

    @property
    def edge_halo(self) -> int:
        """How far results see beyond the picture's edges, where zeros stand there; 0 where edges are repeated."""
        return self.halo if self.zero_padded else 0

    def gmacs(self, width: int, height: int) -> float:
        """GMAC for one frame of `width` x `height` input pixels."""
        return self.macs_per_pixel * width * height / 1e9

    def to_json(self) -> dict[str, object]:
        """Names and values, as `from_json` takes them."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> ModelInfo:
        """From what a JSON file holds, whoever wrote it. Raises ArgumentError where that is no such record."""
        names = {each.name for each in fields(cls)}
        if not isinstance(data, dict) or set(data) != names:
            raise ArgumentError(f"an object with {', '.join(sorted(names))} is expected, and nothing else")
        return cls(**data)
