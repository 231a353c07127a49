"""ONNX operators that become convolutions and depth-to-space."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
from numpy.typing import NDArray

from pocketsr.engine.ir.graph import Binary, Combine, Conv, Function, Pad, Shuffle, Unary
from pocketsr.engine.onnx.handlers_quant import stored_integers
from pocketsr.engine.onnx.limits import LIMITS, wide_kernel
from pocketsr.engine.onnx.state import WHOLE_IMAGE, Importer, handles
from pocketsr.engine.onnx.tensors import (
    Attributes,
    Inputs,
    NotSupportedError,
    Padded,
    Planes,
    Tensor,
    check_planes,
    constant,
    planes_of,
    view_of,
)
from pocketsr.engine.resample import resize_kernel

__all__ = ["convolution"]


def _square_window(attributes: Attributes, weight: NDArray[np.float32]) -> tuple[list[int], list[int]]:
    if weight.ndim != 4:
        raise NotSupportedError(f"a 2-D convolution is expected; its weights have {weight.ndim} dimensions")
    if not weight.size:
        raise NotSupportedError(f"its weights are empty: {' x '.join(map(str, weight.shape))}")
    strides, dilations = list(attributes.get("strides", [1, 1])), list(attributes.get("dilations", [1, 1]))
    stated = list(attributes.get("kernel_shape", weight.shape[2:]))
    if len(strides) != 2 or len(dilations) != 2 or min(strides + dilations) < 1 or stated != list(weight.shape[2:]):
        raise NotSupportedError(
            f"kernel {stated}, strides {strides}, dilations {dilations} with weights of {list(weight.shape[2:])}: "
            "two of each are expected, 1 or more"
        )
    if wide_kernel(weight.shape, dilations):
        raise NotSupportedError(
            f"kernel {'x'.join(map(str, weight.shape[2:]))}, dilations {dilations}: up to {LIMITS['kernel']} rows and "
            f"columns are supported, and {LIMITS['weights']:,} weights"
        )
    return strides, dilations


def _bias(inputs: Inputs, channels: int) -> NDArray[np.float32]:
    bias = inputs[2] if len(inputs) > 2 else None
    if bias is None:
        return np.zeros(channels, np.float32)
    found = constant(bias, "its bias").astype(np.float32)
    if found.shape != (channels,):
        raise NotSupportedError(f"a bias of shape {found.shape} for {channels} channels")
    return found


@handles("Conv")
def _conv(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    conv = convolution(state, node, inputs, attributes)
    scale = state.scales[conv.inputs[0].value]
    return [state.add(replace(conv, integers=stored_integers(state, node, conv)), scale)]


def convolution(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> Conv:
    """What `node` says, not yet among the operations. Raises NotSupportedError where the engine can't run it."""
    border = inputs[0] if isinstance(inputs[0], Padded) else None
    planes = Planes(border.refs) if border else planes_of(inputs[0])
    weight = constant(inputs[1], "its weight").astype(np.float32)
    strides, dilations = _square_window(attributes, weight)
    if strides != [1, 1]:
        raise NotSupportedError(f"stride {strides}; the engine streams rows and supports stride 1 only")
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
    kind = border.kind if border else Pad.ZERO
    if border and any(pads) and kind is not Pad.ZERO:
        raise NotSupportedError("two kinds of padding at once")
    if border:
        pads = [own + before for own, before in zip(pads, border.pads, strict=True)]
    if pads != same:
        raise NotSupportedError(f"padding {pads}; {same} is expected, so that the image keeps its size")
    offset = _bias(inputs, len(weight))
    scale = state.scale_of(planes)
    groups = int(attributes.get("group", 1))
    if groups < 1 or weight.shape[1] * groups != len(planes.refs) or len(weight) % groups:
        raise NotSupportedError(
            f"weights {' x '.join(map(str, weight.shape))} in {groups} groups do not fit {len(planes.refs)} channels"
        )
    name = node.name or node.output[0]
    return Conv(name, state.new_value(scale), planes.refs, spread, offset, groups, kind)


@handles("Pad")
def _pad(_: Importer, __: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    """A border around the image, zero or of repeated edges, is what the next convolution sees beyond the edges."""
    planes = planes_of(inputs[0])
    widths = np.ravel(constant(inputs[1] if len(inputs) > 1 else attributes.get("pads"), "its width")).tolist()
    mode = attributes.get("mode", b"constant").decode()
    value = inputs[2] if len(inputs) > 2 else attributes.get("value")
    kind = {"constant": Pad.ZERO, "edge": Pad.EDGE}.get(mode)
    if kind is None:
        raise NotSupportedError(f"mode '{mode}'; zeros and repeated edges are supported")
    if kind is Pad.ZERO and value is not None and np.any(constant(value, "its value")):
        raise NotSupportedError("a border of another value than 0")
    if len(inputs) > 3 and inputs[3] is not None:
        axes, given = [int(axis) % 4 for axis in constant(inputs[3], "its axes")], widths
        widths = [0] * 8
        for i, axis in enumerate(axes):
            widths[axis], widths[axis + 4] = given[i], given[i + len(axes)]
    if len(widths) != 8 or any(widths[i] for i in (0, 1, 4, 5)) or min(widths) < 0:
        raise NotSupportedError(f"widths {widths}; only a border around the image is supported")
    top, left, bottom, right = (int(widths[i]) for i in (2, 3, 6, 7))
    return [Padded(planes.refs, (top, left, bottom, right), kind) if any(widths) else planes]


@handles("ReduceMean", "ReduceSum", "ReduceL2")
def _reduce(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    """The mean or sum over the channels of each pixel is a 1x1 convolution."""
    planes = planes_of(inputs[0])
    given = inputs[1] if len(inputs) > 1 else attributes.get("axes")
    axes = [0, 1, 2, 3] if given is None else [int(a) % 4 for a in np.ravel(constant(given, "its axes"))]
    if axes != [1] or not attributes.get("keepdims", 1):
        raise NotSupportedError(WHOLE_IMAGE)
    name, size, scale = node.name or node.output[0], len(planes.refs), state.scale_of(planes)
    if node.op_type == "ReduceL2":
        planes = state.pointwise(f"{name}_square", planes, Combine(Binary.MUL, planes.refs))
    weight = np.full((1, size, 1, 1), 1 / size if node.op_type == "ReduceMean" else 1, np.float32)
    total = state.add(Conv(name, state.new_value(scale), planes.refs, weight, np.zeros(1, np.float32)), scale)
    return [state.pointwise(f"{name}_root", total, Function(Unary.SQRT)) if node.op_type == "ReduceL2" else total]


@handles("ConvTranspose")
def _conv_transpose(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    """A deconvolution of stride r is a convolution to r*r times the channels, then depth to space (Shi 2016)."""
    planes, weight = planes_of(inputs[0]), constant(inputs[1], "its weight").astype(np.float32)
    strides, dilations = _square_window(attributes, weight)
    factor = strides[0]
    if weight.shape[0] != len(planes.refs) or factor > LIMITS["scale"]:
        raise NotSupportedError(
            f"weights {' x '.join(map(str, weight.shape))}, stride {factor}: {len(planes.refs)} channels come in, and "
            f"strides up to {LIMITS['scale']} are supported"
        )
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    extra = list(attributes.get("output_padding", [0, 0]))
    size = weight.shape[2]
    grown = size - pads[0] - pads[2] + extra[0]  # output size minus factor * (input size - 1)
    if len(pads) != 4 or len(extra) != 2:
        raise NotSupportedError(f"padding {pads[:8]}, output padding {extra[:8]}: four and two numbers are expected")
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
    check_planes(weight.shape[1] * factor**2)
    taps = [(i + pads[0] - k) // factor for i in range(factor) for k in range(size) if not (i + pads[0] - k) % factor]
    halo = max(abs(tap) for tap in taps)
    kernel = np.zeros((out_channels, factor, factor, len(planes.refs), 2 * halo + 1, 2 * halo + 1), np.float32)
    for i, j in np.ndindex(factor, factor):
        for k, m in np.ndindex(size, size):
            y, x = i + pads[0] - k, j + pads[0] - m
            if not y % factor and not x % factor:
                kernel[:, i, j, :, halo + y // factor, halo + x // factor] = weight[:, :, k, m].T
    offset = _bias(inputs, out_channels)
    scale = state.scale_of(planes)
    name = node.name or node.output[0]
    flat = kernel.reshape(-1, *kernel.shape[3:])
    wide = state.add(Conv(name, state.new_value(scale), planes.refs, flat, np.repeat(offset, factor * factor)), scale)
    return [state.add(Shuffle(f"{name}_shuffle", state.new_value(scale * factor), wide.refs, factor), scale * factor)]


@handles("DepthToSpace")
def _depth_to_space(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    planes, factor = planes_of(inputs[0]), int(attributes["blocksize"])
    if factor not in (2, 3, 4):
        raise NotSupportedError(f"block size {factor}; 2, 3 and 4 are supported")
    refs = planes.refs
    if len(refs) % factor**2:
        raise NotSupportedError(f"block size {factor} does not divide {len(refs)} channels")
    if attributes.get("mode", b"DCR") == b"DCR":  # in[(i*f + j) * C + c]: put into CRD order
        count = len(refs) // factor**2
        refs = tuple(refs[ij * count + c] for c in range(count) for ij in range(factor**2))
    scale = state.scale_of(planes) * factor
    return [state.add(Shuffle(node.name or node.output[0], state.new_value(scale), refs, factor), scale)]


@handles("Resize", "Upsample")
def _resize(state: Importer, node: onnx.NodeProto, inputs: Inputs, attributes: Attributes) -> list[Tensor]:
    """Upscaling by an integer factor is a convolution with replicated edges, then depth to space."""
    planes = planes_of(inputs[0])
    if len(inputs) < 3:  # Upsample, and Resize of opset 10
        given = inputs[1] if len(inputs) > 1 else attributes.get("scales")
        attributes = {
            "coordinate_transformation_mode": b"asymmetric",
            "nearest_mode": b"floor",
            "mode": attributes.get("mode", b"nearest"),
        }
    else:
        given = inputs[2]
    if len(inputs) > 3 and inputs[3] is not None:
        sizes = state.sizes_of(view_of(planes))
        wanted = constant(inputs[3], "its sizes")[-2:]
        scales = wanted / np.array(sizes[-2:])
        if (scales % 1).any():
            raise NotSupportedError(
                f"size {wanted.tolist()} is no integer multiple of its input's; give a scale_factor"
            )
    else:
        scales = np.ravel(constant(given, "its scales")).astype(np.float64)
    scales = np.concatenate([np.ones(max(0, 4 - len(scales))), scales])  # `axes` may name height and width alone
    factor = round(float(scales[-1]))
    if len(scales) != 4 or not np.allclose(scales, [1, 1, factor, factor]) or factor not in (1, 2, 3, 4):
        raise NotSupportedError(f"scales {scales.tolist()}; 1, 1, r, r with r = 2, 3 or 4 is supported")
    if list(attributes.get("axes", (2, 3)))[-2:] != [2, 3]:
        raise NotSupportedError(f"axes {attributes['axes']}; height and width are expected")
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
    check_planes(len(planes.refs) * factor**2)
    square = np.einsum("iy,jx->ijyx", taps, taps).reshape(factor**2, *[taps.shape[1]] * 2).astype(np.float32)
    if square.shape[-1] == 1:  # nearest: the planes themselves
        repeated = tuple(ref for ref in planes.refs for _ in range(factor**2))
    else:
        kernel = np.tile(square[:, None], (len(planes.refs), 1, 1, 1))
        zero = np.zeros(len(kernel), np.float32)
        conv = Conv(name, state.new_value(scale), planes.refs, kernel, zero, len(planes.refs), Pad.EDGE)
        repeated = state.add(conv, scale).refs
    return [state.add(Shuffle(f"{name}_shuffle", state.new_value(scale * factor), repeated, factor), scale * factor)]
