"""Other runtimes that run the same ONNX file, each in a process of its own and at its best settings.

A runtime is one module here with `VERSION` and `candidates(task)`, which yields its settings one after the
other, each with a function that upscales the task's picture once. The worker process checks and times them
all and keeps the fastest right one, so that "best settings" is measured on the machine at hand and not
believed.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

__all__ = ["FILES", "PEERS", "File", "Peer"]


@dataclass(frozen=True)
class Peer:
    """A runtime that pocketsr is compared with."""

    modules: tuple[str, ...]  # that must be importable
    packages: str  # what pip installs for them

    @property
    def missing(self) -> str | None:
        """What is missing and the command that mends it, or None."""
        absent = [name for name in self.modules if importlib.util.find_spec(name) is None]
        return f"no module {', '.join(absent)}: pip install {self.packages}" if absent else None


PEERS = {
    "onnxruntime": Peer(("onnxruntime",), "onnxruntime"),
    "openvino": Peer(("openvino",), "openvino"),
    "ncnn": Peer(("ncnn", "pnnx"), "ncnn pnnx"),
    "mnn": Peer(("MNN", "_tools"), "MNN"),
    "torch": Peer(("torch",), "torch"),
}


@dataclass(frozen=True)
class File(Peer):
    """The runtime of a kind of exported file. package: what its version is read from."""

    package: str


FILES = {
    ".tflite": File(("ai_edge_litert",), "ai-edge-litert", "ai-edge-litert"),
    ".param": File(("ncnn",), "ncnn", "ncnn"),
    ".mnn": File(("MNN",), "MNN", "MNN"),
    ".pte": File(("executorch", "torch"), "'pocketsr[executorch]'", "executorch"),
    ".onnx": File(("onnxruntime",), "onnxruntime", "onnxruntime"),
}
"""By a file's suffix; of ncnn's two files the .param is named. .onnx: with 8-bit samples in and out."""
