"""OpenVINO, CPU device."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov

from pocketsr.bench.peers._task import Candidates, Frame, Run, Task, fixed_model, from_float, to_float

VERSION = ov.__version__.split("-")[0]


def candidates(task: Task) -> Candidates:
    """The latency hint, one stream, static shapes; uint8 inside or outside.

    The precision is held at float32: on a machine with AVX512_BF16, OpenVINO would else compute in bfloat16.
    """
    core = ov.Core()
    config: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": task.threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    for inside in (True, False):
        model = core.read_model(fixed_model(task, uint8=inside).SerializeToString())
        request = core.compile_model(model, "CPU", config).create_infer_request()
        yield (
            f"latency hint, f32, uint8 {'in the graph' if inside else 'by NumPy'}",
            _run(request, task, inside),
        )


def _run(request: Any, task: Task, inside: bool) -> Run:
    into, out_of = to_float(task), from_float(task)
    source = np.ascontiguousarray(task.y[None, None]) if inside else into()
    request.set_input_tensor(ov.Tensor(source, shared_memory=True))

    def run() -> Frame:
        if not inside:
            into()
        request.infer()
        out = request.get_output_tensor().data
        return out[0, 0] if inside else out_of(out)

    return run
