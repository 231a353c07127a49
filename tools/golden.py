"""The C that the engine emits for two small networks, kept in tests/engine/golden: `python tools/golden.py`.

So a change of the emitter shows in a diff, as C. Both networks are made here, with weights that are simple fractions,
and are planned for x86-64 with AVX2, whatever machine this runs on. Writes NAME.c and NAME.h anew; a test compares.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pocketsr.engine import read_network
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.emit_entries import emit_header
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import cross_target

__all__ = ["GOLDEN", "golden"]

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "engine" / "golden"
TARGET = "x86_64-linux-gnu"
CHANNELS = 4  # of the layers in the middle
_STEP = 1 / 64  # of stored planes in w8a8
_PICTURE_STEP = 1 / 4080  # an 8-bit sample is 16 times an integer


def _weights(*shape: int, top: int) -> NDArray[np.int64]:
    """Integers from -top to top, none of them by chance."""
    return (np.arange(np.prod(shape)) * 37 % (2 * top + 1) - top).reshape(shape)


class _Network:
    """Nodes and constants of one graph, each tensor named by its place."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        result = f"t{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(kind, list(inputs), [result], name=f"{kind}{len(self._nodes)}", **attributes)
        )
        return result

    def constant(self, values: object, dtype: type = np.float32) -> str:
        name = f"k{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def repeat_edges(self, x: str) -> str:
        return self.op("Pad", x, self.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), mode="edge")

    def prelu(self, x: str) -> str:
        return self.op("PRelu", x, self.constant(np.arange(CHANNELS).reshape(CHANNELS, 1, 1) / 8))

    def file(self, x: str, folder: Path, name: str) -> Path:
        """Add the picture, move channels to pixels, and write the network."""
        out = self.op("DepthToSpace", self.op("Add", x, "luma"), blocksize=2, mode="CRD")
        sides = [helper.make_tensor_value_info(end, TensorProto.FLOAT, [1, 1, None, None]) for end in ("luma", out)]
        graph = helper.make_graph(self._nodes, name, sides[:1], sides[1:], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        helper.set_model_props(model, {"pocketsr.value_range": "1"})
        onnx.checker.check_model(model)
        onnx.save(model, folder / f"{name}.onnx")
        return folder / f"{name}.onnx"


_SHAPES = ((CHANNELS, 1, 3, 3), (CHANNELS, CHANNELS, 3, 3), (4, CHANNELS, 3, 3))


def _floats(folder: Path) -> Path:
    """Three convolutions of 3x3, PReLU between them: the shape of `tiny`."""
    net, x = _Network(), "luma"
    for number, shape in enumerate(_SHAPES):
        weight = net.constant(_weights(*shape, top=9) / 32)
        x = net.op("Conv", net.repeat_edges(x), weight, net.constant(np.arange(shape[0]) / 64))
        x = x if number == len(_SHAPES) - 1 else net.prelu(x)
    return net.file(x, folder, "golden_fp32")


def _bytes(folder: Path) -> Path:
    """The same shape in w8a8, as `pocketsr quantize` writes it."""
    net = _Network()

    def stored(x: str, step: float, zero: int, kind: type) -> str:
        pair = net.constant(step), net.constant(zero, kind)
        return net.op("DequantizeLinear", net.op("QuantizeLinear", x, *pair), *pair)

    def weights_of(values: NDArray[np.int64], steps: Sequence[float], kind: type) -> str:
        return net.op("DequantizeLinear", net.constant(values, kind), net.constant(steps), axis=0)

    x, step = stored("luma", _PICTURE_STEP, 0, np.uint16), _PICTURE_STEP
    for number, shape in enumerate(_SHAPES):
        steps = [2.0 ** -(8 + channel % 2) for channel in range(shape[0])]
        weight = weights_of(_weights(*shape, top=127), steps, np.int8)
        bias = weights_of(_weights(shape[0], top=99), [step * each for each in steps], np.int32)
        x = net.op("Conv", net.repeat_edges(x), weight, bias)
        if number < len(_SHAPES) - 1:
            x, step = stored(net.prelu(x), _STEP, 60, np.uint8), _STEP
    return net.file(x, folder, "golden_w8a8")


def golden() -> dict[str, str]:
    """The C and the header of each network, by the name of the file."""
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for network in (_floats(Path(folder)), _bytes(Path(folder))):
            plan = make_plan(read_network(network)[0], cross_target(TARGET))
            made[f"{network.stem}.c"] = emit(plan)
            made[f"{network.stem}.h"] = emit_header(plan)
    return made


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, text in golden().items():
        (GOLDEN / name).write_text(text)
