"""ncnn, from the ONNX file by its own converter, pnnx."""

from __future__ import annotations

import importlib.util
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import ncnn
import numpy as np
import onnx

from pocketsr.bench.peers._task import Candidates, Frame, Run, Task, fixed_model

VERSION = metadata.version("ncnn")
_SETTINGS: dict[str, dict[str, bool]] = {
    "Winograd, sgemm, packing": {},
    "sgemm, packing": {"use_winograd_convolution": False},
    "Winograd, sgemm": {"use_packing_layout": False},
}
_HALVES = ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage")


def candidates(task: Task) -> Candidates:
    """float32 weights, storage and arithmetic; Winograd and packed channels with and without."""
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(fixed_model(task, uint8=False), Path(folder, "net.onnx"))
        height, width = task.y.shape
        spec = importlib.util.find_spec("pnnx")
        assert spec is not None  # importing it would load torch
        command = [
            str(Path(str(spec.origin)).with_name("pnnx")),
            "net.onnx",
            f"inputshape=[1,1,{height},{width}]",
            "fp16=0",
        ]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        for name, changed in _SETTINGS.items():
            net = ncnn.Net()
            net.opt.num_threads = task.threads
            for half in _HALVES:
                setattr(net.opt, f"use_{half}", False)
            for option, value in changed.items():
                setattr(net.opt, option, value)
            net.load_param(f"{folder}/net.ncnn.param")
            net.load_model(f"{folder}/net.ncnn.bin")
            yield f"fp32, {name}, uint8 in by ncnn", _run(net, task)


def _run(net: Any, task: Task) -> Run:
    height, width = task.y.shape
    frame = np.ascontiguousarray(task.y)

    def run() -> Frame:
        source = ncnn.Mat.from_pixels(frame, ncnn.Mat.PixelType.PIXEL_GRAY, width, height)
        source.substract_mean_normalize([], [task.max_value / 255])
        extractor = net.create_extractor()
        extractor.input("in0", source)
        _, sink = extractor.extract("out0")
        sink.substract_mean_normalize(
            [-0.5 * task.max_value / 255], [255 / task.max_value]
        )  # astype truncates: that rounds
        scaled = np.asarray(sink)[0]
        np.clip(scaled, 0, 255.5, out=scaled)
        out: Frame = scaled.astype(np.uint8)
        return out

    return run
