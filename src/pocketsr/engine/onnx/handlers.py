"""ONNX operators that work on each pixel by itself, or only rearrange channels."""

from __future__ import annotations

import numpy as np
import onnx

from pocketsr.engine.ir.graph import Affine, Binary, Clip, Combine, Function, Prelu, Unary
from pocketsr.engine.ir.pointwise import CURVES
from pocketsr.engine.onnx.state import Importer, handles
from pocketsr.engine.onnx.tensors import (
    Attributes,
    Inputs,
    NotSupportedError,
    Planes,
    Tensor,
    check_planes,
    constant,
    per_channel,
    planes_of,
)

__all__: list[str] = []


@handles("PRelu", "Relu", "LeakyRelu")
def _prelu(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    planes = planes_of(inputs[0])
    slope = np.zeros(1, np.float32)
    if node.op_type == "LeakyRelu":
        slope[:] = attributes.get("alpha", 0.01)
    elif node.op_type == "PRelu":
        slope = per_channel(constant(inputs[1], "its slope"))
    wide = np.broadcast_to(slope, (len(planes.refs),)).copy()
    return [state.pointwise(node.name or node.output[0], planes, Prelu(wide))]


@handles("Clip")
def _clip(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    bounds = [attributes.get("min", -np.inf), attributes.get("max", np.inf)]
    for index in (1, 2):
        if len(inputs) > index and inputs[index] is not None:
            bounds[index - 1] = float(constant(inputs[index], "its bound"))
    return [
        state.pointwise(node.name or node.output[0], planes_of(inputs[0]), Clip(float(bounds[0]), float(bounds[1])))
    ]


@handles(*(curve.onnx for kind, curve in CURVES.items() if kind is not Unary.ELU))  # which has an attribute: `_elu`
def _function(state: Importer, node: onnx.NodeProto, inputs: Inputs, _: Attributes) -> list[Tensor]:
    (kind,) = (kind for kind, curve in CURVES.items() if curve.onnx == node.op_type)
    return [state.pointwise(node.name or node.output[0], planes_of(inputs[0]), Function(kind))]


@handles("Elu", "Selu", "Celu")
def _elu(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    """gain * x above 0, gain * alpha * (e^x - 1) below. Celu: alpha * elu(x / alpha), its own alpha being 1."""
    name, planes = node.name or node.output[0], planes_of(inputs[0])
    alpha = float(attributes.get("alpha", 1.0 if node.op_type != "Selu" else 1.67326319217681884765625))
    gain = float(attributes.get("gamma", 1.05070102214813232421875)) if node.op_type == "Selu" else 1.0
    if node.op_type == "Celu":
        if alpha <= 0:
            raise NotSupportedError(f"alpha {alpha}; a number above 0 is expected")
        curve = state.pointwise(name, state.affine(f"{name}_in", planes, 1 / alpha, 0.0), Function(Unary.ELU))
        return [state.affine(f"{name}_out", curve, alpha, 0.0)]
    if (alpha, gain) == (1.0, 1.0):
        return [state.pointwise(name, planes, Function(Unary.ELU))]
    below = state.pointwise(f"{name}_below", planes, Clip(-np.inf, 0.0), Function(Unary.ELU))
    below = state.affine(f"{name}_alpha", below, gain * alpha, 0.0)
    zero = np.zeros(len(planes.refs), np.float32)
    above = state.affine(f"{name}_above", state.pointwise(f"{name}_relu", planes, Prelu(zero)), gain, 0.0)
    return [state.pointwise(name, above, Combine(Binary.ADD, below.refs))]


@handles("Swish")
def _swish(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    """x sigmoid(alpha x)."""
    name, planes = node.name or node.output[0], planes_of(inputs[0])
    inner = state.affine(f"{name}_alpha", planes, float(attributes.get("alpha", 1.0)), 0.0)
    gate = state.pointwise(f"{name}_gate", inner, Function(Unary.SIGMOID))
    return [state.pointwise(name, gate, Combine(Binary.MUL, planes.refs))]


@handles("Gelu")
def _gelu(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    """x/2 (1 + erf(x / sqrt 2)), or with tanh(sqrt(2/pi) (x + 0.044715 x^3)) in place of erf."""
    name, planes = node.name or node.output[0], planes_of(inputs[0])

    def times(what: str, x: Planes, y: Planes) -> Planes:
        return state.pointwise(f"{name}_{what}", x, Combine(Binary.MUL, y.refs))

    if attributes.get("approximate", b"none") == b"tanh":
        inner = state.affine(f"{name}_cubic", times("square", planes, planes), 0.044715, 1.0)
        inner = state.affine(f"{name}_inner", times("inner", inner, planes), np.sqrt(2 / np.pi), 0.0)
        curve = state.pointwise(f"{name}_tanh", inner, Function(Unary.TANH))
    else:
        curve = state.affine(f"{name}_inner", planes, np.sqrt(0.5), 0.0)
        curve = state.pointwise(f"{name}_erf", curve, Function(Unary.ERF))
    return [times("gate", state.affine(f"{name}_half", curve, 0.5, 0.5), planes)]


@handles("HardSwish")
def _hard_swish(state: Importer, node: onnx.NodeProto, inputs: Inputs, _: Attributes) -> list[Tensor]:
    name, planes = node.name or node.output[0], planes_of(inputs[0])
    line = state.affine(f"{name}_line", planes, 1 / 6, 0.5)
    return [state.pointwise(name, line, Clip(0.0, 1.0), Combine(Binary.MUL, planes.refs))]


@handles("Pow")
def _pow(state: Importer, node: onnx.NodeProto, inputs: Inputs, _: Attributes) -> list[Tensor]:
    planes, exponent = planes_of(inputs[0]), np.ravel(constant(inputs[1], "its exponent"))
    name = node.name or node.output[0]
    if exponent.size != 1 or exponent[0] not in (0.5, 2):
        raise NotSupportedError(f"exponent {exponent.tolist()}; 2 and 0.5 are supported")
    step = Combine(Binary.MUL, planes.refs) if exponent[0] == 2 else Function(Unary.SQRT)
    return [state.pointwise(name, planes, step)]


@handles("HardSigmoid")
def _hard_sigmoid(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    name = node.name or node.output[0]
    line = state.affine(name, planes_of(inputs[0]), attributes.get("alpha", 0.2), attributes.get("beta", 0.5))
    return [state.pointwise(f"{name}_clip", line, Clip(0.0, 1.0))]


@handles("Neg")
def _neg(state: Importer, node: onnx.NodeProto, inputs: Inputs, _: Attributes) -> list[Tensor]:
    return [state.affine(node.name or node.output[0], planes_of(inputs[0]), -1.0, 0.0)]


@handles("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum")
def _binary(state: Importer, node: onnx.NodeProto, inputs: Inputs, _: Attributes) -> list[Tensor]:
    if len(inputs) != 2:
        raise NotSupportedError(f"{len(inputs)} operands; two are supported")
    left, right = inputs
    name, kind = node.name or node.output[0], "Add" if node.op_type == "Sum" else node.op_type
    if isinstance(left, Planes) and isinstance(right, Planes):
        size = max(len(left.refs), len(right.refs))
        if {len(left.refs), len(right.refs)} - {1, size}:
            raise NotSupportedError(f"{len(left.refs)} and {len(right.refs)} channels do not fit each other")
        if state.scale_of(left) != state.scale_of(right):
            raise NotSupportedError("its two operands have different sizes")
        wide = [x.refs * size if len(x.refs) == 1 else x.refs for x in (left, right)]
        return [state.pointwise(name, Planes(wide[0]), Combine(Binary[kind.upper()], wide[1]))]
    planes = planes_of(left if isinstance(left, Planes) else right)
    numbers = per_channel(constant(right if isinstance(left, Planes) else left, "its other operand"))
    if len(numbers) > 1 and len(planes.refs) not in (1, len(numbers)):
        raise NotSupportedError(f"{len(numbers)} numbers for {len(planes.refs)} channels")
    check_planes(len(numbers))
    if len(numbers) > 1 and len(planes.refs) == 1:
        planes = Planes(planes.refs * len(numbers))  # one plane against many numbers: many planes
    if kind in ("Max", "Min"):
        if len(numbers) > 1:
            raise NotSupportedError("a bound for each channel is not supported")
        bound = float(numbers[0])
        return [state.pointwise(name, planes, Clip(bound, np.inf) if kind == "Max" else Clip(-np.inf, bound))]
    swapped = planes is not left and not isinstance(left, Planes)
    match kind:
        case "Add":
            return [state.affine(name, planes, 1.0, numbers)]
        case "Sub" if swapped:
            return [state.affine(name, planes, -1.0, numbers)]
        case "Sub":
            return [state.affine(name, planes, 1.0, -numbers)]
        case "Mul":
            return [state.affine(name, planes, numbers, 0.0)]
    if swapped:
        top = Affine(np.zeros(len(planes.refs), np.float32), np.broadcast_to(numbers, (len(planes.refs),)).copy())
        return [state.pointwise(name, planes, top, Combine(Binary.DIV, planes.refs))]
    with np.errstate(all="ignore"):  # 1 / 0 is refused where it is added
        return [state.affine(name, planes, 1.0 / numbers, 0.0)]


@handles("Reciprocal")
def _reciprocal(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    quotient = onnx.helper.make_node("Div", ["one", *node.input], list(node.output), name=node.name)
    return _binary(state, quotient, [np.ones(1, np.float32), *inputs], attributes)


@handles("BatchNormalization")
def _batch_norm(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    scale, offset, mean, variance = (constant(x, "each parameter").astype(np.float64) for x in inputs[1:5])
    gain = scale / np.sqrt(variance + attributes.get("epsilon", 1e-5))
    return [
        state.affine(
            node.name or node.output[0],
            planes_of(inputs[0]),
            gain.astype(np.float32),
            (offset - mean * gain).astype(np.float32),
        )
    ]


def _channel_axis(axis: int) -> None:
    if axis not in (1, -3):
        raise NotSupportedError(f"axis {axis}; only channels (axis 1) are supported")


@handles("Concat")
def _concat(state: Importer, _: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    _channel_axis(int(attributes["axis"]))
    parts = [planes_of(x) for x in inputs]
    check_planes(sum(len(part.refs) for part in parts))
    if len({state.scale_of(part) for part in parts}) != 1:
        raise NotSupportedError("its parts have different sizes")
    return [Planes(tuple(ref for part in parts for ref in part.refs))]


@handles("Split")
def _split(_: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    _channel_axis(int(attributes.get("axis", 0)))
    refs = planes_of(inputs[0]).refs
    if len(inputs) > 1 and inputs[1] is not None:
        sizes = [int(size) for size in constant(inputs[1], "its sizes")]
    else:
        step = -(-len(refs) // len(node.output))
        sizes = list(
            attributes.get("split", [step] * (len(node.output) - 1) + [len(refs) - step * (len(node.output) - 1)])
        )
    if len(sizes) != len(node.output) or min(sizes) < 1 or sum(sizes) != len(refs):
        raise NotSupportedError(
            f"{len(refs)} channels into parts of {sizes[:16]}; their sum is expected to be the same"
        )
    ends = np.cumsum(sizes)
    return [Planes(refs[end - size : end]) for end, size in zip(ends, sizes, strict=True)]


@handles("Slice")
def _slice(_: Importer, __: onnx.NodeProto, inputs: Inputs, ___: Attributes) -> list[Tensor]:
    refs = planes_of(inputs[0]).refs
    starts, ends = (constant(x, "its range").tolist() for x in inputs[1:3])
    axes = constant(inputs[3], "its axes").tolist() if len(inputs) > 3 and inputs[3] is not None else [0]
    steps = constant(inputs[4], "its steps").tolist() if len(inputs) > 4 and inputs[4] is not None else [1]
    if len(starts) != 1:
        raise NotSupportedError("only one axis, channels, can be sliced")
    _channel_axis(axes[0])
    part = refs[slice(starts[0], ends[0], steps[0])] if len(ends) == len(axes) == len(steps) == 1 else ()
    if not part:
        raise NotSupportedError(f"channels {starts[0]} to {ends[:1]} of {len(refs)}: none are left")
    return [Planes(part)]


@handles("Gather")
def _gather(_: Importer, __: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    _channel_axis(int(attributes.get("axis", 0)))
    refs, index = planes_of(inputs[0]).refs, constant(inputs[1], "its index")
    if index.ndim != 1 or not index.size or index.dtype.kind not in "iu":
        raise NotSupportedError("a list of channels is expected")
    if index.min() < -len(refs) or index.max() >= len(refs):
        raise NotSupportedError(f"channels {index.min()} to {index.max()} of {len(refs)}")
    check_planes(index.size)
    return [Planes(tuple(refs[int(i)] for i in index))]


@handles("Identity", "Dropout", "Cast")
def _identity(_: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    if node.op_type == "Cast" and attributes["to"] not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
        raise NotSupportedError("a cast to integers would round inside the network; end it in floats")
    return [planes_of(inputs[0])]
