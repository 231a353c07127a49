"""What every runtime gets, and uint8 around a float network: nodes in its graph, or NumPy outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Candidates", "Frame", "Run", "Task", "fixed_model", "from_float", "picture_of", "to_float"]

Frame: TypeAlias = NDArray[np.uint8]  # H W
Run: TypeAlias = Callable[[], Frame]
Candidates: TypeAlias = Iterator[tuple[str, Run]]  # settings in words, and what upscales the picture once


@dataclass(frozen=True)
class Task:
    """Upscale `y` (H, W) by the ONNX file `model`, with values from 0 to `max_value`, on `threads` threads; or by
    `file`, which was exported from it."""

    model: Path
    y: Frame
    threads: int
    max_value: float
    file: Path | None = None


def picture_of(path: Path) -> tuple[Any, Any]:
    """The ONNX model in `path`, read and checked as the engine does, and which of its inputs is the picture: in old
    files constants are inputs too. A network that is told strengths becomes what it is at its default one. Raises
    UserError."""
    from pocketsr.engine.onnx.checked import image_input, read_model
    from pocketsr.engine.onnx.told import at_strength

    model = at_strength(read_model(path))
    name, _, _ = image_input(str(path), model.graph)
    return model, next(value for value in model.graph.input if value.name == name)


def fixed_model(task: Task, uint8: bool) -> Any:
    """The ONNX model with its input fixed to (1, 1, H, W), so that every runtime can plan ahead.

    With `uint8`, its input and output are uint8: Cast and Mul before; Mul, Round, Clip and Cast after.
    """
    import onnx
    from onnx import helper, numpy_helper

    proto, source = picture_of(task.model)
    graph = proto.graph
    sink = graph.output[0]
    shape = [1, 1, *task.y.shape]
    if not uint8:
        source.CopyFrom(helper.make_tensor_value_info(source.name, onnx.TensorProto.FLOAT, shape))
        return proto
    constants = {"u8_down": task.max_value / 255, "u8_up": 255 / task.max_value, "u8_0": 0.0, "u8_255": 255.0}
    graph.initializer.extend(numpy_helper.from_array(np.array(v, np.float32), k) for k, v in constants.items())
    before = [
        helper.make_node("Cast", ["u8_in"], ["u8_in_float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["u8_in_float", "u8_down"], [source.name]),
    ]
    after = [
        helper.make_node("Mul", [sink.name, "u8_up"], ["u8_scaled"]),
        helper.make_node("Round", ["u8_scaled"], ["u8_rounded"]),
        helper.make_node("Clip", ["u8_rounded", "u8_0", "u8_255"], ["u8_clipped"]),
        helper.make_node("Cast", ["u8_clipped"], ["u8_out"], to=onnx.TensorProto.UINT8),
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    source.CopyFrom(helper.make_tensor_value_info("u8_in", onnx.TensorProto.UINT8, shape))
    sink.CopyFrom(helper.make_tensor_value_info("u8_out", onnx.TensorProto.UINT8, [1, 1, None, None]))
    return proto


def to_float(task: Task) -> Callable[[], NDArray[np.float32]]:
    """A function that converts the picture to float32 (1, 1, H, W) in 0..max_value, in a buffer that it keeps."""
    plane = np.empty((1, 1, *task.y.shape), np.float32)

    def convert() -> NDArray[np.float32]:
        np.multiply(task.y, np.float32(task.max_value / 255), out=plane[0, 0])
        return plane

    return convert


def from_float(task: Task) -> Callable[[NDArray[np.float32]], Frame]:
    """A function that converts float32 (1, 1, H, W) in 0..max_value to rounded, clipped uint8 (H, W)."""
    kept: list[NDArray[np.float32]] = []

    def convert(plane: NDArray[np.float32]) -> Frame:
        if not kept:
            kept.append(np.empty(plane.shape, np.float32))
        scaled = kept[0]
        np.multiply(plane, np.float32(255 / task.max_value), out=scaled)
        np.rint(scaled, out=scaled)
        np.clip(scaled, 0, 255, out=scaled)
        out: Frame = scaled[0, 0].astype(np.uint8)
        return out

    return convert
