"""Any network that the engine supports, as a PyTorch module: in full precision or fake-quantized.

It computes what the quantized file says and the engine does in integers: the picture in steps of 1/4080 of full scale,
weights and activations in low-bit integers, a bias in steps of its sums', pointwise stages in between in floats.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from pocketsr.engine.ir.graph import Classes, Conv, Graph, Ref, Shuffle, refs_of, window
from pocketsr.nets.base import SRNet, crop
from pocketsr.nets.structure import structure_classes
from pocketsr.quant.fake import ActQuant, Method, WeightQuant
from pocketsr.quant.source import Source, class_values, layout_of
from pocketsr.quant.spec import Spec
from pocketsr.quant.steps import TOLD, ConvStep, Planes, Step, Values

__all__ = ["INPUT_LEVELS", "QuantNet"]

INPUT_LEVELS = 4080
"""Steps of the picture from black to full scale: 16 for each 8-bit level. Products with weights of 8 bits and their
sums (9 * 12 bits * 8 bits) stay below 2^24, so that floats compute them exactly, in any order."""


class QuantNet(SRNet):
    """The network of `source`, in full precision where `spec` is None.

    A fresh one with a spec has no ranges yet: `ptq.quantize` chooses them, or a checkpoint brings them.
    span_bits: outputs of inner convolutions keep sums that fit in so many bits, whatever is stored; their smallest
    weights are dropped for it.
    """

    def __init__(
        self, source: Source, spec: Spec | None = None, method: Method = "lsq", span_bits: int | None = None
    ) -> None:  # fmt: skip
        super().__init__()
        graph = source.graph
        self.source, self.spec = source, spec
        self.layout = layout_of(graph)
        self.scale, self.channels, self.halo = graph.scale, graph.channels, _halo(graph)
        self.conditioned = graph.strengths > 0
        widths = {0: graph.channels} | {op.value: op.channels for op in graph.ops}
        self.steps = nn.ModuleDict()  # by value, in order; shuffles and classes stand in the graph alone
        self.classes, self.of_classes = class_values(graph)
        for op in graph.ops:
            if not isinstance(op, Shuffle | Classes) and op.value not in self.of_classes:
                self.steps[str(op.value)] = ConvStep(op, widths) if isinstance(op, Conv) else Step(op, widths)
        self.moved = nn.ModuleDict({str(op.value): Planes(op.inputs, widths) for op in _shuffles(graph)})
        self.result = Planes(graph.output, widths)
        for value in self._inner():
            self.register_buffer(f"factor{value}", torch.ones(widths[value]))
        self.acts = nn.ModuleDict()
        if spec is None:
            return
        for leader in dict.fromkeys(self.layout.stored.values()):
            self.acts[str(leader)] = ActQuant(spec.levels, method)
        most = None if span_bits is None else (2**span_bits - 1) // spec.levels
        for step in self.convs():
            edge = step.op.value in self.layout.edges
            span_most = None if edge or spec.weight_bits > 2 else most
            # Kernels of several classes that answer to brightness, each a little otherwise, would show where classes
            # meet: the weights of `steep-tiny-first` lost 0.107 dB, and 0.017 with those sums kept.
            keeps_sums = step.conv.chosen is not None and self.root(step.conv.inputs[0].value) == 0
            kinds = spec.weights(edge), method, spec.twobit, span_most, keeps_sums
            step.quant = WeightQuant(step.conv.channels, *kinds)

    def convs(self) -> list[ConvStep]:
        return [step for step in self.steps.values() if isinstance(step, ConvStep)]

    def _inner(self) -> list[int]:
        return [step.op.value for step in self.convs() if step.op.value in self.layout.stored]

    def factor(self, value: int) -> Tensor:
        """C: how many times as large as the source's the planes of an inner convolution are, so that they are alike."""
        return self.get_buffer(f"factor{value}")

    def act(self, value: int) -> ActQuant | None:
        """What quantizes `value`; None where it stays as it is."""
        leader = self.layout.stored.get(value)
        return None if leader is None or self.spec is None else cast(ActQuant, self.acts[str(leader)])

    def input_scale(self, step: ConvStep) -> Tensor | None:
        """Of the planes that `step` reads; None in full precision."""
        if self.spec is None:
            return None
        value = self.root(step.conv.inputs[0].value)
        act = self.act(value)
        return self.picture_scale() if act is None else act.scale()

    def root(self, value: int) -> int:
        """Where planes of `value` were computed, before shuffles moved them."""
        while str(value) in self.moved:
            value = cast(Planes, self.moved[str(value)]).values[0]
        return value

    def picture_scale(self) -> Tensor:
        return torch.tensor(self.source.graph.max_value / INPUT_LEVELS, dtype=torch.float32)

    def picture(self, x: Tensor) -> Tensor:
        """N C H W of 0..1 as the network reads it: in its own range; in steps of 1/4080 unless in full precision."""
        x = x * self.source.graph.max_value if self.source.graph.max_value != 1 else x
        if self.spec is None:
            return x
        scale = self.picture_scale().to(x.device)
        return (x / scale).round().clamp(0, 65535) * scale

    def chosen_by(self, x: Tensor, pad: bool) -> Values:
        """The classes of N C H W of 0..1, where kernels are chosen: of the picture itself, in no steps."""
        if self.classes is None:
            return {}
        luma = x * self.source.graph.max_value if self.source.graph.max_value != 1 else x
        return {self.classes.value: structure_classes(luma, self.classes.limits, pad=pad)}

    def parted(self, x: Tensor, strength: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """As `SRNet.parted`; a picture that comes without a strength has the default one."""
        if self.conditioned and strength is None and x.shape[1] == self.channels:
            strength = x.new_full((len(x),), self.source.graph.default_strength)
        return super().parted(x, strength)

    def begun(self, x: Tensor, pad: bool, strength: Tensor | None = None) -> Values:
        """The values that are given: the picture, the classes of its pixels, its strengths."""
        x, strength = self.parted(x, strength)
        values: Values = {0: self.picture(x), **self.chosen_by(x, pad)}
        return values if strength is None else values | {TOLD: strength}

    def stored(self, value: int, x: Tensor) -> Tensor:
        act = self.act(value)
        return x if act is None else act(x)

    def values(self, x: Tensor, pad: bool = True) -> Values:
        """Every value of the graph."""
        return self._walked(x, pad)[0]

    def _walked(self, x: Tensor, pad: bool, looked: bool = False) -> tuple[Values, list[Tensor]]:
        """All values, with `pad` as large as `x`; where `looked` at, what each inner convolution's activation gives."""
        values = self.begun(x, pad)
        features: list[Tensor] = []
        for op in self.source.graph.ops:
            if op.value in self.of_classes:
                continue
            if isinstance(op, Shuffle):
                values[op.value] = F.pixel_shuffle(self.moved[str(op.value)](values), op.factor)
                continue
            step = cast(Step, self.steps[str(op.value)])
            made, own = step(values, self.input_scale(step) if isinstance(step, ConvStep) else None, pad)
            values[op.value] = self.stored(op.value, made)
            if looked and isinstance(step, ConvStep) and op.value in self.layout.stored:
                own = values[op.value] if own is made else own
                features.append(own / self.factor(op.value).view(-1, 1, 1))
        return values, features

    def walk(self, x: Tensor, pad: bool, looked: bool = False) -> tuple[Tensor, list[Tensor]]:
        """The result in 0..1, and, where they are `looked` at, the features (see `SRNet.features`)."""
        values, features = self._walked(x, pad, looked)
        y = cast(Tensor, self.result(values))
        max_value = self.source.graph.max_value
        return (y / max_value if max_value != 1 else y), features

    def forward(self, x: Tensor) -> Tensor:
        return self.walk(x, pad=True)[0]

    def observed(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        y, features = self.walk(x, pad=False, looked=True)
        return self._cropped(y, x), features

    def valid(self, x: Tensor) -> Tensor:
        return self._cropped(self.walk(x, pad=False)[0], x)

    def _cropped(self, y: Tensor, x: Tensor) -> Tensor:
        """`y`, made of `x`, without what only the longer axis of the halo leaves."""
        rows, columns = (x.shape[axis] * self.scale - y.shape[axis] for axis in (-2, -1))
        most = 2 * self.scale * self.halo
        return crop(y, (most - rows) // 2, (most - columns) // 2)

    def features(self, x: Tensor) -> list[Tensor]:
        return self.observed(x)[1]

    def full_precision(self) -> QuantNet:
        """The network that this one was made from."""
        return QuantNet(self.source)

    def copied(self) -> QuantNet:
        """A copy that shares nothing but the source."""
        return copy.deepcopy(self, {id(self.source): self.source})


def _shuffles(graph: Graph) -> list[Shuffle]:
    return [op for op in graph.ops if isinstance(op, Shuffle)]


def _halo(graph: Graph) -> int:
    """LR pixels to each side that a result depends on, along the longer axis."""
    lost: dict[int, tuple[int, int]] = {0: (0, 0)}  # rows and columns of each side that unpadded values lack

    def most(refs: tuple[Ref, ...]) -> tuple[int, int]:
        rows, columns = zip(*(lost[ref.value] for ref in refs), strict=True)
        return max(rows), max(columns)

    for op in graph.ops:
        own, (rows, columns) = window(op), most(op.inputs)
        rows, columns = rows + own[0] // 2, columns + own[1] // 2
        if isinstance(op, Shuffle):
            lost[op.value] = (rows * op.factor, columns * op.factor)
        else:
            others = most(refs_of(op)[len(op.inputs) :]) if len(refs_of(op)) > len(op.inputs) else (0, 0)
            lost[op.value] = (max(rows, others[0]), max(columns, others[1]))
    return -(-max(most(graph.output)) // graph.scale)
