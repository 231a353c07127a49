"""Files that `pocketsr export` wrote, each in its own runtime: uint8 samples in and out, whatever the file takes.

What a runtime gives is no more exact than the file is: it may be some levels off (`_worker`).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from pocketsr.bench.peers import FILES
from pocketsr.bench.peers._task import Candidates, Frame, Run, Task, from_float, to_float

__all__ = ["candidates", "version"]


def version(path: Path) -> str:
    """Of the runtime that runs `path`."""
    return metadata.version(FILES[path.suffix].package)


def candidates(task: Task) -> Candidates:
    """The file at its settings; more than one where a runtime has such as matter."""
    assert task.file is not None
    yield from _RUNTIMES[task.file.suffix](task, task.file)


def _must_fit(task: Task, height: int, width: int) -> None:
    if (height, width) != task.y.shape:
        raise ValueError(f"the file is for pictures of {width}x{height}: measure it with --size {width}x{height}")


def _litert(task: Task, path: Path) -> Candidates:
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(model_content=path.read_bytes(), num_threads=task.threads)
    net.allocate_tensors()
    source, sink = net.get_input_details()[0], net.get_output_details()[0]
    _must_fit(task, *source["shape"][1:3])
    into, out_of = to_float(task), from_float(task)
    whole = source["dtype"] is np.int8

    def run() -> Frame:
        given = (task.y ^ 128).view(np.int8) if whole else into()
        net.set_tensor(source["index"], given.reshape(source["shape"]))
        net.invoke()
        made = net.get_tensor(sink["index"])
        return made[0, ..., 0].view(np.uint8) ^ 128 if whole else out_of(made[..., 0][None])

    yield f"XNNPACK, {'int8' if whole else 'float32'}", run


def _ncnn(task: Task, path: Path) -> Candidates:
    import ncnn

    for winograd in (True, False):
        net = ncnn.Net()
        net.opt.num_threads, net.opt.use_winograd_convolution = task.threads, winograd
        net.load_param(str(path))
        net.load_model(str(path.with_suffix(".bin")))
        into, out_of = to_float(task), from_float(task)
        # The loop's own network: ncnn's memory is gone with its last name
        yield f"Winograd {'on' if winograd else 'off'}", _ncnn_run(net, into, out_of)


def _ncnn_run(net: Any, into: Callable[[], Any], out_of: Callable[[Any], Frame]) -> Run:
    import ncnn

    def run() -> Frame:
        plane = into()[0]  # kept by name: ncnn reads its memory, not a copy
        extractor = net.create_extractor()
        extractor.input("picture", ncnn.Mat(plane))
        _, made = extractor.extract("enlarged")
        return out_of(np.asarray(made)[None])

    return run


def _mnn(task: Task, path: Path) -> Candidates:
    from pocketsr.bench.peers._mnn import session_run

    config = {"backend": "CPU", "precision": "high", "numThread": task.threads}
    yield "session, high precision", session_run(str(path), ("picture", "enlarged"), config, task, sized=False)


def _executorch(task: Task, path: Path) -> Candidates:
    import torch
    from executorch.extension.pybindings import portable_lib

    portable_lib._unsafe_reset_threadpool(task.threads)
    program = portable_lib._load_for_executorch(str(path))
    _must_fit(task, *program.method_meta("forward").input_tensor_meta(0).sizes()[2:])
    into, out_of = to_float(task), from_float(task)
    yield "XNNPACK", lambda: out_of(program.forward([torch.from_numpy(into())])[0].numpy())


def _onnxruntime(task: Task, path: Path) -> Candidates:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = task.threads, 1
    # Else products of uint8 and int8 saturate where a processor has no VNNI, and results are wrong
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(path.read_bytes(), options, ["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    if source.type != "tensor(uint8)":
        raise ValueError("it takes no 8-bit samples: files of export qnn, snpe and neuropilot do; name others by -m")
    _must_fit(task, *source.shape[2:])
    frame = np.ascontiguousarray(task.y[None, None])
    yield "CPU, uint8 in the graph", lambda: session.run(None, {source.name: frame})[0][0, 0]


_RUNTIMES: dict[str, Callable[[Task, Path], Candidates]] = {
    ".tflite": _litert,
    ".param": _ncnn,
    ".mnn": _mnn,
    ".pte": _executorch,
    ".onnx": _onnxruntime,
}
