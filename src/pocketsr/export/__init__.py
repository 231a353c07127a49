"""A network for another runtime: one file a target, each from the ONNX file that the engine reads.

A target is a module with `export(model, folder, **options) -> Report`, with its options' names in `OPTIONS`, and a
line here. What it writes appears in the folder whole or not at all, a report beside it.
"""

from __future__ import annotations

from pocketsr.export.report import Operator, Report

__all__ = ["TARGETS", "Operator", "Report"]

TARGETS: dict[str, str] = {
    "wasm": "WebAssembly: a module for browsers and Node, its loader, and what they need to know",
}
"""What each target is, in a line; its module has the same name."""
