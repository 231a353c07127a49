"""A network for another runtime: one file a target, each from the ONNX file that the engine reads.

A target is a module with `export(model, folder, **options) -> Report`, with its options' names in `OPTIONS`, and a
line here. What it writes appears in the folder whole or not at all, a report beside it.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Protocol, cast

from pocketsr.errors import ArgumentError, UserError, did_you_mean
from pocketsr.export.report import Operator, Report

__all__ = ["TARGETS", "Operator", "Report", "export"]

TARGETS: dict[str, str] = {
    "litert": "LiteRT (TensorFlow Lite): one .tflite file for pictures of one size",
    "ncnn": "ncnn: .param and .bin, for pictures of any size",
    "coreml": "Core ML: an .mlpackage, an image in and an image out",
    "mnn": "MNN: an .mnn file, for pictures of any size",
    "executorch": "ExecuTorch: a .pte file for pictures of one size, in one piece for XNNPACK",
    "qnn": "Qualcomm AI Engine Direct (QNN): ONNX in 8 bits, and commands for its tools",
    "snpe": "Qualcomm Neural Processing SDK (SNPE): ONNX in 8 bits, and commands for its tools",
    "neuropilot": "MediaTek NeuroPilot: ONNX in 8 bits, and commands for its tools",
    "wasm": "WebAssembly: a module for browsers and Node, and its loader",
    "c": "C, a header for C and C++, and libraries for one kind of processor or several",
    "android": "Android: an AAR with Java classes and C for three kinds of processors, and a sample app",
    "ios": "iOS and macOS: a Swift package and an xcframework, made without Xcode",
}
"""What each target is, in a line; its module has the same name."""

_EXTRAS = {
    "ai_edge_litert": "litert",
    "flatbuffers": "litert",
    "coremltools": "coreml",
    "ncnn": "ncnn",
    "MNN": "mnn",
    "executorch": "executorch",
}


class _Target(Protocol):
    OPTIONS: frozenset[str]

    def export(self, model: str | Path, folder: Path, **options: Any) -> Report: ...


def export(target: str, model: str | Path, folder: Path, **options: Any) -> Report:
    """Write `model`, a shipped network's name or an ONNX file, for `target` into `folder`; None options are left out.

    Raises ArgumentError for an unknown target and for options that it doesn't take, and UserError for a network that
    the target has no form for, for a missing package, and for a folder that can't be written.
    """
    if target not in TARGETS:
        close = did_you_mean(target, list(TARGETS))
        raise ArgumentError(f"unknown target '{target}': choose one of {', '.join(TARGETS)}{close and '; ' + close}")
    try:
        module = cast(_Target, importlib.import_module(f"pocketsr.export.{target}"))
        given = {name: value for name, value in options.items() if value is not None}
        if unknown := sorted(given.keys() - module.OPTIONS):
            known = ", ".join(f"--{name}" for name in sorted(module.OPTIONS)) or "none"
            raise ArgumentError(f"--{unknown[0]} says nothing to {target}, whose options are: {known}")
        return module.export(model, folder, **given)
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in _EXTRAS:
            raise
        raise UserError(f"export {target} needs {package}: pip install 'pocketsr[{_EXTRAS[package]}]'") from error
