"""One function for each ONNX operator that the engine takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from pocketsr.engine.importer import (
    HANDLERS,
    Handler,
    Importer,
    NotSupportedError,
    Planes,
    Tensor,
    per_channel,
)
from pocketsr.engine.ir import Binary, Clip, Combine, Conv, Function, Pad, Prelu, Shuffle, Unary
from pocketsr.engine.resample import resize_kernel

Attributes = dict[str, Any]
Inputs = list[Tensor | None]


def _op(*names: str) -> Any:
    def register(handler: Handler) -> Handler:
        for name in names:
            HANDLERS[name] = handler
        return handler

    return register


def _planes(tensor: Tensor | None) -> Planes:
    if not isinstance(tensor, Planes):
        raise NotSupportedError("the image is expected as its first input")
    return tensor


def _constant(tensor: Tensor | None, what: str) -> Any:
    if isinstance(tensor, Planes) or tensor is None:
        raise NotSupportedError(f"{what} must be a constant")
    return np.asarray(tensor)


def _square_window(attributes: Attributes, weight: Any) -> tuple[list[int], list[int]]:
    if weight.ndim != 4:
        raise NotSupportedError(f"a 2-D convolution is expected; its weights have {weight.ndim} dimensions")
    return list(attributes.get("strides", [1, 1])), list(attributes.get("dilations", [1, 1]))


@_op("Conv")
def _conv(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    planes, weight = _planes(inputs[0]), _constant(inputs[1], "its weight").astype(np.float32)
    strides, dilations = _square_window(attributes, weight)
    if strides != [1, 1]:
        raise NotSupportedError(f"stride {strides}; the engine streams rows and takes stride 1 only")
    if dilations != [1, 1]:  # a dilated kernel is a larger one with zeros between its taps
        wide = [(size - 1) * d + 1 for size, d in zip(weight.shape[2:], dilations, strict=True)]
        spread = np.zeros((*weight.shape[:2], *wide), np.float32)
        spread[:, :, :: dilations[0], :: dilations[1]] = weight
    else:
        spread = weight
    height, width = spread.shape[2:]
    if not height % 2 or not width % 2:
        raise NotSupportedError(f"kernel {height}x{width}; only odd kernels keep the size of the image")
    same = [height // 2, width // 2] * 2
    auto = attributes.get("auto_pad", b"NOTSET")
    pads = same if auto in (b"SAME_UPPER", b"SAME_LOWER") else list(attributes.get("pads", [0, 0, 0, 0]))
    if pads != same:
        raise NotSupportedError(f"padding {pads}; {same} is expected, so that the image keeps its size")
    bias = inputs[2] if len(inputs) > 2 else None
    offset = np.zeros(len(weight), np.float32) if bias is None else _constant(bias, "its bias").astype(np.float32)
    state.params += weight.size + (0 if bias is None else offset.size)
    scale = state.scale_of(planes)
    groups = int(attributes.get("group", 1))
    name = node.name or node.output[0]
    return [state.add(Conv(name, state.new_value(scale), planes.refs, spread, offset, groups), scale)]


@_op("ConvTranspose")
def _conv_transpose(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    """A deconvolution of stride r is a convolution to r*r times the channels, then depth to space (Shi 2016)."""
    planes, weight = _planes(inputs[0]), _constant(inputs[1], "its weight").astype(np.float32)
    strides, dilations = _square_window(attributes, weight)
    factor = strides[0]
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    extra = list(attributes.get("output_padding", [0, 0]))
    size = weight.shape[2]
    grown = size - pads[0] - pads[2] + extra[0]  # output size minus factor * (input size - 1)
    if (
        attributes.get("group", 1) != 1
        or dilations != [1, 1]
        or strides[1] != factor
        or weight.shape[3] != size
        or pads != [pads[0]] * 4
        or extra[0] != extra[1]
        or grown != factor
    ):
        raise NotSupportedError("only square, ungrouped kernels whose output is exactly stride times the input")
    # out[f*y + i] = sum over k of w[k] * in[(f*y + i + pad - k) / f], where that is whole: tap t = (i + pad - k) / f.
    out_channels = weight.shape[1]
    taps = [(i + pads[0] - k) // factor for i in range(factor) for k in range(size) if not (i + pads[0] - k) % factor]
    reach = max(abs(tap) for tap in taps)
    kernel = np.zeros((out_channels, factor, factor, len(planes.refs), 2 * reach + 1, 2 * reach + 1), np.float32)
    for i, j in np.ndindex(factor, factor):
        for k, m in np.ndindex(size, size):
            y, x = i + pads[0] - k, j + pads[0] - m
            if not y % factor and not x % factor:
                kernel[:, i, j, :, reach + y // factor, reach + x // factor] = weight[:, :, k, m].T
    bias = inputs[2] if len(inputs) > 2 else None
    offset = np.zeros(out_channels, np.float32) if bias is None else _constant(bias, "its bias").astype(np.float32)
    state.params += weight.size + (0 if bias is None else offset.size)
    scale = state.scale_of(planes)
    name = node.name or node.output[0]
    flat = kernel.reshape(-1, *kernel.shape[3:])
    wide = state.add(Conv(name, state.new_value(scale), planes.refs, flat, np.repeat(offset, factor * factor)), scale)
    return [state.add(Shuffle(f"{name}_shuffle", state.new_value(scale * factor), wide.refs, factor), scale * factor)]


@_op("DepthToSpace")
def _depth_to_space(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    planes, factor = _planes(inputs[0]), int(attributes["blocksize"])
    if factor not in (2, 3, 4):
        raise NotSupportedError(f"block size {factor}; 2, 3 and 4 are supported")
    refs = planes.refs
    if attributes.get("mode", b"DCR") == b"DCR":  # in[(i*f + j) * C + c]: put into CRD order
        count = len(refs) // factor**2
        refs = tuple(refs[ij * count + c] for c in range(count) for ij in range(factor**2))
    scale = state.scale_of(planes) * factor
    return [state.add(Shuffle(node.name or node.output[0], state.new_value(scale), refs, factor), scale)]


@_op("Resize")
def _resize(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    """Enlarging by a whole factor is a convolution with replicated edges, then depth to space."""
    planes = _planes(inputs[0])
    if len(inputs) > 3 and inputs[3] is not None:
        sizes, shape = _constant(inputs[3], "its sizes"), state.shapes.get(node.input[0])
        if shape is None or len(shape) != len(sizes):
            raise NotSupportedError("it states sizes, not factors, for an input of unknown size")
        scales = sizes / np.asarray(shape)
    else:
        scales = _constant(inputs[2] if len(inputs) > 2 else None, "its scales").astype(np.float64)
    factor = round(float(scales[-1]))
    if len(scales) != 4 or not np.allclose(scales, [1, 1, factor, factor]) or factor not in (1, 2, 3, 4):
        raise NotSupportedError(f"scales {scales.tolist()}; 1, 1, r, r with r = 2, 3 or 4 is supported")
    if attributes.get("exclude_outside", 0):
        raise NotSupportedError("exclude_outside is not supported")
    taps = resize_kernel(
        attributes.get("mode", b"nearest").decode(),
        factor,
        attributes.get("coordinate_transformation_mode", b"half_pixel").decode(),
        attributes.get("nearest_mode", b"round_prefer_floor").decode(),
        float(attributes.get("cubic_coeff_a", -0.75)),
    )
    if taps is None:
        raise NotSupportedError(
            f"mode {attributes.get('mode', b'nearest').decode()} with coordinates "
            f"'{attributes.get('coordinate_transformation_mode', b'half_pixel').decode()}' is not supported"
        )
    scale = state.scale_of(planes)
    name = node.name or node.output[0]
    square = np.einsum("iy,jx->ijyx", taps, taps).reshape(factor**2, *[taps.shape[1]] * 2).astype(np.float32)
    if square.shape[-1] == 1:  # nearest: the planes themselves
        repeated = tuple(ref for ref in planes.refs for _ in range(factor**2))
    else:
        kernel = np.tile(square[:, None], (len(planes.refs), 1, 1, 1))
        zero = np.zeros(len(kernel), np.float32)
        conv = Conv(name, state.new_value(scale), planes.refs, kernel, zero, len(planes.refs), Pad.EDGE)
        repeated = state.add(conv, scale).refs
    return [state.add(Shuffle(f"{name}_shuffle", state.new_value(scale * factor), repeated, factor), scale * factor)]


@_op("PRelu", "Relu", "LeakyRelu")
def _prelu(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    planes = _planes(inputs[0])
    slope = np.zeros(1, np.float32)
    if node.op_type == "LeakyRelu":
        slope[:] = attributes.get("alpha", 0.01)
    elif node.op_type == "PRelu":
        slope = per_channel(_constant(inputs[1], "its slope"))
        state.params += slope.size
    wide = np.broadcast_to(slope, (len(planes.refs),)).copy()
    return [state.point(node.name or node.output[0], planes, Prelu(wide))]


@_op("Clip")
def _clip(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    bounds = [attributes.get("min", -np.inf), attributes.get("max", np.inf)]
    for index in (1, 2):
        if len(inputs) > index and inputs[index] is not None:
            bounds[index - 1] = float(_constant(inputs[index], "its bound"))
    return [state.point(node.name or node.output[0], _planes(inputs[0]), Clip(float(bounds[0]), float(bounds[1])))]


@_op("Sigmoid", "Tanh", "Erf", "Abs")
def _function(state: Importer, node: onnx.NodeProto, inputs: Inputs, _: Attributes) -> list[Tensor]:
    return [state.point(node.name or node.output[0], _planes(inputs[0]), Function(Unary[node.op_type.upper()]))]


@_op("HardSigmoid")
def _hard_sigmoid(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    name = node.name or node.output[0]
    line = state.affine(name, _planes(inputs[0]), attributes.get("alpha", 0.2), attributes.get("beta", 0.5))
    return [state.point(f"{name}_clip", line, Clip(0.0, 1.0))]


@_op("Neg")
def _neg(state: Importer, node: onnx.NodeProto, inputs: Inputs, _: Attributes) -> list[Tensor]:
    return [state.affine(node.name or node.output[0], _planes(inputs[0]), -1.0, 0.0)]


@_op("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum")
def _binary(state: Importer, node: onnx.NodeProto, inputs: Inputs, _: Attributes) -> list[Tensor]:
    if len(inputs) != 2:
        raise NotSupportedError(f"{len(inputs)} operands; two are supported")
    left, right = inputs
    name, kind = node.name or node.output[0], "Add" if node.op_type == "Sum" else node.op_type
    if isinstance(left, Planes) and isinstance(right, Planes):
        if kind == "Div":
            raise NotSupportedError("division by a plane is not supported")
        size = max(len(left.refs), len(right.refs))
        if {len(left.refs), len(right.refs)} - {1, size}:
            raise NotSupportedError(f"{len(left.refs)} and {len(right.refs)} channels do not fit each other")
        if state.scale_of(left) != state.scale_of(right):
            raise NotSupportedError("its two operands have different sizes")
        wide = [x.refs * size if len(x.refs) == 1 else x.refs for x in (left, right)]
        return [state.point(name, Planes(wide[0]), Combine(Binary[kind.upper()], wide[1]))]
    planes = _planes(left if isinstance(left, Planes) else right)
    constant = per_channel(_constant(right if isinstance(left, Planes) else left, "its other operand"))
    if len(constant) > 1 and len(planes.refs) == 1:
        planes = Planes(planes.refs * len(constant))  # one plane against many numbers: many planes
    if kind in ("Max", "Min"):
        if len(constant) > 1:
            raise NotSupportedError("a bound for each channel is not supported")
        bound = float(constant[0])
        return [state.point(name, planes, Clip(bound, np.inf) if kind == "Max" else Clip(-np.inf, bound))]
    swapped = planes is not left and not isinstance(left, Planes)
    if len(constant) > 1:
        state.params += constant.size
    match kind:
        case "Add":
            return [state.affine(name, planes, 1.0, constant)]
        case "Sub" if swapped:
            return [state.affine(name, planes, -1.0, constant)]
        case "Sub":
            return [state.affine(name, planes, 1.0, -constant)]
        case "Mul":
            return [state.affine(name, planes, constant, 0.0)]
    if swapped:
        raise NotSupportedError("division by a plane is not supported")
    return [state.affine(name, planes, 1.0 / constant, 0.0)]


@_op("BatchNormalization")
def _batch_norm(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    scale, offset, mean, variance = (_constant(x, "each parameter").astype(np.float64) for x in inputs[1:5])
    state.params += 4 * scale.size
    gain = scale / np.sqrt(variance + attributes.get("epsilon", 1e-5))
    return [
        state.affine(
            node.name or node.output[0],
            _planes(inputs[0]),
            gain.astype(np.float32),
            (offset - mean * gain).astype(np.float32),
        )
    ]


def _channel_axis(axis: int) -> None:
    if axis not in (1, -3):
        raise NotSupportedError(f"axis {axis}; only channels (axis 1) are supported")


@_op("Concat")
def _concat(state: Importer, _: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    _channel_axis(int(attributes["axis"]))
    parts = [_planes(x) for x in inputs]
    if len({state.scale_of(part) for part in parts}) != 1:
        raise NotSupportedError("its parts have different sizes")
    return [Planes(tuple(ref for part in parts for ref in part.refs))]


@_op("Split")
def _split(_: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    _channel_axis(int(attributes.get("axis", 0)))
    refs = _planes(inputs[0]).refs
    if len(inputs) > 1 and inputs[1] is not None:
        sizes = [int(size) for size in _constant(inputs[1], "its sizes")]
    else:
        step = -(-len(refs) // len(node.output))
        sizes = list(
            attributes.get("split", [step] * (len(node.output) - 1) + [len(refs) - step * (len(node.output) - 1)])
        )
    ends = np.cumsum(sizes)
    return [Planes(refs[end - size : end]) for end, size in zip(ends, sizes, strict=True)]


@_op("Slice")
def _slice(_: Importer, __: onnx.NodeProto, inputs: Inputs, ___: Attributes) -> list[Tensor]:
    refs = _planes(inputs[0]).refs
    starts, ends = (_constant(x, "its range").tolist() for x in inputs[1:3])
    axes = _constant(inputs[3], "its axes").tolist() if len(inputs) > 3 and inputs[3] is not None else [0]
    steps = _constant(inputs[4], "its steps").tolist() if len(inputs) > 4 and inputs[4] is not None else [1]
    if len(starts) != 1:
        raise NotSupportedError("only one axis, channels, can be sliced")
    _channel_axis(axes[0])
    return [Planes(refs[slice(starts[0], ends[0], steps[0])])]


@_op("Gather")
def _gather(_: Importer, __: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    _channel_axis(int(attributes.get("axis", 0)))
    refs, index = _planes(inputs[0]).refs, _constant(inputs[1], "its index")
    if index.ndim != 1:
        raise NotSupportedError("a list of channels is expected")
    return [Planes(tuple(refs[int(i)] for i in index))]


@_op("Tile", "Expand")
def _tile(_: Importer, node: onnx.NodeProto, inputs: Inputs, __: Attributes) -> list[Tensor]:
    refs, counts = _planes(inputs[0]).refs, _constant(inputs[1], "its counts").tolist()
    others = [n for i, n in enumerate(counts) if i != len(counts) - 3]
    if len(counts) < 3 or any(n != 1 for n in others) or (node.op_type == "Expand" and len(refs) != 1):
        raise NotSupportedError(f"{counts}: only channels can be repeated")
    return [Planes(refs * int(counts[-3]))]


@_op("Identity", "Dropout", "Cast")
def _identity(_: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    if node.op_type == "Cast" and attributes["to"] not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
        raise NotSupportedError("a cast to whole numbers would round inside the network; end it in floats")
    return [_planes(inputs[0])]
