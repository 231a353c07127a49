"""Small ONNX networks that together use everything the engine takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from steep_nets import steep_chain


@dataclass
class Build:
    """Collects nodes; every method returns the name of the tensor that it makes."""

    channels: int = 1
    seed: int = 0
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def const(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"{kind}_{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x: str, ci: int, co: int, k: int | tuple[int, int] = 3, groups: int = 1, **attributes: Any) -> str:
        height, width = (k, k) if isinstance(k, int) else k
        fan = ci // groups * height * width
        weight = self.rng.normal(0, fan**-0.5, (co, ci // groups, height, width))
        pads = [height // 2, width // 2] * 2
        return self.op(
            "Conv",
            x,
            self.const(weight),
            self.const(self.rng.normal(0, 0.1, co)),
            **{"pads": pads, "group": groups, "kernel_shape": [height, width], **attributes},
        )

    def prelu(self, x: str, channels: int, low: float = -0.2, high: float = 0.6) -> str:
        return self.op("PRelu", x, self.const(self.rng.uniform(low, high, (channels, 1, 1))))

    def model(self, out: str, opset: int = 17) -> onnx.ModelProto:
        def image(name: str) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, self.channels, None, None])

        graph = helper.make_graph(self.nodes, "net", [image("x")], [image(out)], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        model.metadata_props.append(onnx.StringStringEntryProto(key="pocketsr.value_range", value="1"))
        onnx.checker.check_model(model)
        return model


def chain(kernels: tuple[int, ...] = (3, 3, 3), width: int = 8, scale: int = 2) -> onnx.ModelProto:
    """The shape of `tiny` and `small`: convolutions, PReLU, nearest anchor by broadcasting, depth to space."""
    b = Build()
    t, ci = "x", 1
    for k in kernels[:-1]:
        t, ci = b.prelu(b.conv(t, ci, width, k), width), width
    t = b.conv(t, ci, scale**2, kernels[-1])
    return b.model(b.op("DepthToSpace", b.op("Add", t, "x"), blocksize=scale, mode="CRD"))


def dcr_leaky_clip() -> onnx.ModelProto:
    b = Build(seed=1)
    t = b.op("LeakyRelu", b.conv("x", 1, 7, (5, 3)), alpha=0.1)
    t = b.op("Relu", b.conv(t, 7, 5, 1))
    t = b.op("DepthToSpace", b.conv(t, 5, 9, (1, 7)), blocksize=3, mode="DCR")
    return b.model(b.op("Clip", t, b.const(0.0), b.const(1.0)))


def residual_concat() -> onnx.ModelProto:
    """A tree: long skip, concatenation, split, slice, arithmetic with constants, steep PReLU."""
    b = Build(seed=2)
    a = b.prelu(b.conv("x", 1, 6), 6, 0.5, 1.7)
    c = b.op("Sigmoid", b.conv(a, 6, 6, 3))
    d = b.op("Mul", a, c)
    left, right = b.op("Split", d, b.const([2, 4], np.int64), outputs=2, axis=1)
    e = b.op("Concat", b.op("Tanh", left), right, "x", axis=1)
    e = b.op("Mul", b.op("Add", e, b.const(b.rng.normal(0, 0.1, (1, 7, 1, 1)))), b.const(0.7))
    f = b.op("Slice", e, b.const([1], np.int64), b.const([7], np.int64), b.const([1], np.int64))
    f = b.op("Sub", b.op("Max", f, b.op("Sub", a, b.const(0.25))), b.op("Abs", b.op("Neg", a)))
    f = b.op("Min", f, b.const(0.9))
    out = b.op("DepthToSpace", b.conv(b.op("Add", f, a), 6, 4, 5), blocksize=2, mode="CRD")
    return b.model(b.op("Add", out, b.op("Resize", "x", "", b.const([1, 1, 2, 2]), mode="linear")))


def grouped_rgb() -> onnx.ModelProto:
    """RGB, groups, depthwise, dilation, batch norm, bicubic anchor."""
    b = Build(3, seed=3)
    t = b.prelu(b.conv("x", 3, 12), 12)
    t = b.conv(t, 12, 12, 3, groups=12)
    ones = b.rng.uniform(0.5, 1.5, (4, 12))
    t = b.op("BatchNormalization", t, *(b.const(row) for row in ones))
    t = b.op("Relu", b.conv(t, 12, 8, 3, groups=4))
    t = b.conv(t, 8, 12, 3, dilations=[2, 2], pads=[2, 2, 2, 2])
    up = b.op("Resize", "x", "", b.const([1, 1, 2, 2]), mode="cubic", cubic_coeff_a=-0.75)
    return b.model(b.op("Add", b.op("DepthToSpace", t, blocksize=2, mode="CRD"), up))


def groups_shuffled() -> onnx.ModelProto:
    """The family of `pocketsr.nets`: repeated edges, wide groups with their channels dealt out, no bias; and a sum
    with other planes, a scale and an offset behind the groups."""
    b = Build(seed=8)

    def edged(x: str, *sizes: int, groups: int = 1) -> str:
        padded = b.op("Pad", x, b.const([0, 0, 1, 1, 0, 0, 1, 1], np.int64), mode="edge")
        return b.conv(padded, *sizes, 3, groups, pads=[0, 0, 0, 0])  # type: ignore[call-arg]

    first = b.prelu(edged("x", 1, 12), 12)
    t = b.prelu(b.op("Add", edged(first, 12, 12, groups=2), first), 12)
    t = b.op("Gather", t, b.const([0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11], np.int64), axis=1)
    t = b.op("Mul", b.prelu(edged(t, 12, 12, groups=3), 12), b.const(b.rng.uniform(0.5, 1.5, (12, 1, 1))))
    t = b.op("Add", edged(t, 12, 4), "x")
    return b.model(b.op("DepthToSpace", t, blocksize=2, mode="CRD"))


def gated() -> onnx.ModelProto:
    """What `large` takes: products of two planes with a sigmoid, depthwise kernels up to 11x11, with zeros beyond the
    border and repeated edges, two results of a channel, taller than wide; and dense skips into a 1x1."""
    b = Build(seed=9)
    first = t = b.prelu(b.conv("x", 1, 6), 6)
    for kernel, edges in (((5, 5), True), ((11, 11), False), ((7, 3), True)):
        tall, wide = kernel[0] // 2, kernel[1] // 2
        widths = b.const([0, 0, tall, wide, 0, 0, tall, wide], np.int64)
        padded = b.op("Pad", t, widths, mode="edge") if edges else t
        pads = [0, 0, 0, 0] if edges else [tall, wide, tall, wide]
        w = b.prelu(b.conv(padded, 6, 12, kernel, groups=6, pads=pads), 12)
        w = b.conv(w, 12, 6, 1)
        gate = b.op("Sub", b.op("Sigmoid", w), b.const(0.5))
        t = b.op("Mul", b.op("Add", w, t), gate)
    last = b.op("Add", b.conv(t, 6, 6, 9, groups=6), t)
    t = b.conv(b.op("Concat", first, t, last, axis=1), 18, 4, 1)
    return b.model(b.op("DepthToSpace", b.op("Add", t, "x"), blocksize=2, mode="CRD"))


def large_then_conv() -> onnx.ModelProto:
    """Depth to space in the middle, convolutions on the large image."""
    b = Build(seed=4)
    t = b.op("Relu", b.conv("x", 1, 8))
    t = b.op("DepthToSpace", t, blocksize=2, mode="CRD")
    t = b.op("Relu", b.conv(t, 2, 4, 3))
    t = b.op(
        "Add",
        b.conv(t, 4, 1, 5),
        b.op(
            "Resize",
            "x",
            "",
            b.const([1, 1, 2, 2]),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
    )
    return b.model(t)


def deconvolution() -> onnx.ModelProto:
    """FSRCNN's ending: a 9x9 deconvolution of stride 2."""
    b = Build(seed=5)
    t = b.prelu(b.conv("x", 1, 5, 5), 5)
    weight = b.const(b.rng.normal(0, 0.1, (5, 1, 9, 9)))
    return b.model(
        b.op(
            "ConvTranspose",
            t,
            weight,
            b.const([0.1]),
            strides=[2, 2],
            pads=[4, 4, 4, 4],
            output_padding=[1, 1],
            kernel_shape=[9, 9],
        )
    )


def anchor_tile_x4() -> onnx.ModelProto:
    b = Build(3, seed=6)
    t = b.op("HardSigmoid", b.conv(b.op("Erf", b.conv("x", 3, 4)), 4, 48))
    tiled = b.op("Concat", *(["x"] * 16), axis=1)
    return b.model(b.op("DepthToSpace", b.op("Add", t, tiled), blocksize=4, mode="DCR"))


def spelled_out() -> onnx.ModelProto:
    """What exporters spell out: repeated channels, pixel shuffle, padding, a norm over channels, activations."""
    b = Build(3, seed=7)

    def ints(*numbers: int) -> str:
        return b.const(numbers, np.int64)

    shape = b.op("Shape", "x")
    height, width = (b.op("Slice", shape, ints(i), ints(i + 1), ints(0)) for i in (2, 3))
    wide = b.op("Expand", b.op("Unsqueeze", "x", ints(2)), ints(1, 1, 4, 1, 1))  # torch.repeat_interleave
    anchor = b.op("Reshape", wide, b.op("Concat", ints(1, 12), height, width, axis=0))
    t = b.conv(b.op("Pad", "x", ints(0, 0, 1, 1, 0, 0, 1, 1), "", mode="edge"), 3, 8, pads=[0, 0, 0, 0])
    t = b.op("HardSwish", t)
    mean = b.op("ReduceMean", t, ints(1))
    centred = b.op("Sub", t, mean)
    variance = b.op("ReduceMean", b.op("Pow", centred, b.const(2.0)), ints(1))
    t = b.op("Div", centred, b.op("Sqrt", b.op("Add", variance, b.const(0.01))))
    t = b.op("Gelu", b.op("Mul", t, b.const(b.rng.uniform(0.5, 1, (8, 1, 1)))))
    halves = b.op("Concat", ints(0, 2, 4), height, ints(-1), axis=0)
    t = b.op("Transpose", b.op("Reshape", t, halves), perm=[0, 2, 1, 3, 4])  # shuffled channels
    t = b.op("Gelu", b.op("Reshape", t, b.op("Concat", ints(1, 8), height, width, axis=0)), approximate="tanh")
    t = b.op("Add", b.conv(t, 8, 12), anchor)
    two = b.const(2, np.int64)
    t = b.op("Reshape", t, b.op("Concat", ints(1, 3, 2, 2), height, width, axis=0))
    t = b.op("Transpose", t, perm=[0, 1, 4, 2, 5, 3])
    tall, broad = b.op("Mul", height, two), b.op("Mul", width, two)
    t = b.op("Reshape", t, b.op("Concat", ints(1, 3), tall, broad, axis=0))
    up = b.op("Resize", "x", "", "", b.op("Concat", ints(1, 3), tall, broad, axis=0), mode="linear")
    return b.model(b.op("Add", t, up), opset=20)


NETS: dict[str, Callable[[], onnx.ModelProto]] = {
    "tiny_like": chain,
    "small_like": lambda: chain((3, 3, 3, 3, 3, 3), 12),
    "five": lambda: chain((5, 3, 5), 16),
    "seven_x3": lambda: chain((7, 3), 4, 3),
    "narrow_x4": lambda: chain((3, 1, 3), 3, 4),
    "dcr_leaky_clip": dcr_leaky_clip,
    "residual_concat": residual_concat,
    "grouped_rgb": grouped_rgb,
    "groups_shuffled": groups_shuffled,
    "gated": gated,
    "large_then_conv": large_then_conv,
    "deconvolution": deconvolution,
    "anchor_tile_x4": anchor_tile_x4,
    "spelled_out": spelled_out,
    "steep": lambda: steep_chain(Build, (1, 2, 1), width=4),
    "steep_many": lambda: steep_chain(Build, (1, 1), 40, width=5, edges=False, kernel=(5, 3)),
}


def save(name: str, folder: Path) -> Path:
    path = folder / f"{name}.onnx"
    onnx.save(NETS[name](), str(path))
    return path
