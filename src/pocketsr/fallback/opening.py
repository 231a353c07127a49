"""An ONNX file by the engine where it takes it, else by ONNX Runtime."""

from __future__ import annotations

import importlib.util
from math import prod
from pathlib import Path

from pocketsr import models
from pocketsr.engine import Upscaler, load
from pocketsr.engine.onnx.model_file import ModelFile, read_file
from pocketsr.errors import UserError
from pocketsr.fallback.tiled import TiledUpscaler
from pocketsr.names import harmless

__all__ = ["by_engine", "has_onnxruntime", "open_file", "why"]

_MOST_WEIGHTS = 2_000_000
"""Compiling 1.2 million takes half a minute. Recursions are unrolled: DRCN's 1.8 million would become 20."""


def has_onnxruntime() -> bool:
    return importlib.util.find_spec("onnxruntime") is not None


def why(name: str, runtime: str, reason: str) -> str:
    """The line that says what runs a network, if not the engine, and why."""
    return f"{name} runs through {runtime}, not in the engine: {reason}"


def by_engine(source: Path | ModelFile, threads: int | None = None) -> Upscaler | str:
    """The ONNX network in `source` in the engine, or why not. Raises UserError where nothing could run it."""
    file = read_file(source)
    try:
        return load(file, threads=threads, check=_refuse_slow)
    except UserError as error:
        from pocketsr.engine.onnx.checked import read_model  # not at the top: a cached network needs no onnx

        read_model(file)  # raises where the file is broken for everybody
        return str(error).removeprefix(f"{file.path}: ")


def _refuse_slow(file: ModelFile) -> None:
    from pocketsr.engine.onnx.checked import read_model

    graph = read_model(file).graph
    sizes = {init.name: prod(init.dims) for init in graph.initializer}
    weights = sum(sizes.get(name, 0) for node in graph.node if node.op_type == "Conv" for name in node.input[1:2])
    if weights > _MOST_WEIGHTS:
        raise UserError(f"{weights / 1e6:.1f} million weights, counted at each use, would take minutes to compile")


def open_file(model: str | Path, threads: int | None = None) -> tuple[Upscaler, str | None]:
    """A shipped network by name, or any ONNX file, and a line that says what runs it if that isn't the engine.

    Raises UserError for an unknown name, a missing or broken file, or a network that nothing here can run.
    """
    path = models.resolve(model)
    if str(model) in models.NAMES:
        return load(path, threads=threads), None
    file = read_file(path)
    found = by_engine(file, threads)
    if not isinstance(found, str):
        return found, None
    if not has_onnxruntime():
        raise UserError(f"{path}: {found}; ONNX Runtime may run it: pip install onnxruntime")
    from pocketsr.fallback.session import Session

    session = Session(file, threads)
    return TiledUpscaler(session, session.field()), why(harmless(path.name), "ONNX Runtime", found)
