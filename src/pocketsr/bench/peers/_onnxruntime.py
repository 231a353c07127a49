"""ONNX Runtime, CPU execution provider."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from pocketsr.bench.peers._task import Candidates, Run, Task, fixed_model, from_float, to_float

VERSION = ort.__version__


def candidates(task: Task) -> Candidates:
    """Both upper levels of optimisation (`all` pads channels to blocks of 16), uint8 inside or outside."""
    levels = ort.GraphOptimizationLevel
    for level, optimisation in (("all", levels.ORT_ENABLE_ALL), ("extended", levels.ORT_ENABLE_EXTENDED)):
        options = ort.SessionOptions()
        options.graph_optimization_level = optimisation
        options.intra_op_num_threads = task.threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        for inside in (True, False):
            model = fixed_model(task, uint8=inside).SerializeToString()
            session = ort.InferenceSession(model, options, ["CPUExecutionProvider"])
            yield (
                f"optimisations {level}, uint8 {'in the graph' if inside else 'by NumPy'}",
                _run(session, task, inside),
            )


def _run(session: ort.InferenceSession, task: Task, inside: bool) -> Run:
    name = session.get_inputs()[0].name
    if inside:
        frame = np.ascontiguousarray(task.y[None, None])
        return lambda: session.run(None, {name: frame})[0][0, 0]
    into, out_of = to_float(task), from_float(task)
    return lambda: out_of(session.run(None, {name: into()})[0])
