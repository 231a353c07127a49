"""Layers of an 8-bit network as ONNX with QuantizeLinear and DequantizeLinear around each operator, as the tools of
accelerators' vendors read it: samples and activations uint8, weights int8 with a step for each channel, biases int32.

Nothing is computed in floats and nothing has 16 bits. As in LiteRT (`_tflite_int8`), a convolution with PReLU becomes
one of twice the channels, the positive part and what the slope makes of the negative part, each stored from 0 on, which
is the ReLU; a 1x1 convolution of ones and minus ones puts them together in the range that the network was quantized
with. What the network itself keeps in floats (skips, the last convolution) gets ranges measured on pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto

from pocketsr.engine.ir.graph import Binary, Pad
from pocketsr.engine.ir.pointwise import CURVES
from pocketsr.export._coded import ONE, TOP, Code, Coded, Numbers, Stored
from pocketsr.export._onnx import FIXED_IR, FIXED_OPSET, MERGES
from pocketsr.export.checking import pictures
from pocketsr.export.layers import (
    Affine,
    Clip,
    Concat,
    Conv,
    Curve,
    Layer,
    Merge,
    Network,
    Prelu,
    Rounded,
    Shuffle,
)
from pocketsr.export.meaning import every_value

__all__ = ["qdq_model"]

_TRIED = (96, 128)  # height and width of the pictures that ranges are measured on
_ROOM = 1.1  # how much further than was seen a range reaches


def qdq_model(net: Network, height: int, width: int, slices: bool) -> onnx.ModelProto:
    """`net`, which is quantized, for pictures of one size; input `picture`, output `enlarged`: uint8, N C H W.

    slices: edges by Slice and Concat, not by Pad. Raises UserError for a bias that 32 bits don't hold.
    """
    return _Writer(net, height, width, slices).model()


class _Writer:
    def __init__(self, net: Network, height: int, width: int, slices: bool) -> None:
        self._net, self._size = net, (height, width)
        self._nodes = Coded(slices)
        self._stored: dict[str, Stored] = {}
        self._uses = Counter(tensor.name for layer in net.layers for tensor in layer.inputs)
        self._uses[net.output.name] += 1
        self._reader = {tensor.name: layer for layer in net.layers for tensor in layer.inputs}
        self._picture = Code(net.max_value / TOP, 0)
        self._as_result = self._results()
        self._ranges: Mapping[str, tuple[float, float]] | None = None

    def model(self) -> onnx.ModelProto:
        net = self._net
        self._stored[net.picture.name] = Stored("picture", self._picture, self._size)
        done: set[str] = set()
        for layer in _scales_first(net.layers):
            if layer.output.name not in done:
                done |= self._layer(layer)
        result, nodes = self._stored[net.output.name], self._nodes.graph.nodes
        if result.code != self._picture or result.name != nodes[-1].output[0]:
            result = self._nodes.requantized(result, self._picture)
        nodes[-1].output[0] = "enlarged"
        shapes = [1, net.picture.channels, *self._size], [1, net.output.channels, *result.size]
        return self._nodes.graph.finished(net.name, FIXED_OPSET, FIXED_IR, TensorProto.UINT8, *shapes)

    def _results(self) -> set[str]:
        """Tensors that hold samples of the result, clipped as it is: stored as it is, too."""
        makers = {layer.output.name: layer for layer in self._net.layers}
        found, name = {self._net.output.name}, self._net.output.name
        while (maker := makers.get(name)) is not None and self._uses[name] == 1:
            whole = isinstance(maker, Clip) and maker.low <= 0 and maker.high >= self._net.max_value
            if not whole and not isinstance(maker, Shuffle):
                break
            name = maker.inputs[0].name
            if self._uses[name] == 1:
                found.add(name)
        return found

    def _layer(self, layer: Layer) -> set[str]:
        """Write `layer`, and those behind it that go with it; returns the names of what is done."""
        done, last = [layer], layer
        source = layer.inputs[0]
        if isinstance(layer, Rounded) and layer.top > TOP and source is self._net.picture:
            self._stored[layer.output.name] = self._stored[source.name]  # an 8-bit sample is exact in both
            return {layer.output.name}
        prelu = layer if isinstance(layer, Prelu) else self._only_reader(layer)
        if not (isinstance(layer, Conv | Prelu) and isinstance(prelu, Prelu)):
            prelu = None
        elif prelu is not layer:
            done.append(prelu)
            last = prelu
        behind = self._only_reader(last)
        if isinstance(behind, Rounded):
            done.append(behind)
            last = behind
        code = self._code(last)
        given = [self._stored[tensor.name] for tensor in layer.inputs]
        made = self._written(layer, given, code) if prelu is None else self._pair(layer, prelu, given[0], code)
        self._stored[last.output.name] = made
        return {each.output.name for each in done}

    def _only_reader(self, layer: Layer) -> Layer | None:
        name = layer.output.name
        return self._reader.get(name) if self._uses[name] == 1 else None

    def _code(self, layer: Layer) -> Code:
        """How the result of `layer` is stored."""
        if layer.output.name in self._as_result:
            return self._picture
        if isinstance(layer, Rounded):
            return Code(layer.step * layer.top / TOP, round(layer.zero * TOP / layer.top))
        if isinstance(layer, Shuffle):
            return self._stored[layer.inputs[0].name].code
        low, high = self._range(layer)
        if isinstance(layer, Clip):
            low, high = max(low, layer.low), min(high, layer.high)
        step = self._picture.scale
        if self._is_added_to_picture(layer) and (spare := TOP - (high - low) / step) >= 0:
            return Code(step, round(spare / 2 - low / step))
        return _code_of(low, high)

    def _range(self, layer: Layer) -> tuple[float, float]:
        """Of what `layer` gives, on pictures, and not further than its sum with what is stored is kept."""
        if self._ranges is None:
            self._ranges = _measured(self._net)
        low, high = self._ranges[layer.output.name]
        after = self._only_reader(layer)
        if isinstance(after, Merge) and after.kind is Binary.ADD:
            other, total = self._beside(after, layer), self._only_reader(after)
            if isinstance(total, Rounded) and other is not None:
                (least, most), (bottom, top) = other.code.range, self._code(total).range
                low, high = max(low, bottom - most), min(high, top - least)
        return low, high

    def _beside(self, merge: Merge, layer: Layer) -> Stored | None:
        """What `merge` adds to `layer`, where that is stored by now."""
        other = merge.inputs[1] if merge.inputs[0] is layer.output else merge.inputs[0]
        return self._stored.get(other.name)

    def _is_added_to_picture(self, layer: Layer) -> bool:
        """For the result: whole steps of its samples are then as good as any finer ones."""
        merge = self._only_reader(layer)
        if not isinstance(merge, Merge) or merge.kind is not Binary.ADD or merge.output.name not in self._as_result:
            return False
        other = self._beside(merge, layer)
        return other is not None and other.name == "picture"

    def _written(self, layer: Layer, given: list[Stored], code: Code) -> Stored:
        x = given[0]
        match layer:
            case Conv():
                whole, steps = _whole(layer)
                return self._nodes.convolved(layer.name, x, whole, steps, layer.bias, code, layer.halo, layer.pad)
            case Affine():
                steps = np.abs(layer.scale) / ONE
                steps = np.where(steps > 0, steps, 1 / ONE)
                whole = np.diag(np.rint(layer.scale / steps))[..., None, None]
                return self._nodes.convolved(layer.name, x, whole, steps, layer.offset, code)
            case Clip():
                bounds = [self._nodes.graph.constant(np.float32(bound)) for bound in (layer.low, layer.high)]
                return self._nodes.operator("Clip", [x], code, bounds)
            case Merge():
                return self._nodes.operator(MERGES[layer.kind], [x, self._spread(layer, given[1])], code, [])
            case Concat():
                return self._nodes.operator("Concat", given, code, [], axis=1)
            case Shuffle():
                mode = "DCR" if layer.output.channels == 1 else "CRD"  # the same for one plane, and the older form
                return self._nodes.operator(
                    "DepthToSpace", [x], code, [], layer.factor, blocksize=layer.factor, mode=mode
                )
            case Curve():
                return self._nodes.operator(CURVES[layer.kind].onnx, [x], code, [])
            case Rounded():
                return self._nodes.requantized(x, code)
        raise TypeError(f"no form for {type(layer).__name__}")

    def _spread(self, layer: Merge, other: Stored) -> Stored:
        """`other` on as many planes as the layer has: by ones, exactly, since not every tool repeats a plane."""
        channels = layer.inputs[0].channels
        if layer.inputs[1].channels == channels:
            return other
        ones, steps = np.full((channels, 1, 1, 1), ONE), np.full(channels, 1 / ONE)
        return self._nodes.convolved(layer.name, other, ones, steps, np.zeros(channels), other.code)

    def _pair(self, layer: Layer, prelu: Prelu, x: Stored, code: Code) -> Stored:
        """`layer` (a convolution, or the PReLU alone) and `prelu` by both parts of each plane."""
        slope, halo, pad = prelu.slope.astype(np.float64), (0, 0), Pad.EDGE
        whole: Numbers
        bias: Numbers
        if isinstance(layer, Conv):
            (whole, steps), bias, halo, pad = _whole(layer), layer.bias, layer.halo, layer.pad
        else:
            whole, steps = np.eye(len(slope))[..., None, None] * ONE, np.full(len(slope), 1 / ONE)
            bias = np.zeros(len(slope))
        low, high = code.range
        largest = max(-low if slope.any() else 0.0, high, 1e-6)
        parts = Code(largest / TOP, 0)
        size = np.abs(slope)
        if slope.any():
            steps = np.concatenate([steps, np.where(size > 0, size, 1) * steps])
            whole = np.concatenate([whole, -whole * np.where(size > 0, 1, 0)[:, None, None, None]])
            bias = np.concatenate([bias, -bias * size])
        made = self._nodes.convolved(layer.name, x, whole, steps, bias, parts, halo, pad)
        if not slope.any():
            return made
        both = np.concatenate([np.eye(len(slope)), np.diag(-np.sign(slope))], axis=1)[..., None, None] * ONE
        ones = np.full(len(slope), 1 / ONE)
        return self._nodes.convolved(prelu.name, made, both, ones, np.zeros(len(slope)), code)


def _scales_first(layers: Sequence[Layer]) -> list[Layer]:
    """`layers` with each scale of planes as early as what it reads: what is added to it is stored in a range that
    depends on it."""
    found: list[Layer] = []
    waiting = [layer for layer in layers if isinstance(layer, Affine)]
    for layer in layers:
        if layer not in found:
            found.append(layer)
        for scale in [each for each in waiting if each.inputs[0] is layer.output]:
            if scale not in found:
                found.append(scale)
    return found


def _whole(layer: Conv) -> tuple[Numbers, Numbers]:
    """Its weights as whole numbers of -127..127, and their steps."""
    steps: Numbers | None = layer.steps
    if steps is None:
        steps = np.abs(layer.weight).max(axis=(1, 2, 3)) / np.float32(ONE)
    steps = np.where(steps > 0, steps, 1).astype(np.float64)
    return layer.whole(steps), steps


def _code_of(low: float, high: float) -> Code:
    """For numbers between, and 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(high - low, 1e-6) / TOP
    return Code(scale, round(-low / scale))


def _measured(net: Network) -> dict[str, tuple[float, float]]:
    """The range of every tensor on three pictures, with some room."""
    found: dict[str, tuple[float, float]] = {}
    for each in pictures(*_TRIED, net.picture.channels):
        planes = each[None] if each.ndim == 2 else each.transpose(2, 0, 1)
        for name, value in every_value(net, planes * (net.max_value / TOP)).items():
            low, high = found.get(name, (0.0, 0.0))
            found[name] = min(low, _ROOM * float(value.min())), max(high, _ROOM * float(value.max()))
    return found
