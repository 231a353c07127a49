"""Layers of an 8-bit network as integer operators of LiteRT, in the ranges that the network was quantized with.

LiteRT stores what a convolution gives in 8 bits, before any PReLU, where ours rounds only after it. So a convolution
with PReLU becomes one of twice the channels: the positive part, and what the slope makes of the negative part, each
from 0 on, in all of the 8 bits; a 1x1 convolution of ones, zeros and minus ones puts both together in the range that
the network was quantized with. No PReLU is left, all is integers, and small-w8a8 loses 0.005 dB on Set5. (Tried: the
next convolution reading both parts, 0.02 dB better than ours and with twice the products; PReLU in floats between a
dequantization and a quantization, in ranges calibrated by channel: 0.08 dB worse.)

What has no such form is computed in floats (the last convolution, skips): dequantized before, quantized after.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Binary
from pocketsr.errors import UserError
from pocketsr.export._tflite import File, Scale
from pocketsr.export._tflite_floats import FloatWriter
from pocketsr.export.layers import Affine, Concat, Conv, Layer, Merge, Network, Prelu, Rounded, Tensor
from pocketsr.names import harmless

__all__ = ["write_int8"]

_RELU = 1  # fused activation
_TOP = 255
_MOST_BIAS = 2**30


@dataclass(frozen=True, eq=False)
class _Stored:
    """A tensor of the file in 8 bits. `signs`: each plane of the network is the file's plane, plus its sign times the
    plane that stands as many planes further on; None: the planes themselves."""

    index: int
    scale: float
    zero: int
    signs: NDArray[np.float32] | None = None


def write_int8(net: Network, height: int, width: int) -> tuple[File, int, int]:
    """`net`, which is quantized, as a file; its tensors of the picture and the result: int8, sample - 128."""
    return _Writer(net, height, width).file()


class _Writer:
    def __init__(self, net: Network, height: int, width: int) -> None:
        self._net, self._file = net, File()
        self._floats = FloatWriter(self._file)
        self._size = height, width
        self._stored: dict[str, _Stored] = {}
        self._real: dict[str, int] = {}  # tensors in floats, some of them beside stored ones
        self._planes: dict[str, int] = {}  # stored ones dequantized, plane by plane of the file
        self._uses = Counter(tensor.name for layer in net.layers for tensor in layer.inputs)
        self._uses[net.output.name] += 1
        self._by_input = {tensor.name: layer for layer in net.layers for tensor in layer.inputs}
        self._bounds = {layer.output.name: _bounds(layer) for layer in net.layers if isinstance(layer, Rounded)}

    def file(self) -> tuple[File, int, int]:
        net, file = self._net, self._file
        step = net.max_value / _TOP
        shape = (1, *self._size, net.picture.channels)
        picture = file.tensor(net.picture.name, shape, np.int8, Scale((step,), -128))
        self._stored[net.picture.name] = _Stored(picture, step, -128)
        done: set[str] = set()
        for layer in net.layers:
            if layer.output.name not in done:
                done |= self._layer(layer)
        last = self._in_floats(net.output)
        result = file.tensor("enlarged", file.shape(last), np.int8, Scale((step,), -128))
        file.operator("QUANTIZE", [last], result, "QuantizeOptions")
        return file, picture, result

    def _layer(self, layer: Layer) -> set[str]:
        """Write `layer`, and those behind it that go with it; returns the names of what is done."""
        source = layer.inputs[0]
        if isinstance(layer, Rounded) and layer.top > _TOP and source is self._net.picture:
            self._stored[layer.output.name] = self._stored[source.name]  # an 8-bit sample is exact in both
            return {layer.output.name}
        if isinstance(layer, Conv) and layer.steps is not None and source.name in self._stored:
            behind = self._only_reader(layer)
            if isinstance(behind, Prelu):
                after = self._only_reader(behind)
                bounds = _bounds(after) if isinstance(after, Rounded) else self._bounds_of_sum(behind, after)
                if bounds is not None:
                    end = after if isinstance(after, Rounded) else behind
                    self._pair(layer, behind, bounds, end)
                    return {layer.output.name, behind.output.name, end.output.name}
        if isinstance(layer, Rounded):
            self._round(layer)
        elif isinstance(layer, Concat):
            self._real[layer.output.name] = self._floats.joined(layer, [self._in_floats(x) for x in layer.inputs])
        else:
            made = self._floats.layer(layer, *(self._in_floats(x) for x in layer.inputs))
            self._real[layer.output.name] = made
        return {layer.output.name}

    def _only_reader(self, layer: Layer) -> Layer | None:
        name = layer.output.name
        return self._by_input.get(name) if self._uses[name] == 1 else None

    def _bounds_of_sum(self, layer: Layer, after: Layer | None) -> tuple[float, float] | None:
        """Of what `layer` gives where it is added to a stored value, and the sum stored: all that isn't clipped."""
        if not isinstance(after, Merge) or after.kind is not Binary.ADD or after.inputs[0] is not layer.output:
            return None
        total, factor, other = self._only_reader(after), 1.0, after.inputs[1]
        makers = {made.output.name: made for made in self._net.layers}
        if isinstance(maker := makers.get(other.name), Affine):
            factor, other = float(maker.scale[0]), maker.inputs[0]
        if not isinstance(total, Rounded) or other.name not in self._bounds or factor <= 0:
            return None
        (low, high), (least, most) = _bounds(total), self._bounds[other.name]
        return low - factor * most, high - factor * least

    def _pair(self, layer: Conv, prelu: Prelu, bounds: tuple[float, float], end: Layer) -> None:
        """`layer` and `prelu` as one convolution to both parts, put together if `end`, which follows, rounds."""
        assert layer.steps is not None
        file, stored, name = self._file, self._stored[layer.inputs[0].name], end.output.name
        scale = max(-bounds[0], bounds[1]) / _TOP
        slope = np.abs(prelu.slope)
        whole = layer.whole(layer.steps)
        steps = np.concatenate([layer.steps, np.where(slope > 0, slope, 1) * layer.steps]).astype(np.float64)
        kept = np.where(slope > 0, 1, 0)[:, None, None, None]
        weight = np.concatenate([whole, -whole * kept]).astype(np.int8)
        real_bias = np.concatenate([layer.bias, -layer.bias * slope]).astype(np.float64)
        bias = np.rint(real_bias / (steps * stored.scale))
        if not np.abs(bias).max(initial=0) < _MOST_BIAS:
            raise UserError(
                f"node '{harmless(layer.name)}': its bias doesn't fit 32 bits beside its weights; LiteRT can't take it"
            )
        weights = file.constant(f"{name}/weight", weight.transpose(0, 2, 3, 1), Scale(tuple(steps)))
        biases = file.constant(f"{name}/bias", bias.astype(np.int32), Scale(tuple(steps * stored.scale)))
        _, height, width, _ = file.shape(stored.index)
        made = file.tensor(name, (1, height, width, len(weight)), np.int8, Scale((scale,), -128))
        self._floats.convolved(layer, stored.index, weights, biases, made, fusedActivationFunction=_RELU)
        signs = -np.sign(prelu.slope).astype(np.float32)
        if isinstance(end, Rounded):
            self._put_together(end, made, scale, signs)
        else:
            self._stored[name] = _Stored(made, scale, -128, signs)

    def _put_together(self, layer: Rounded, pair: int, scale: float, signs: NDArray[np.float32]) -> None:
        """The tensor `pair`, in steps of `scale`, as what `layer` stores."""
        file, name = self._file, layer.output.name
        channels, one = len(signs), 127
        both = (_both(signs) * one).astype(np.int8)
        weights = file.constant(f"{name}/put", both[:, None, None], Scale((1 / one,) * channels))
        biases = file.constant(f"{name}/none", np.zeros(channels, np.int32), Scale((scale / one,) * channels))
        step, zero = _steps(layer)
        made = file.tensor(f"{name}/stored", (*file.shape(pair)[:3], channels), np.int8, Scale((step,), zero))
        file.operator("CONV_2D", [pair, weights, biases], made, "Conv2DOptions", padding=1, strideH=1, strideW=1)
        self._stored[name] = _Stored(made, step, zero)

    def _round(self, layer: Rounded) -> None:
        x, name = self._in_floats(layer.inputs[0]), layer.output.name
        scale, zero = _steps(layer)
        made = self._file.tensor(name, self._file.shape(x), np.int8, Scale((scale,), zero))
        self._file.operator("QUANTIZE", [x], made, "QuantizeOptions")
        self._stored[name] = _Stored(made, scale, zero)

    def _dequantized(self, source: Tensor) -> int:
        """The stored planes of the file as floats."""
        if source.name not in self._planes:
            index = self._stored[source.name].index
            made = self._file.tensor(f"{source.name}/planes", self._file.shape(index))
            self._planes[source.name] = self._file.operator("DEQUANTIZE", [index], made, "DequantizeOptions")
        return self._planes[source.name]

    def _in_floats(self, tensor: Tensor) -> int:
        """The planes of the network as floats."""
        if tensor.name not in self._real:
            planes, signs = self._dequantized(tensor), self._stored[tensor.name].signs
            if signs is not None:
                none = np.zeros(tensor.channels, np.float32)
                inputs = (Tensor(f"{tensor.name}/planes", 2 * tensor.channels),)
                put = Conv(
                    tensor.name,
                    inputs,
                    Tensor(f"{tensor.name}/sum", tensor.channels),
                    _both(signs)[..., None, None],
                    none,
                )
                planes = self._floats.layer(put, planes)
            self._real[tensor.name] = planes
        return self._real[tensor.name]


def _both(signs: NDArray[np.float32]) -> NDArray[np.float32]:
    """C 2C: the weights of what puts both parts together."""
    return np.concatenate([np.eye(len(signs), dtype=np.float32), np.diag(signs)], axis=1)


def _bounds(layer: Rounded) -> tuple[float, float]:
    return -layer.zero * layer.step, (layer.top - layer.zero) * layer.step


def _steps(layer: Rounded) -> tuple[float, int]:
    """What `layer` stores, in 8 bits: fewer bits become finer steps over the same range."""
    return layer.step * layer.top / _TOP, round(layer.zero * _TOP / layer.top) - 128
