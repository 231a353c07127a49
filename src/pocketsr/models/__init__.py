"""The networks that ship with pocketsr, and how a name becomes a file."""

from __future__ import annotations

from pathlib import Path

from pocketsr.errors import UserError

__all__ = ["SHIPPED", "resolve"]

_HERE = Path(__file__).parent
SHIPPED: tuple[str, ...] = ("bicubic", "tiny", "small", "small-w8a8", "medium", "tiny-call", "small-call")


def resolve(model: str | Path) -> Path:
    """The ONNX file that `model` names: a shipped name, or the path of a file.

    Raises UserError for an unknown name or a missing file.
    """
    if str(model) in SHIPPED:
        return _HERE / f"{model}.onnx"
    path = Path(model)
    if path.suffix.lower() != ".onnx":
        raise UserError(f"unknown model '{model}': choose one of {', '.join(SHIPPED)}, or give an .onnx file")
    if not path.is_file():
        raise UserError(f"no such model file: {path}")
    return path
