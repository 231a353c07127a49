"""QuantizeLinear and DequantizeLinear: pointwise steps, and convolutions whose weights are kept as whole numbers."""

from __future__ import annotations

import numpy as np
import onnx

from pocketsr.engine.importer import (
    Attributes,
    Importer,
    Inputs,
    NotSupportedError,
    Tensor,
    constant,
    handles,
    planes_of,
)
from pocketsr.engine.ir import Conv, Dequantize, Integers, Quantize

__all__ = ["stored_integers"]

_TOPS = {"uint2": 3, "uint4": 15, "uint8": 255, "uint16": 65535}


def _one_number(inputs: Inputs) -> tuple[float, int, str]:
    """The step, the zero and the type of whole numbers, one for the whole tensor."""
    scale = constant(inputs[1], "its scale")
    zero = np.zeros(1, np.uint8) if len(inputs) < 3 or inputs[2] is None else constant(inputs[2], "its zero point")
    if scale.size != 1 or zero.size != 1:
        raise NotSupportedError("a scale a channel; one for all channels is supported here")
    step = np.float32(scale.reshape(-1)[0])
    if not (np.isfinite(step) and np.isfinite(1 / np.float64(step or 1)) and step > 0):
        raise NotSupportedError(f"scale {step}; a number above 0 is expected")
    if zero.dtype.name not in _TOPS:
        raise NotSupportedError(f"type {zero.dtype.name}; {', '.join(_TOPS)} are supported for what is no weight")
    return float(step), int(zero.reshape(-1)[0]), zero.dtype.name


@handles("QuantizeLinear")
def _quantize(state: Importer, node: onnx.NodeProto, inputs: Inputs, _: Attributes) -> list[Tensor]:
    step, zero, kind = _one_number(inputs)
    return [state.point(node.name or node.output[0], planes_of(inputs[0]), Quantize(step, zero, _TOPS[kind]))]


@handles("DequantizeLinear")
def _dequantize(state: Importer, node: onnx.NodeProto, inputs: Inputs, _: Attributes) -> list[Tensor]:
    step, zero, _kind = _one_number(inputs)
    return [state.point(node.name or node.output[0], planes_of(inputs[0]), Dequantize(step, zero))]


def stored_integers(state: Importer, node: onnx.NodeProto, conv: Conv) -> Integers | None:
    """The whole numbers that `node` convolves with, where the file keeps them.

    `passes.use_integers` completes them, once it is known what the convolution reads.
    """
    weight = state.stored.get(node.input[1])
    if weight is None or weight.numbers.shape != conv.weight.shape or np.abs(weight.numbers).max() > 127:
        return None
    step = np.broadcast_to(weight.scale, (conv.channels,)).copy()
    return Integers(weight.numbers.astype(np.int8), np.zeros(conv.channels, np.int32), step, 0, 0)
