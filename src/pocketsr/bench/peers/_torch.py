"""PyTorch: the ONNX graph as a module; compiled by inductor, frozen for oneDNN, or eager."""

# Type-checked alike with PyTorch installed or not.
# mypy: allow-subclassing-any, allow-untyped-calls, no-warn-return-any
# mypy: disable-error-code="import-not-found, call-overload"

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from pocketsr.bench.peers._task import Candidates, Frame, Run, Task, picture_of

VERSION = torch.__version__


def candidates(task: Task) -> Candidates:
    """Both memory layouts, eager and under both compilers, uint8 conversions compiled with the network.

    Inductor writes C++ and needs a compiler for it: without one it is left out.
    """
    torch.set_num_threads(task.threads)
    torch.set_grad_enabled(False)
    frame = torch.from_numpy(np.ascontiguousarray(task.y))[None, None]
    for layout in (torch.contiguous_format, torch.channels_last):
        net = _Uint8(_Graph(*picture_of(task.model)), task.max_value).eval().to(memory_format=layout)
        source, name = frame.contiguous(memory_format=layout), str(layout).removeprefix("torch.")
        yield f"eager, {name}", _run(net, source)
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, source)))
        yield f"jit, frozen, {name}", _run(frozen, source)
        if shutil.which("g++") or shutil.which("clang++"):
            with torch._inductor.config.patch(freezing=True):
                compiled = torch.compile(net, dynamic=False)
                compiled(source)  # compiles here, under this setting
            yield f"inductor, frozen, {name}", _run(compiled, source)


def _run(net: Callable[[Tensor], Tensor], source: Tensor) -> Run:
    def run() -> Frame:
        return net(source)[0, 0].numpy()

    return run


class _Uint8(nn.Module):
    """uint8 in and out around a network in 0..max_value."""

    def __init__(self, net: nn.Module, max_value: float) -> None:
        super().__init__()
        self.net = net
        self.max_value = max_value

    def forward(self, y: Tensor) -> Tensor:
        plane: Tensor = self.net(y.float() * (self.max_value / 255))
        return (plane * (255 / self.max_value)).round().clamp(0, 255).to(torch.uint8)


class _Graph(nn.Module):
    """An ONNX graph, node by node. Raises NotImplementedError for an op that it does not know."""

    def __init__(self, proto: onnx.ModelProto, picture: onnx.ValueInfoProto) -> None:
        super().__init__()
        graph = proto.graph
        self.keys: dict[str, str] = {}
        tensors = {tensor.name: tensor for tensor in graph.initializer}
        tensors |= {node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == "Constant"}
        constants = {name: numpy_helper.to_array(tensor) for name, tensor in tensors.items()}
        for name, array in constants.items():
            self.register_buffer(self._key(name), torch.from_numpy(array.copy()))
        self.steps = [
            (_op(node, constants), [self._key(n) for n in node.input], self._key(node.output[0]))
            for node in graph.node
            if node.op_type != "Constant"
        ]
        self.source, self.sink = self._key(picture.name), self._key(graph.output[0].name)

    def _key(self, name: str) -> str:
        return self.keys.setdefault(name, f"value{len(self.keys)}")  # a buffer's name may hold no dot

    def forward(self, x: Tensor) -> Tensor:
        values = {self.source: x}
        for op, names, result in self.steps:
            values[result] = op(*(values[name] if name in values else getattr(self, name) for name in names))
        return values[self.sink]


def _op(node: onnx.NodeProto, constants: dict[str, NDArray[Any]]) -> Callable[..., Tensor]:
    given: dict[str, Any] = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Conv" and not given.get("auto_pad"):
        pads, groups = given.get("pads", [0, 0, 0, 0]), given.get("group", 1)
        return lambda x, w, b=None: functional.conv2d(x, w, b, padding=(pads[0], pads[1]), groups=groups)
    if node.op_type == "DepthToSpace" and given.get("mode") == b"CRD":
        return lambda x: functional.pixel_shuffle(x, given["blocksize"])
    if node.op_type == "Pad" and given.get("mode") == b"edge":
        top, left, bottom, right = (int(constants[node.input[1]][i]) for i in (2, 3, 6, 7))
        return lambda x, _: functional.pad(x, (left, right, top, bottom), mode="replicate")
    if node.op_type == "Gather":
        return lambda x, index: torch.index_select(x, given["axis"], index)
    if node.op_type == "PRelu":
        return lambda x, slope: functional.prelu(x, slope.flatten())
    if node.op_type == "LeakyRelu":
        return lambda x: functional.leaky_relu(x, given.get("alpha", 0.01))
    if node.op_type == "Concat":
        return lambda *x: torch.cat(x, given["axis"])
    simple: dict[str, Callable[..., Tensor]] = {
        "Relu": functional.relu,
        "Clip": torch.clamp,
        "Add": torch.add,
        "Sub": torch.sub,
        "Mul": torch.mul,
    }
    if node.op_type not in simple:
        raise NotImplementedError(
            f"node '{node.name or node.output[0]}': {node.op_type} has no translation to PyTorch here"
        )
    return simple[node.op_type]
