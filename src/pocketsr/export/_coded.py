"""ONNX operators on tensors that are stored in 8 bits: DequantizeLinear before, QuantizeLinear after each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Pad
from pocketsr.errors import UserError
from pocketsr.export._onnx import Nodes, widened
from pocketsr.names import harmless

__all__ = ["ONE", "TOP", "Code", "Coded", "Numbers", "Stored"]

TOP, ONE = 255, 127
"""The largest stored number, and the largest weight."""
_MOST_BIAS = 2**30

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Code:
    """How 8 bits stand for numbers: (stored - zero) * scale."""

    scale: float
    zero: int

    @property
    def range(self) -> tuple[float, float]:
        """The least and the largest number that it holds."""
        return -self.zero * self.scale, (TOP - self.zero) * self.scale


@dataclass(frozen=True)
class Stored:
    """A tensor of the file."""

    name: str
    code: Code
    size: tuple[int, int]  # height, width


class Coded:
    """`graph`, and what is written into it. slices: edges by Slice and Concat, not by Pad."""

    def __init__(self, slices: bool) -> None:
        self.graph = Nodes()
        self._slices = slices
        self._known: dict[Code, list[str]] = {}

    def real(self, stored: Stored) -> str:
        """What is stored, as real numbers: anew for each reader, since tools fuse it with what follows."""
        name = f"r{len(self.graph.nodes)}"
        return self.graph.node("DequantizeLinear", [stored.name, *self.constants(stored.code)], name)

    def kept(self, real: str, code: Code, size: tuple[int, int]) -> Stored:
        """`real` numbers in 8 bits."""
        name = f"q{len(self.graph.nodes)}"
        self.graph.node("QuantizeLinear", [real, *self.constants(code)], name)
        return Stored(name, code, size)

    def constants(self, code: Code) -> list[str]:
        """The names of its scale and its zero point."""
        if code not in self._known:
            self._known[code] = [self.graph.constant(np.float32(code.scale)), self.graph.constant(np.uint8(code.zero))]
        return self._known[code]

    def operator(
        self, kind: str, given: list[Stored], code: Code, further: list[str], factor: int = 1, **attributes: Any
    ) -> Stored:  # fmt: skip
        """`kind` of what is stored, and the result stored by `code`."""
        inputs = [self.real(each) for each in given]
        made = self.graph.node(kind, [*inputs, *further], f"f{len(self.graph.nodes)}", **attributes)
        height, width = given[0].size
        return self.kept(made, code, (height * factor, width * factor))

    def requantized(self, stored: Stored, code: Code) -> Stored:
        """The same numbers in other steps."""
        return self.kept(self.real(stored), code, stored.size)

    def wide(self, x: Stored, halo: tuple[int, int]) -> Stored:
        """`x` with its edges repeated; its size stays that of the planes inside."""
        if not self._slices:
            widths = self.graph.constant(np.array([0, 0, *halo] * 2, np.int64))
            return self.operator("Pad", [x], x.code, [widths], mode="edge")
        parts = {x.name: x}

        def step(kind: str, inputs: list[str], numbers: list[list[int]], **attributes: Any) -> str:
            further = [self.graph.constant(np.array(each, np.int64)) for each in numbers]
            made = self.operator(kind, [parts[name] for name in inputs], x.code, further, **attributes)
            parts[made.name] = made
            return made.name

        return parts[widened(step, x.name, halo, x.size)]

    def convolved(
        self, name: str, x: Stored, weight: Numbers, steps: Numbers, bias: Numbers, code: Code,
        halo: tuple[int, int] = (0, 0), pad: Pad = Pad.EDGE,
    ) -> Stored:  # fmt: skip
        """weight: CO CI KH KW whole numbers in `steps`, one for each CO; bias: real numbers."""
        rows, columns = halo
        if pad is Pad.EDGE and any(halo):
            x, rows, columns = self.wide(x, halo), 0, 0
        grid = steps.astype(np.float64) * x.code.scale
        whole = np.rint(bias.astype(np.float64) / grid)
        if not np.abs(whole).max(initial=0) < _MOST_BIAS:
            raise UserError(
                f"node '{harmless(name)}': its bias doesn't fit 32 bits beside its weights; no tool takes it"
            )
        constant, node = self.graph.constant, self.graph.node
        count = len(self.graph.nodes)
        zeros = constant(np.zeros(len(steps), np.int8))
        scaled = [constant(weight.astype(np.int8)), constant(steps.astype(np.float32)), zeros]
        kernels = node("DequantizeLinear", scaled, f"w{count}", axis=0)
        none = constant(np.zeros(len(steps), np.int32))
        offsets = node(
            "DequantizeLinear", [constant(whole.astype(np.int32)), constant(grid.astype(np.float32)), none],
            f"b{count}", axis=0,
        )  # fmt: skip
        pads, shape = [rows, columns] * 2, list(weight.shape[2:])
        return self.operator("Conv", [x], code, [kernels, offsets], pads=pads, kernel_shape=shape)
