"""Layers as float operators of LiteRT, in NHWC: one graph that XNNPACK takes whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Binary, Pad, Unary
from pocketsr.export._tflite import File
from pocketsr.export.layers import Affine, Clip, Concat, Conv, Curve, Layer, Merge, Prelu, Shuffle
from pocketsr.export.source import no_form

__all__ = ["FloatWriter"]

_SAME, _VALID = 0, 1  # padding
_MERGES = {
    Binary.ADD: ("ADD", "AddOptions"),
    Binary.SUB: ("SUB", "SubOptions"),
    Binary.MUL: ("MUL", "MulOptions"),
    Binary.DIV: ("DIV", "DivOptions"),
    Binary.MAX: ("MAXIMUM", "MaximumMinimumOptions"),
    Binary.MIN: ("MINIMUM", "MaximumMinimumOptions"),
}
_CURVES = {Unary.SIGMOID: "LOGISTIC", Unary.TANH: "TANH", Unary.ABS: "ABS", Unary.SQRT: "SQRT", Unary.ELU: "ELU"}


class FloatWriter:
    """Writes float layers into `file`. `half`: constants are float16 and widened once, when the file is loaded."""

    def __init__(self, file: File, half: bool = False) -> None:
        self.file, self._half = file, half

    def constant(self, name: str, values: NDArray[Any]) -> int:
        if not self._half:
            return self.file.constant(name, values.astype(np.float32))
        narrow = self.file.constant(f"{name}/half", values.astype(np.float16))
        wide = self.file.tensor(name, values.shape)
        return self.file.operator("DEQUANTIZE", [narrow], wide, "DequantizeOptions")

    def wide(self, x: int, rows: int, columns: int) -> int:
        """`x` with its edge pixels repeated, by SLICE and CONCATENATION: MIRROR_PAD isn't XNNPACK's, and every one of
        them ends a partition (ai-edge-litert 2.3.0). XNNPACK joins five tensors at most, so two rows a side at a time.
        """
        for axis, halo in ((1, rows), (2, columns)):
            for done in range(0, halo, 2):
                x = self._wider(x, axis, min(halo - done, 2))
        return x

    def _wider(self, x: int, axis: int, by: int) -> int:
        file, shape = self.file, list(self.file.shape(x))
        edge = [*shape[:axis], 1, *shape[axis + 1 :]]
        sides = []
        for place in (0, shape[axis] - 1):
            begin = [0, 0, 0, 0]
            begin[axis] = place
            ends = [file.constant("begin", np.array(begin, np.int32)), file.constant("size", np.array(edge, np.int32))]
            sides.append(file.operator("SLICE", [x, *ends], file.like(x, "edge", edge), "SliceOptions"))
        made = file.like(x, "wide", [*shape[:axis], shape[axis] + 2 * by, *shape[axis + 1 :]])
        parts = [sides[0]] * by + [x] + [sides[1]] * by
        return file.operator("CONCATENATION", parts, made, "ConcatenationOptions", axis=axis)

    def convolved(self, layer: Conv, x: int, weight: int, bias: int, output: int, **settings: Any) -> int:
        if layer.pad is Pad.EDGE:
            x = self.wide(x, *layer.halo)
        options = {"padding": _VALID if layer.pad is Pad.EDGE else _SAME, "strideH": 1, "strideW": 1} | settings
        return self.file.operator("CONV_2D", [x, weight, bias], output, "Conv2DOptions", **options)

    def layer(self, layer: Layer, x: int, other: int | None = None) -> int:
        """The tensor that `layer` makes of `x`; of `x` and `other` for `Merge`."""
        file, name = self.file, layer.output.name
        _, height, width, _ = file.shape(x)
        result: Callable[[], int] = lambda: file.tensor(name, (1, height, width, layer.output.channels))  # noqa: E731
        match layer:
            case Conv():
                weight = self.constant(f"{name}/weight", layer.weight.transpose(0, 2, 3, 1))
                return self.convolved(layer, x, weight, self.constant(f"{name}/bias", layer.bias), result())
            case Prelu() if not layer.slope.any():
                return file.operator("RELU", [x], result())
            case Prelu():
                return file.operator("PRELU", [x, self.constant(f"{name}/slope", layer.slope[None, None])], result())
            case Affine():
                if (layer.scale != 1).any():
                    scale = self.constant(f"{name}/scale", layer.scale)
                    x = file.operator("MUL", [x, scale], result(), "MulOptions")
                if layer.offset.any():
                    offset = self.constant(f"{name}/offset", layer.offset)
                    x = file.operator("ADD", [x, offset], result(), "AddOptions")
                return x
            case Clip():
                for kind, bound in (("MAXIMUM", layer.low), ("MINIMUM", layer.high)):
                    if np.isfinite(bound):
                        limit = self.constant(f"{name}/{kind.lower()}", np.array([bound]))
                        x = file.operator(kind, [x, limit], result(), "MaximumMinimumOptions")
                return x
            case Merge() if other is not None:
                kind, options = _MERGES[layer.kind]
                return file.operator(kind, [x, other], result(), options)
            case Curve() if layer.kind in _CURVES:
                kind = _CURVES[layer.kind]
                return file.operator(kind, [x], result(), "AbsOptions" if kind == "ABS" else "")
            case Curve():
                raise no_form(layer.name, layer.kind.value, "litert")
            case Shuffle():
                return self._shuffled(layer, x)
        raise no_form(layer.name, type(layer).__name__, "litert")

    def joined(self, layer: Concat, parts: list[int]) -> int:
        """`parts` side by side, four at a time."""
        file = self.file
        while len(parts) > 1:
            some = parts[:4]
            shape = file.shape(some[0])[:3]
            channels = sum(file.shape(part)[3] for part in some)
            made = file.like(some[0], layer.output.name, (*shape, channels))
            parts = [file.operator("CONCATENATION", some, made, "ConcatenationOptions", axis=3), *parts[4:]]
        return parts[0]

    def _shuffled(self, layer: Shuffle, x: int) -> int:
        """LiteRT counts channels of the result fastest (DCR), layers slowest: the same for one channel."""
        file, factor, planes = self.file, layer.factor, layer.output.channels
        _, height, width, channels = file.shape(x)
        if planes > 1:
            order = np.arange(channels).reshape(planes, factor * factor).T.ravel()
            select = np.zeros((channels, 1, 1, channels), np.float32)
            select[np.arange(channels), 0, 0, order] = 1
            weight, bias = self.constant("order", select), self.constant("none", np.zeros(channels, np.float32))
            made = file.tensor("ordered", (1, height, width, channels))
            options = {"padding": _VALID, "strideH": 1, "strideW": 1}
            x = file.operator("CONV_2D", [x, weight, bias], made, "Conv2DOptions", **options)
        large = file.like(x, layer.output.name, (1, height * factor, width * factor, planes))
        return file.operator("DEPTH_TO_SPACE", [x], large, "DepthToSpaceOptions", blockSize=factor)
