"""The quantized network as ONNX: integers and their scales, in QuantizeLinear and DequantizeLinear nodes.

The picture is rounded to 16 bits in steps of 1/4080. A weight is an int8, int4 or int2 tensor with a scale for each
output channel, a bias an int32 one in steps of its sums'. After its last pointwise stage each stored value is rounded
once, to uint8, uint4 or uint2. ONNX knows 4 bits from opset 21 on, 2 bits from 25 on; the file packs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pocketsr.atomic_io import replacing
from pocketsr.engine.ir.graph import Affine, Binary, Classes, Clip, Combine, Function, Pad, Prelu, Shuffle
from pocketsr.engine.ir.pointwise import CURVES
from pocketsr.engine.onnx.structure import one_hot_nodes
from pocketsr.engine.onnx.told import STRENGTH
from pocketsr.names import comment
from pocketsr.quant.net import QuantNet
from pocketsr.quant.source import input_of, output_of
from pocketsr.quant.steps import ConvStep, Planes, Step

__all__ = ["onnx_model", "write_onnx"]

_SIGNED = {2: TensorProto.INT2, 4: TensorProto.INT4, 8: TensorProto.INT8}
_UNSIGNED = {2: TensorProto.UINT2, 4: TensorProto.UINT4, 8: TensorProto.UINT8}
_BINARY = {
    Binary.ADD: "Add", Binary.SUB: "Sub", Binary.MUL: "Mul", Binary.DIV: "Div", Binary.MAX: "Max", Binary.MIN: "Min",
}  # fmt: skip


def write_onnx(net: QuantNet, path: Path) -> None:
    """Write `net`, which has a spec; the file is complete or absent."""
    model = onnx_model(net)
    with replacing(path) as part:
        part.write_bytes(model.SerializeToString())


@torch.no_grad()
def onnx_model(net: QuantNet) -> onnx.ModelProto:
    """`net`, which has a spec, as ONNX, with the names and metadata of the network that it was made from."""
    if net.spec is None:
        raise ValueError("a network in full precision has its ONNX file already")
    writer = _Writer(net)
    graph = writer.graph()
    opset = helper.make_opsetid("", 25 if 2 in (net.spec.weight_bits, net.spec.act_bits) else 21)
    model = helper.make_model(
        graph, producer_name="pocketsr", opset_imports=[opset], ir_version=helper.find_min_ir_version_for([opset])
    )
    properties = {item.key: item.value for item in onnx.load_from_string(net.source.content).metadata_props}
    properties |= {"pocketsr.value_range": f"{net.source.graph.max_value:g}", "pocketsr.spec": net.spec.name}
    helper.set_model_props(model, properties)
    onnx.checker.check_model(model, full_check=True)
    return model


class _Writer:
    """Nodes and constants, in the order of the engine's graph."""

    def __init__(self, net: QuantNet) -> None:
        assert net.spec is not None
        self._net, self._spec = net, net.spec
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, TensorProto] = {}
        self._names: dict[int, str] = {}  # of what the graph's values are called; stored ones dequantized
        self._near = ""  # how much each of the strengths counts that offsets are known at
        self._taken: set[str] = set()  # names of tensors: those of nodes in the file may be alike

    def graph(self) -> onnx.GraphProto:
        net, source = self._net, self._net.source
        picture, result = input_of(source), output_of(source)
        self._taken |= {picture.name, result.name, *([STRENGTH] if source.graph.strengths else [])}
        self._names[0] = self._stored("picture", picture.name, net.picture_scale(), 0, TensorProto.UINT16)
        for op in source.graph.ops:
            if isinstance(op, Classes):
                self._names[op.value] = self._classes(picture.name, op)
            elif op.value in net.of_classes:
                continue  # levels, of which the classes' nodes have their own
            elif isinstance(op, Shuffle):
                planes = self._read(cast(Planes, net.moved[str(op.value)]), comment(op.name))
                shuffled = self._add("DepthToSpace", [planes], comment(op.name), blocksize=op.factor, mode="CRD")
                self._names[op.value] = shuffled
            else:
                self._step(cast(Step, net.steps[str(op.value)]))
        last = self._read(net.result, "result")
        if last == self._nodes[-1].output[0] and self._nodes[-1].op_type != "QuantizeLinear":
            self._nodes[-1].output[0] = result.name
        else:
            self._nodes.append(helper.make_node("Identity", [last], [result.name]))
        name = comment(onnx.load_from_string(source.content).graph.name) or "network"
        inputs = [picture]
        if source.graph.strengths:
            inputs.append(helper.make_tensor_value_info(STRENGTH, TensorProto.FLOAT, [1]))
        return helper.make_graph(self._nodes, name, inputs, [result], list(self._constants.values()))

    def _step(self, step: Step) -> None:
        op, net = step.op, self._net
        name = comment(op.name).strip("/")
        y = self._told(step, name) if isinstance(step, ConvStep) else self._read(step.reads, name)
        for k, stage in enumerate(op.stages):
            label = f"{name}/{k}"
            match stage:
                case Prelu(slope) if not slope.any():
                    y = self._add("Relu", [y], label)
                case Prelu():
                    y = self._add("PRelu", [y, self._planewise(f"{label}/slope", step.slope(k))], label)
                case Affine():
                    scale, offset = (
                        self._planewise(f"{label}/{part}", each)
                        for part, each in zip(("scale", "offset"), step.affine(k), strict=True)
                    )
                    y = self._add("Add", [self._add("Mul", [y, scale], f"{label}/scaled"), offset], label)
                case Clip(low, high):
                    bounds = [self._constant(f"{label}/{each}", np.float32(each)) for each in (low, high)]
                    y = self._add("Clip", [y, *bounds], label)
                case Function(kind):
                    y = self._add(CURVES[kind].onnx, [y], label)
                case Combine(kind, _):
                    other = self._read(cast(Planes, step.others[str(k)]), f"{label}/other", broadcast=True)
                    y = self._add(_BINARY[kind], [y, other], label)
        act = net.act(op.value)
        if act is not None:
            y = self._stored(name, y, act.scale(), int(act.zero), _UNSIGNED[self._spec.act_bits])
        self._names[op.value] = y

    def _told(self, step: ConvStep, name: str) -> str:
        """The convolution, and what is added to its channels by the strength."""
        y, table = self._conv(step, name), step._parameters["offsets"]
        if table is None:
            return y
        if not self._near:
            last = len(table) - 1
            at = self._add("Mul", [STRENGTH, self._constant("strength/last", np.float32(last))], "strength/at")
            steps = self._constant("strength/steps", np.arange(last + 1, dtype=np.float32))
            far = self._add("Abs", [self._add("Sub", [at, steps], "strength/apart")], "strength/far")
            rest = self._add("Sub", [self._constant("strength/one", np.float32(1)), far], "strength/rest")
            self._near = self._add("Relu", [rest], "strength/near")  # K
        offsets = self._add("MatMul", [self._near, self._constant(f"{name}/offsets", table.numpy())], f"{name}/offset")
        axes = self._constant("strength/axes", np.array([0, 2, 3]))
        wide = self._add("Unsqueeze", [offsets, axes], f"{name}/offset_wide")  # 1 C 1 1
        return self._add("Add", [y, wide], f"{name}/told")

    def _conv(self, step: ConvStep, name: str) -> str:
        op, input_scale = step.conv, self._net.input_scale(step)
        assert step.quant is not None
        assert input_scale is not None
        scale = step.quant.scale(step.kernels())
        step_size = (input_scale * scale).numpy()
        bits = self._spec.bits_of(op.value in self._net.layout.edges)
        integers = step.quant.whole(step.kernels(), scale).numpy()
        count = integers.shape[1] if op.chosen else 1
        rows_scale = scale.numpy().repeat(count)  # chosen kernels are rows beside each other
        integers = integers.reshape(-1, *op.weight.shape[1:])
        weight = self._dequantized(f"{name}/weight", integers, rows_scale, bits)
        whole = np.rint((step.bias / torch.from_numpy(step_size)).numpy())
        bias = self._dequantized(f"{name}/bias", whole, step_size, 32)
        x = self._read(step.reads, name)
        rows, columns = op.weight.shape[2] // 2, op.weight.shape[3] // 2
        zeros = [rows, columns, rows, columns] if op.pad is Pad.ZERO else [0, 0, 0, 0]
        if op.pad is Pad.EDGE and (rows or columns):
            widths = self._constant(f"pad_{rows}_{columns}", np.array([0, 0, rows, columns] * 2))
            x = self._add("Pad", [x, widths], f"{name}/pad", mode="edge")
        shape = list(op.weight.shape[2:])
        if op.chosen is None:
            return self._add("Conv", [x, weight, bias], name, kernel_shape=shape, group=op.groups, pads=zeros)
        every = self._add("Conv", [x, weight], f"{name}/every", kernel_shape=shape, group=op.groups, pads=zeros)
        repeats = self._constant(f"{name}/repeats", np.array([1, op.channels, 1, 1]))
        classes = self._add("Tile", [self._names[op.chosen.classes.value], repeats], f"{name}/classes")
        own = self._add("Mul", [every, classes], f"{name}/own")
        ones = self._constant(f"{name}/ones", np.ones((op.channels, count, 1, 1), np.float32))
        return self._add("Conv", [own, ones, bias], name, kernel_shape=[1, 1], group=op.channels)

    def _classes(self, luma: str, op: Classes) -> str:
        """The class of each pixel of the picture, before it is rounded: a plane for each class."""
        name = comment(op.name)

        def add(kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
            results = [self._free(f"{name}:{kind}") for _ in range(outputs)]
            self._nodes.append(helper.make_node(kind, inputs, results, name=results[0], **attributes))
            return results

        def constant(value: NDArray[Any]) -> str:
            return self._constant(f"{name}/constant", value)

        return one_hot_nodes(add, constant, luma, op.limits, counted=True)

    def _dequantized(self, name: str, whole: NDArray[Any], scale: NDArray[Any], bits: int) -> str:
        kind = TensorProto.INT32 if bits == 32 else _SIGNED[bits]
        whole_name = self._constant(name, whole.astype(helper.tensor_dtype_to_np_dtype(kind)))
        steps = self._constant(f"{name}_scale", scale)
        return self._add("DequantizeLinear", [whole_name, steps], f"{name}_float", axis=0)

    def _stored(self, name: str, x: str, scale: torch.Tensor, zero: int, kind: int) -> str:
        kept = np.asarray(zero).astype(helper.tensor_dtype_to_np_dtype(kind))
        steps = [self._constant(f"{name}/scale", scale.numpy()), self._constant(f"{name}/zero", kept)]
        whole = self._add("QuantizeLinear", [x, *steps], f"{name}/whole")
        return self._add("DequantizeLinear", [whole, *steps], f"{name}/stored")

    def _read(self, planes: Planes, name: str, broadcast: bool = False) -> str:
        """The planes as one tensor; with `broadcast`, one plane may stand for all."""
        parts = []
        for k, (value, channels) in enumerate(planes.runs):
            x, width = self._names[value], self._width(value)
            wanted: Sequence[int] = channels
            if broadcast and len(planes.runs) == 1 and len(set(channels)) == 1:
                wanted = channels[:1]
            if tuple(wanted) != tuple(range(width)):
                order = self._constant(f"{name}/order{k}", np.array(wanted, np.int64))
                x = self._add("Gather", [x, order], f"{name}/planes{k}", axis=1)
            parts.append(x)
        return parts[0] if len(parts) == 1 else self._add("Concat", parts, f"{name}/planes", axis=1)

    def _width(self, value: int) -> int:
        graph = self._net.source.graph
        return {0: graph.channels, **{op.value: op.channels for op in graph.ops}}[value]

    def _planewise(self, name: str, numbers: torch.Tensor) -> str:
        """A constant for each channel."""
        return self._constant(name, numbers.numpy().reshape(-1, 1, 1))

    def _constant(self, name: str, array: NDArray[Any] | np.generic) -> str:
        made = numpy_helper.from_array(np.asarray(array), name)
        if self._constants.get(name) == made:  # a constant that several nodes share
            return name
        made.name = self._free(name)
        self._constants[made.name] = made
        return str(made.name)

    def _add(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        result = self._free(f"{name}:{kind}")
        self._nodes.append(helper.make_node(kind, inputs, [result], name=result, **attributes))
        return result

    def _free(self, name: str) -> str:
        """`name`, or where it is taken one like it."""
        count, free = 2, name
        while free in self._taken:
            count, free = count + 1, f"{name}.{count}"
        self._taken.add(free)
        return free
