"""Networks whose kernels are chosen by classes of structure, written node by node as docs/notes/steep.md has them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

if TYPE_CHECKING:
    from engine_nets import Build

__all__ = ["LIMITS", "chosen_by", "chosen_conv", "classes_seen", "one_hot", "said", "steep_chain"]

LIMITS = {8: (), 16: (135_424,), 24: (1024, 135_424), 40: (256, 8192, 65_536, 524_288)}
"""Between the strengths, by how many classes there are."""


def one_hot(b: Build, limits: tuple[int, ...], picture: str = "x", opset: int = 17) -> str:
    """The classes of `picture`, a plane for each."""

    def parts(x: str, count: int) -> list[str]:
        return list(b.op("Split", x, outputs=count, axis=1, **({"num_outputs": count} if opset >= 18 else {})))

    def number(value: float) -> str:
        return b.const(np.float32(value))

    def truth(condition: str) -> str:
        return str(b.op("Cast", condition, to=TensorProto.FLOAT))

    def convolved(x: str, weight: NDArray[np.float64]) -> str:
        groups = 3 if len(weight) == 3 else 1
        return str(b.op("Conv", x, b.const(weight), group=groups, kernel_shape=list(weight.shape[2:])))

    levels = b.op("Clip", b.op("Round", b.op("Mul", picture, number(255))), number(0), number(255))
    padded = b.op("Pad", levels, b.const([0, 0, 3, 3, 0, 0, 3, 3], np.int64), mode="edge")
    along = np.array([[0, 0, 0], [-1, 0, 1], [0, 0, 0]])
    gx, gy = parts(convolved(padded, np.stack([along, along.T])[:, None]), 2)
    products = b.op("Concat", b.op("Mul", gx, gx), b.op("Mul", gx, gy), b.op("Mul", gy, gy), axis=1)
    binomial = np.tile(np.array([1.0, 4, 6, 4, 1]), (3, 1, 1, 1))
    sums = convolved(convolved(products, binomial.swapaxes(2, 3)), binomial)
    a, c_, c = parts(sums, 3)
    u = b.op("Sub", a, c)
    wide, size = b.op("Abs", u), b.op("Abs", c_)
    four = b.op("Mul", size, number(4))
    off_axis = b.op("Greater", four, b.op("Mul", b.op("Sub", wide, four), number(5)))
    diagonal = b.op("Greater", b.op("Mul", b.op("Sub", size, wide), number(5)), wide)
    turn = b.op("Add", truth(off_axis), truth(diagonal))
    turn = b.op("Where", b.op("Less", u, number(0)), b.op("Sub", number(4), turn), turn)
    below = b.op("And", b.op("Less", c_, number(0)), b.op("Greater", turn, number(0)))
    turn = b.op("Where", below, b.op("Sub", number(8), turn), turn)
    trace = b.op("Add", a, c)
    for limit in limits:
        turn = b.op("Add", turn, b.op("Mul", truth(b.op("Greater", trace, number(limit))), number(8)))
    every = np.arange(8.0 * (len(limits) + 1)).reshape(1, -1, 1, 1)
    return truth(b.op("Equal", turn, b.const(every)))


def chosen_conv(b: Build, x: str, hot: str, weight: NDArray[np.float64], groups: int = 1, edges: bool = True) -> str:
    """weight: CO K CI/groups KH KW. edges: repeated, and not zeros."""
    flat, bias = b.const(weight.reshape(-1, *weight.shape[2:])), b.const(b.rng.normal(0, 0.05, len(weight)))
    return chosen_by(b, x, hot, flat, bias, weight.shape, groups, edges)


def chosen_by(
    b: Build, x: str, hot: str, weight: str, bias: str, shape: tuple[int, ...], groups: int, edges: bool
) -> str:  # fmt: skip
    """shape: CO K CI/groups KH KW, of what is called `weight`."""
    outputs, count, _, height, width = shape
    rows, columns = height // 2, width // 2
    pads = [rows, columns, rows, columns]
    if edges and max(height, width) > 1:
        x = b.op("Pad", x, b.const([0, 0, rows, columns] * 2, np.int64), mode="edge")
        pads = [0, 0, 0, 0]
    every = b.op("Conv", x, weight, group=groups, kernel_shape=[height, width], pads=pads)
    own = b.op("Mul", every, b.op("Tile", hot, b.const([1, outputs, 1, 1], np.int64)))
    ones = b.const(np.ones((outputs, count, 1, 1)))
    return str(b.op("Conv", own, ones, bias, group=outputs, kernel_shape=[1, 1]))


def said(model: onnx.ModelProto, limits: tuple[int, ...]) -> onnx.ModelProto:
    """`model` with the metadata that tells of its classes."""
    text = json.dumps({"by": "structure", "classes": 8 * (len(limits) + 1), "limits": limits}, separators=(",", ":"))
    model.metadata_props.append(onnx.StringStringEntryProto(key="pocketsr.chosen", value=text))
    return model


def steep_chain(
    build: Callable[..., Build], groups: tuple[int, ...] = (1, 2, 4, 1), count: int = 16, every: bool = True,
    width: int = 8, edges: bool = True, kernel: tuple[int, int] = (3, 3),
) -> onnx.ModelProto:  # fmt: skip
    """Like `tiny`, a layer for each of `groups`; kernels of all layers are chosen, or those of the first and last."""
    b = build(seed=count + len(groups))
    hot, t, ci = one_hot(b, LIMITS[count]), "x", 1
    for index, parts in enumerate(groups):
        last = index == len(groups) - 1
        outputs = 4 if last else width
        if every or index in (0, len(groups) - 1):
            shape = (outputs, 1, ci // parts, *kernel)
            shared = b.rng.normal(0, (ci // parts * kernel[0] * kernel[1]) ** -0.5, shape)
            own = b.rng.normal(0, 0.1, (outputs, count, *shape[2:]))
            t = chosen_conv(b, t, hot, shared + own, parts, edges)
        else:
            t = b.conv(t, ci, outputs, 3, parts)
        t, ci = t if last else b.prelu(t, outputs), outputs
    out = b.op("DepthToSpace", b.op("Add", t, "x"), blocksize=2, mode="CRD")
    return said(b.model(out), LIMITS[count])


def classes_seen(build: Callable[..., Build], count: int) -> onnx.ModelProto:
    """Each sample of the result is the class of its pixel, in steps of 1/255."""
    b = build()
    hot = one_hot(b, LIMITS[count])
    ones = b.op("Conv", "x", b.const(np.zeros((1, 1, 1, 1))), b.const([1.0]))
    t = chosen_conv(b, ones, hot, np.tile((np.arange(count) / 255).reshape(1, count, 1, 1, 1), (4, 1, 1, 1, 1)))
    name = b.nodes[-1].input[2]  # its bias
    next(k for k in b.constants if k.name == name).CopyFrom(onnx.numpy_helper.from_array(np.zeros(4, np.float32), name))
    return said(b.model(b.op("DepthToSpace", t, blocksize=2, mode="CRD")), LIMITS[count])
