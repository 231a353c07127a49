"""Networks for other runtimes and machines: one file a target, each with `export(model, folder, **options)`."""

from __future__ import annotations

from pocketsr.export.report import Made, Report

__all__ = ["TARGETS", "Made", "Report"]

TARGETS: dict[str, str] = {
    "wasm": "pocketsr.export.wasm",
}
"""The module of each target."""
