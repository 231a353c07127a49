"""QuantizeLinear and DequantizeLinear: pointwise stages, and convolutions whose weights are stored as integers."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from pocketsr.engine.ir.graph import Conv, Dequantize, Integers, Quantize
from pocketsr.engine.onnx.state import LOWEST, Importer, handles
from pocketsr.engine.onnx.tensors import (
    Attributes,
    Inputs,
    NotSupportedError,
    Tensor,
    constant,
    planes_of,
)

__all__ = ["stored_integers"]


def _one_number(inputs: Inputs, kind: str) -> tuple[float, int]:
    """Step (scale) and zero point of integers of the type `kind`, one for the whole tensor.

    Signed numbers are taken as so much more than the lowest of them: with the zero moved as far, nothing else changes.
    """
    scale = constant(inputs[1], "its scale")
    given = inputs[2] if len(inputs) > 2 else None
    zero = np.zeros(1, np.int64) if given is None else constant(given, "its zero point")
    if given is not None and zero.dtype.name != kind:
        raise NotSupportedError(f"a zero point of type {zero.dtype.name} for numbers of type {kind}")
    if scale.size != 1 or zero.size != 1:
        raise NotSupportedError("a scale a channel; one for all channels is supported here")
    step = np.float32(scale.reshape(-1)[0])
    if not (np.isfinite(step) and step > np.finfo(np.float32).tiny):  # below, its inverse is infinite
        raise NotSupportedError(f"scale {step}; a number above 0 is expected")
    return float(step), int(zero.reshape(-1)[0]) - LOWEST[kind]


@handles("QuantizeLinear")
def _quantize(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    given = inputs[2] if len(inputs) > 2 else None
    stated = attributes.get("output_dtype", 0)
    kind = helper.tensor_dtype_to_np_dtype(stated).name if stated else "uint8"
    if given is not None:
        kind = constant(given, "its zero point").dtype.name
    if kind not in LOWEST:
        raise NotSupportedError(f"type {kind}; {', '.join(LOWEST)} are supported for what is no weight")
    top = 2 ** int("".join(c for c in kind if c.isdigit())) - 1
    planes = state.pointwise(
        node.name or node.output[0], planes_of(inputs[0]), Quantize(*_one_number(inputs, kind), top)
    )
    state.integer_types[planes.refs[0].value] = kind
    return [planes]


@handles("DequantizeLinear")
def _dequantize(state: Importer, node: onnx.NodeProto, inputs: Inputs, _: Attributes) -> list[Tensor]:
    planes = planes_of(inputs[0])
    kinds = {state.integer_types.get(ref.value) for ref in planes.refs}
    kind = kinds.pop()
    if kinds or kind is None:
        raise NotSupportedError("its numbers come from no QuantizeLinear, or from several of different types")
    step, zero = _one_number(inputs, kind)
    return [state.pointwise(node.name or node.output[0], planes, Dequantize(step, zero))]


def stored_integers(state: Importer, node: onnx.NodeProto, conv: Conv) -> Integers | None:
    """The integer weights of `node`, where the file stores them.

    `passes.use_integers` completes them, once it is known what the convolution reads.
    """
    weight = state.stored.get(node.input[1])
    if weight is None or weight.numbers.shape != conv.weight.shape:
        return None
    if weight.numbers.min() < -128 or weight.numbers.max() > 127:
        return None
    step = np.broadcast_to(weight.scale, (conv.channels,)).copy()
    return Integers(weight.numbers.astype(np.int8), np.zeros(conv.channels, np.int32), step, 0, 0)
