"""How far a result of an ONNX graph looks, so that a picture can be cut in tiles that overlap by just that.

A tensor's element i depends, along one axis, on the pixels i / rate + low .. i / rate + high of the picture, and a
picture of n pixels gives rate * n + extra elements. Each node maps one such `_Span` to the next, in exact fractions.
A node that isn't known here, or that calculates with the size of the picture, means that tiles can't be trusted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from pocketsr.engine.onnx.shapes import POINTWISE
from pocketsr.fallback.windows import Field

__all__ = ["field_of"]

_ALONG_CHANNELS = frozenset({"Concat", "Gather", "LogSoftmax", "Softmax", "Split"})  # where their axis is 1
_REDUCTIONS = frozenset({"ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"})
_TO_THE_END = 2**31 - 1  # what exporters write for the end of a slice: this or more


class _NotLocalError(Exception):
    """Tiles can't be trusted."""


@dataclass(frozen=True)
class _Span:
    rate: Fraction
    extra: int
    low: Fraction
    high: Fraction

    def stretched(self, low: Fraction | int, high: Fraction | int) -> _Span:
        """As seen by what looks at its elements i + low .. i + high."""
        return replace(self, low=self.low + low / self.rate, high=self.high + high / self.rate)

    def check_edges(self) -> _Span:
        """Before a node that invents what lies beyond the edges: in a tile, all of that must lie outside the tile.

        Not so where the graph has cropped before: then an invented element can stand for a pixel of the tile.
        """
        if self.low > 1 / self.rate - 1 or self.high < -self.extra / self.rate:
            raise _NotLocalError
        return self


@dataclass
class _Walk:
    """The nodes along one axis: 2 down, 3 across."""

    axis: int
    constants: dict[str, NDArray[Any]]
    zero_padded: bool = False

    def constant(self, node: onnx.NodeProto, index: int) -> NDArray[Any] | None:
        """Input `index` of `node`; None where it is left out."""
        name = node.input[index] if index < len(node.input) else ""
        if name and name not in self.constants:
            raise _NotLocalError
        return self.constants[name] if name else None

    def step(self, node: onnx.NodeProto, spans: list[_Span], attributes: dict[str, Any]) -> _Span:
        kind = node.op_type
        if kind in POINTWISE:
            return self._pointwise(node, spans)
        if kind in _ALONG_CHANNELS and attributes.get("axis", -1 if "max" in kind else 0) in (1, -3):
            return _merged(spans)
        if len(spans) != 1 or kind not in _STEPS:
            raise _NotLocalError
        return _STEPS[kind](self, node, spans[0], attributes)

    def _pointwise(self, node: onnx.NodeProto, spans: list[_Span]) -> _Span:
        for name in node.input:
            shape = self.constants[name].shape if name in self.constants else ()
            if len(shape) > 4 - self.axis and shape[self.axis - 4] != 1:
                raise _NotLocalError  # it says something else at each place
        return _merged(spans)

    def reduce(self, node: onnx.NodeProto, span: _Span, attributes: dict[str, Any]) -> _Span:
        given = self.constant(node, 1)
        axes = attributes.get("axes", []) if given is None else given.tolist()
        if list(axes) not in ([1], [-3]) or not attributes.get("keepdims", 1):
            raise _NotLocalError
        return span

    def window(self, node: onnx.NodeProto, span: _Span, attributes: dict[str, Any]) -> _Span:
        """Convolution and pooling."""
        weight = self.constant(node, 1) if node.op_type == "Conv" else None
        size, stride, dilation = self._kernel(weight, attributes)
        before, after = self._pads(attributes, dilation * (size - 1), stride)
        if before or after:
            span.check_edges()
            self.zero_padded |= node.op_type == "Conv"
        width = dilation * (size - 1)
        room = span.extra + before + after - width - 1
        extra = (-(-room // stride) if attributes.get("ceil_mode") else room // stride) + 1
        return replace(span.stretched(-before, width - before), rate=span.rate / stride, extra=extra)

    def deconv(self, node: onnx.NodeProto, span: _Span, attributes: dict[str, Any]) -> _Span:
        size, stride, dilation = self._kernel(self.constant(node, 1), attributes)
        if "output_shape" in attributes:
            raise _NotLocalError
        before, after = self._pads(attributes, dilation * (size - 1), 2)  # its SAME counts otherwise
        width = dilation * (size - 1)
        more = attributes.get("output_padding", [0, 0])[self.axis - 2]
        span.check_edges()
        self.zero_padded |= size > stride
        seen = span.stretched(Fraction(before - width, stride), Fraction(before, stride))
        extra = (span.extra - 1) * stride - before - after + width + more + 1
        return replace(seen, rate=span.rate * stride, extra=extra)

    def _kernel(self, weight: NDArray[Any] | None, attributes: dict[str, Any]) -> tuple[int, int, int]:
        """Its size, stride and dilation along the axis."""
        side = self.axis - 2
        size = attributes["kernel_shape"][side] if weight is None else weight.shape[self.axis]
        return size, attributes.get("strides", [1, 1])[side], attributes.get("dilations", [1, 1])[side]

    def _pads(self, attributes: dict[str, Any], width: int, stride: int) -> tuple[int, int]:
        auto = attributes.get("auto_pad", b"NOTSET")
        if auto in (b"SAME_UPPER", b"SAME_LOWER") and stride == 1:
            less, more = width // 2, width - width // 2
            return (less, more) if auto == b"SAME_UPPER" else (more, less)
        if auto not in (b"NOTSET", b"VALID"):
            raise _NotLocalError
        pads = attributes.get("pads", [0] * 4)
        return pads[self.axis - 2], pads[self.axis]

    def pad(self, node: onnx.NodeProto, span: _Span, attributes: dict[str, Any]) -> _Span:
        given = self.constant(node, 1)
        widths = attributes.get("pads", []) if given is None else given.tolist()
        mode = attributes.get("mode", b"constant")
        if len(widths) != 8 or len(node.input) > 3 or mode == b"wrap":
            raise _NotLocalError
        before, after = widths[self.axis], widths[self.axis + 4]
        if before > 0 or after > 0:
            span.check_edges()
            self.zero_padded |= mode == b"constant"
        return replace(span.stretched(-before, -before), extra=span.extra + before + after)

    def crop(self, node: onnx.NodeProto, span: _Span, _: dict[str, Any]) -> _Span:
        starts, ends, axes, steps = (self.constant(node, index) for index in (1, 2, 3, 4))
        if starts is None or ends is None:
            raise _NotLocalError
        places = range(len(starts)) if axes is None else [int(axis) % 4 for axis in axes]
        for index, place in enumerate(places):
            start, end, step = int(starts[index]), int(ends[index]), 1 if steps is None else int(steps[index])
            if place != self.axis:
                continue
            if start < 0 or step != 1 or 0 <= end < _TO_THE_END:
                raise _NotLocalError
            span = replace(span.stretched(start, start), extra=span.extra - start + min(end, 0))
        return span

    def shuffle(self, _: onnx.NodeProto, span: _Span, attributes: dict[str, Any]) -> _Span:
        size = attributes["blocksize"]
        seen = span.stretched(Fraction(1 - size, size), 0)
        return replace(seen, rate=span.rate * size, extra=span.extra * size)

    def unshuffle(self, _: onnx.NodeProto, span: _Span, attributes: dict[str, Any]) -> _Span:
        size = attributes["blocksize"]
        if span.extra % size:
            raise _NotLocalError
        return replace(span.stretched(0, size - 1), rate=span.rate / size, extra=span.extra // size)

    def resize(self, node: onnx.NodeProto, span: _Span, attributes: dict[str, Any]) -> _Span:
        scales = self.constant(node, 1 if node.op_type == "Upsample" or len(node.input) == 2 else 2)
        mode = attributes.get("coordinate_transformation_mode", b"half_pixel")
        if scales is None or len(scales) != 4 or mode not in (b"half_pixel", b"pytorch_half_pixel", b"asymmetric"):
            raise _NotLocalError  # the others stretch the picture to a size: every place depends on it
        factor = Fraction(float(scales[self.axis])).limit_denominator(64)
        support = Fraction(2 if attributes.get("mode") == b"cubic" else 1)
        if attributes.get("antialias") and factor < 1:
            support /= factor
        shift = abs(1 / factor - 1) / 2  # of half_pixel, to the one side or the other; asymmetric has none
        seen = span.check_edges().stretched(-shift - support, shift + support)
        return replace(seen, rate=span.rate * factor, extra=math.floor(span.extra * factor))


_STEPS: dict[str, Callable[[_Walk, onnx.NodeProto, _Span, dict[str, Any]], _Span]] = {
    **dict.fromkeys(("AveragePool", "Conv", "MaxPool"), _Walk.window),
    **dict.fromkeys(_REDUCTIONS, _Walk.reduce),
    **dict.fromkeys(("Resize", "Upsample"), _Walk.resize),
    "ConvTranspose": _Walk.deconv,
    "DepthToSpace": _Walk.shuffle,
    "Pad": _Walk.pad,
    "Slice": _Walk.crop,
    "SpaceToDepth": _Walk.unshuffle,
}


def _merged(spans: list[_Span]) -> _Span:
    """Of what looks at several tensors, place by place."""
    first = spans[0]
    if any((span.rate, span.extra) != (first.rate, first.extra) for span in spans):
        raise _NotLocalError
    return replace(first, low=min(span.low for span in spans), high=max(span.high for span in spans))


def _along(graph: onnx.GraphProto, axis: int) -> tuple[int, int, bool]:
    """Reach, grid, and whether edges are black, along one axis."""
    walk = _Walk(axis, {init.name: numpy_helper.to_array(init) for init in graph.initializer})
    (image,) = (value.name for value in graph.input if value.name not in walk.constants)
    spans = {image: _Span(Fraction(1), 0, Fraction(0), Fraction(0))}
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant" and "value" in attributes:
            walk.constants[node.output[0]] = numpy_helper.to_array(attributes["value"])
            continue
        seen = [spans[name] for name in node.input if name in spans]
        if not seen or node.domain not in ("", "ai.onnx"):
            raise _NotLocalError
        spans |= dict.fromkeys(node.output, walk.step(node, seen, attributes))
    end = spans[graph.output[0].name]
    if end.extra or end.rate.denominator > 1:
        raise _NotLocalError
    halo = max(0, math.floor(-end.low), math.floor(end.high + 1 - 1 / end.rate))
    return halo, math.lcm(*(span.rate.denominator for span in spans.values())), walk.zero_padded


def field_of(model: onnx.ModelProto) -> Field | None:
    """The field of a network with one input, N C H W, whose constants are folded; None where tiles can't be trusted."""
    try:
        down, across = (_along(model.graph, axis) for axis in (2, 3))
    except _NotLocalError:
        return None
    return Field(max(down[0], across[0]), math.lcm(down[1], across[1]), down[2] or across[2])
