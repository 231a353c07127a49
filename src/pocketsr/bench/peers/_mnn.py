"""MNN, from the ONNX file by the converter in its wheel.

The converter is called in process. The `mnnconvert` command is the same and more: it pip-installs a logging
package, and with it a protobuf that onnx refuses, into the running environment, and reports to a server.
"""

from __future__ import annotations

import importlib
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import MNN
import numpy as np
import onnx

from pocketsr.bench.peers._task import Candidates, Frame, Run, Task, fixed_model, from_float, to_float

VERSION = metadata.version("MNN")


def candidates(task: Task) -> Candidates:
    """High precision (float32); the session with uint8 by NumPy, the module with uint8 inside and outside."""
    config = {
        "backend": "CPU",
        "precision": "high",
        "power": "high",
        "memory": "high",
        "numThread": task.threads,
    }
    with tempfile.TemporaryDirectory() as folder:
        for inside in (False, True):
            proto = fixed_model(task, uint8=inside)
            onnx.save(proto, Path(folder, "net.onnx"))
            path = str(Path(folder, f"net{inside:d}.mnn"))
            options = {
                "-f": "ONNX",
                "--modelFile": f"{folder}/net.onnx",
                "--MNNModel": path,
                "--bizCode": "pocketsr",
            }
            importlib.import_module("_tools").mnnconvert(
                ["mnnconvert", *(word for pair in options.items() for word in pair)]
            )
            names = proto.graph.input[0].name, proto.graph.output[0].name
            if not inside:  # inside, the session's first rows come out wrong in 3.6.1
                yield "session, high precision, uint8 by NumPy", session_run(path, names, config, task)
            where = "in the graph" if inside else "by NumPy"
            yield f"module, high precision, uint8 {where}", _module(path, names, config, task, inside)


def _module(path: str, names: tuple[str, str], config: dict[str, Any], task: Task, inside: bool) -> Run:
    manager = MNN.nn.create_runtime_manager((config,))
    net = MNN.nn.load_module_from_file(path, [names[0]], [names[1]], runtime_manager=manager, shape_mutable=False)
    into, out_of = to_float(task), from_float(task)
    kind = MNN.expr.uint8 if inside else MNN.expr.float
    source = MNN.expr.placeholder([1, 1, *task.y.shape], MNN.expr.NCHW, kind)
    frame = np.ascontiguousarray(task.y[None, None])

    def run() -> Frame:
        source.write(frame if inside else into())
        sink = net.forward(source)
        if sink.data_format == MNN.expr.NC4HW4:
            sink = MNN.expr.convert(sink, MNN.expr.NCHW)
        out = sink.read()
        return out[0, 0] if inside else out_of(out)

    return run


def session_run(path: str, names: tuple[str, str], config: dict[str, Any], task: Task, *, sized: bool = True) -> Run:
    """names: of input and output. sized: whether the file says the size of its input; else it gets the picture's."""
    net = MNN.Interpreter(path)
    session = net.createSession(config)
    source = net.getSessionInput(session, names[0])
    if not sized:
        net.resizeTensor(source, (1, 1, *task.y.shape))
        net.resizeSession(session)
    sink = net.getSessionOutput(session, names[1])
    into, out_of = to_float(task), from_float(task)
    kind, layout = MNN.Halide_Type_Float, MNN.Tensor_DimensionType_Caffe

    def run() -> Frame:
        plane = into()
        source.copyFrom(MNN.Tensor(plane.shape, kind, plane, layout))
        net.runSession(session)
        held = MNN.Tensor(sink.getShape(), kind, np.empty(sink.getShape(), np.float32), layout)
        sink.copyToHostTensor(held)
        return out_of(held.getNumpyData())

    return run
