"""Small ONNX integer networks, in the form of QuantizeLinear and DequantizeLinear pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from engine_nets import Build
from onnx import TensorProto, helper
from steep_nets import LIMITS, chosen_by, one_hot, said

_UNSIGNED = {2: TensorProto.UINT2, 4: TensorProto.UINT4, 8: TensorProto.UINT8, 16: TensorProto.UINT16}
_SIGNED = {2: TensorProto.INT2, 4: TensorProto.INT4, 8: TensorProto.INT8, 32: TensorProto.INT32}
_FINE = 0.025180  # of the input: an 8-bit sample is 16 times an integer


class Quantized(Build):
    """Adds pairs of QuantizeLinear and DequantizeLinear, and convolutions of stored weights."""

    def stored(self, numbers: Any, kind: int) -> str:
        name = f"k{len(self.constants)}"
        array = np.asarray(numbers)
        self.constants.append(helper.make_tensor(name, kind, array.shape, array.ravel().tolist()))
        return name

    def pair(self, x: str, step: float, bits: int, zero: int = 0) -> str:
        scale, offset = self.const(np.float32(step)), self.stored(np.array(zero), _UNSIGNED[bits])
        return str(self.op("DequantizeLinear", self.op("QuantizeLinear", x, scale, offset), scale, offset))

    def whole_conv(
        self, x: str, step: float, ci: int, co: int, k: int = 3, bits: int = 8, groups: int = 1, edge: bool = True
    ) -> str:  # fmt: skip
        """Of `x` in steps of `step`, with weights of `bits` and a bias on the grid of the sums."""
        top = 127 if bits == 8 else 2 ** (bits - 1) - 1
        numbers = self.rng.integers(-top, top, (co, ci // groups, k, k), endpoint=True)
        scale = (self.rng.uniform(0.6, 1.2, co) * (2 / top) * (ci // groups * k * k) ** -0.5).astype(np.float32)
        weight = self.op("DequantizeLinear", self.stored(numbers, _SIGNED[bits]), self.const(scale), axis=0)
        grid = np.float32(step) * scale
        bias = np.rint(self.rng.normal(0, 0.1, co) / grid)
        offset = self.op("DequantizeLinear", self.stored(bias.astype(int), _SIGNED[32]), self.const(grid), axis=0)
        halo = k // 2
        if edge:
            x = self.op("Pad", x, self.const([0, 0, halo, halo, 0, 0, halo, halo], np.int64), mode="edge")
        pads = [0 if edge else halo] * 4
        return str(self.op("Conv", x, weight, offset, kernel_shape=[k, k], pads=pads, group=groups))

    def whole_chosen(
        self, x: str, step: float, ci: int, co: int, hot: str, count: int, k: int = 3, groups: int = 1,
        edge: bool = True, shared: bool = True,
    ) -> str:  # fmt: skip
        """As `whole_conv`, with `count` kernels of which `hot` chooses; `shared`: in the same steps."""
        shape = (co, count, ci // groups, k, k)
        numbers = self.rng.integers(-128, 127, (co * count, *shape[2:]), endpoint=True)
        scale = (self.rng.uniform(0.6, 1.2, co) * (2 / 127) * (ci // groups * k * k) ** -0.5).astype(np.float32)
        steps = np.repeat(scale, count) * (np.float32(1) if shared else np.resize(np.float32([0.7, 1]), co * count))
        weight = self.op("DequantizeLinear", self.stored(numbers, _SIGNED[8]), self.const(steps), axis=0)
        grid = np.float32(step) * scale
        bias = self.stored(np.rint(self.rng.normal(0, 0.1, co) / grid).astype(int), _SIGNED[32])
        offset = self.op("DequantizeLinear", bias, self.const(grid), axis=0)
        return chosen_by(self, x, hot, weight, offset, shape, groups, edge)

    def finish(self, out: str, opset: int = 21) -> onnx.ModelProto:
        model = self.model(out, 21 if opset < 25 else opset)
        model.ir_version = 10 if opset < 25 else 13
        return model


def whole_chain(
    width: int = 12, weight_bits: int = 8, bits: int = 8, depth: int = 3, zero: int | None = None, edge: bool = True,
    steep: bool = False, last: int = 3,
) -> onnx.ModelProto:  # fmt: skip
    """The shape of `small`: PReLU, a nearest anchor, depth to space; only the result is no integer."""
    b = Quantized(seed=width + 10 * bits + weight_bits)
    top = 2**bits - 1
    zero = top // 4 if zero is None else zero
    step = 2.4 / top
    x = t = b.pair("x", _FINE, 16)
    now, ci = _FINE, 1
    for layer in range(depth):
        t = b.whole_conv(t, now, ci, width, bits=8 if layer == 0 else weight_bits, edge=edge)
        t = b.pair(b.prelu(t, width, -0.2, 1.4 if steep else 0.6), step, bits, zero)
        now, ci = step, width
    t = b.op("Add", b.whole_conv(t, now, ci, 4, last, edge=edge), x)
    return b.finish(b.op("DepthToSpace", t, blocksize=2, mode="CRD"), 25 if 2 in (bits, weight_bits) else 21)


def whole_skips() -> onnx.ModelProto:
    """Groups with their channels dealt out, sums of integers with different steps, a concatenation, Clip."""
    b = Quantized(seed=4)
    x = b.pair("x", _FINE, 16)
    first = b.pair(b.prelu(b.whole_conv(x, _FINE, 1, 8), 8), 0.01237, 8, 60)
    t = b.op("Gather", first, b.const([0, 4, 1, 5, 2, 6, 3, 7], np.int64), axis=1)
    t = b.pair(b.prelu(b.whole_conv(t, 0.01237, 8, 8, groups=4), 8), 0.01109, 8, 70)
    t = b.whole_conv(t, 0.01109, 8, 8, groups=2)
    t = b.pair(b.op("Add", b.prelu(t, 8), first), 0.0143, 8, 90)
    u = b.pair(b.op("Add", t, first), 0.0251, 8, 40)  # two operands of integers
    v = b.pair(b.op("Clip", b.whole_conv(u, 0.0251, 8, 6, 1), b.const(-0.5), b.const(1.5)), 0.00831, 8, 60)
    w = b.pair(b.whole_conv(v, 0.00831, 6, 8, 3), 0.00831, 8, 60)
    both = b.op("Concat", v, w, axis=1)  # 6 channels of one value, 8 of another
    t = b.op("Add", b.whole_conv(both, 0.00831, 14, 4, 5), x)
    return b.finish(b.op("DepthToSpace", t, blocksize=2, mode="CRD"))


def whole_steep(
    count: int = 16, width: int = 4, groups: tuple[int, ...] = (1, 1, 2, 1), zero: int = 60, edge: bool = True,
    shared: bool = True,
) -> onnx.ModelProto:  # fmt: skip
    """Kernels of all layers chosen but for the second one's, which are plain."""
    b = Quantized(seed=count + width)
    hot = one_hot(b, LIMITS[count], opset=21)
    x = t = b.pair("x", _FINE, 16)
    now, ci = _FINE, 1
    for layer, parts in enumerate(groups):
        last = layer == len(groups) - 1
        if layer == 1 and not last:
            t = b.whole_conv(t, now, ci, width, groups=parts, edge=edge)
        else:
            t = b.whole_chosen(t, now, ci, 4 if last else width, hot, count, 3, parts, edge, shared)
        if not last:
            t = b.pair(b.prelu(t, width, -0.2, 0.6), 0.0123, 8, zero)
        now, ci = 0.0123, width
    model = b.finish(b.op("DepthToSpace", b.op("Add", t, x), blocksize=2, mode="CRD"))
    return said(model, LIMITS[count])


WHOLE: dict[str, Callable[[], onnx.ModelProto]] = {
    "whole_small": whole_chain,
    "whole_narrow": lambda: whole_chain(6, last=1),
    "whole_one": lambda: whole_chain(1),
    "whole_wide": lambda: whole_chain(17, depth=2, steep=True),
    "whole_zeros": lambda: whole_chain(8, zero=200, edge=False),
    "whole_w4a4": lambda: whole_chain(16, 4, 4),
    "whole_w2a8": lambda: whole_chain(16, 2, 8),
    "whole_w2a2": lambda: whole_chain(16, 2, 2),
    "whole_skips": whole_skips,
    "whole_steep": whole_steep,
    "whole_steep_many": lambda: whole_steep(40, 6, (1, 1), 0, edge=False),
}


def save_whole(name: str, folder: Path) -> Path:
    path = folder / f"{name}.onnx"
    onnx.save(WHOLE[name](), str(path))
    return path
