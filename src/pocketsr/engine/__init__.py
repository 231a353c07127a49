"""The engine: an ONNX network becomes one C file, a library, and a callable that upscales planes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pocketsr import models
from pocketsr.engine.correct import Corrector, load_correction
from pocketsr.engine.info import ModelInfo
from pocketsr.engine.onnx.limits import LIMITS
from pocketsr.engine.onnx.model_file import ModelFile, read_file
from pocketsr.engine.repeated import Same, repeated
from pocketsr.engine.reuse import Computed, Reusing, reusing
from pocketsr.engine.runtime import cache
from pocketsr.engine.runtime.edges import repeat_edges
from pocketsr.engine.runtime.network import Network
from pocketsr.engine.upscaler import Plane, Upscaler, check_told, takes_strength, told, upscaled
from pocketsr.errors import UserError
from pocketsr.names import harmless

if TYPE_CHECKING:
    from pocketsr.engine.codegen.plan import Plan
    from pocketsr.engine.codegen.target import Target
    from pocketsr.engine.ir.graph import Graph

__all__ = [
    "Computed",
    "Corrector",
    "ModelInfo",
    "Network",
    "Plane",
    "Reusing",
    "Same",
    "Siting",
    "Upscaler",
    "check_told",
    "compile_network",
    "load",
    "load_chroma",
    "load_correction",
    "read_network",
    "repeat_edges",
    "repeated",
    "reusing",
    "takes_strength",
    "told",
    "upscaled",
]

Siting = Literal["left", "center", "topleft"]
"""Where chroma samples lie: "left" is cosited in x and centred in y, "topleft" is cosited in both."""


def read_network(source: Path | ModelFile) -> tuple[Graph, ModelInfo]:
    """The simplified graph of an ONNX file, and what is known about it. Raises UserError (see `importer`)."""
    from dataclasses import replace

    from pocketsr.engine.analysis.count import count
    from pocketsr.engine.ir.reference import guess_max_value
    from pocketsr.engine.onnx.importer import from_onnx
    from pocketsr.engine.onnx.limits import finite
    from pocketsr.engine.passes.simplify import simplify

    file = read_file(source)
    imported = from_onnx(file)
    graph = simplify(imported.graph)
    for op in graph.ops:  # once more, since scales were folded into weights
        if reason := finite(op):
            raise UserError(f"{file.path}: node '{harmless(op.name)}': {reason}")
    if not imported.max_value_known:
        graph = replace(graph, max_value=guess_max_value(graph))
    cost = count(file)  # its receptive field and halo are known: the importer refuses what depends on the whole picture
    return graph, ModelInfo.of_graph(
        graph,
        params=cost.params,
        macs_per_pixel=cost.macs_per_pixel,
        receptive_field=cost.receptive_field or 0,
        halo=cost.halo or 0,
    )


def compile_network(path: Path, folder: Path, target: Target) -> tuple[Plan, Path]:
    """Write NAME.c, NAME.h and the library for `target` into `folder`; returns the plan and the library's path."""
    graph, _ = read_network(path)
    return _compile(graph, folder, target)


def _compile(graph: Graph, folder: Path, target: Target) -> tuple[Plan, Path]:
    from pocketsr.engine.codegen.emit import emit
    from pocketsr.engine.codegen.emit_entries import emit_header, exports
    from pocketsr.engine.codegen.plan import make_plan
    from pocketsr.engine.runtime.build import build_library, library_suffix

    plan = make_plan(graph, target)
    source = emit(plan)
    (folder / f"{graph.name}.c").write_text(source)
    (folder / f"{graph.name}.h").write_text(emit_header(plan))
    library = folder / f"{graph.name}{library_suffix(target)}"
    build_library(source, library, target, exports(plan))
    return plan, library


def _network(content: bytes, read: Callable[[], tuple[Graph, ModelInfo]], threads: int | None) -> Network:
    """The network of `content`, from the cache or compiled for this machine from what `read` gives."""

    def make(folder: Path) -> cache.Entry:
        from pocketsr.engine.codegen.target import host_target

        graph, info = read()
        _, library = _compile(graph, folder, host_target())
        return library, info.to_json()

    def use(entry: cache.Entry) -> Network:
        library, info = entry
        return Network(library, ModelInfo.from_json(info), threads)

    return cache.entry_for(content, make, use)


def load(
    model: str | Path | ModelFile = "small",
    threads: int | None = None,
    *,
    check: Callable[[ModelFile], None] | None = None,
) -> Network:
    """A shipped network by name, or any ONNX file, compiled for this machine (the first time) and ready to run.

    threads: default, all cores that this process may use.
    check: is shown the file before it is compiled, and may refuse it with a UserError; what is cached passed it once.
    Raises UserError for an unknown name, a missing or unreadable file, or a network that the engine can't run.
    """
    file = model if isinstance(model, ModelFile) else read_file(models.resolve(model))

    def read() -> tuple[Graph, ModelInfo]:
        if check is not None:
            check(file)
        return read_network(file)

    network = _network(file.key() + file.path.stem.encode(), read, threads)
    network.digest = hashlib.sha256(file.content).digest()
    return network


def load_chroma(scale: int = models.DEFAULT_SCALE, siting: Siting = "center", threads: int | None = None) -> Network:
    """Bicubic upsampling (a = -0.5) of a chroma plane whose samples lie where `siting` says.

    center: between the luma samples (JPEG, MPEG-1), also for planes that are not subsampled. left: on every other
    luma column (MPEG-2, H.264's default). topleft: on luma columns and rows (BT.2020).
    Raises UserError for a scale that no network has: its C would have scale^2 planes.
    """
    if not 1 <= scale <= LIMITS["scale"]:
        raise UserError(f"chroma {scale} times as large: 1 to {LIMITS['scale']} is expected")

    def read() -> tuple[Graph, ModelInfo]:
        from pocketsr.engine.resample import chroma_graph

        graph = chroma_graph(scale, siting)
        return graph, ModelInfo.of_graph(graph, receptive_field=5, halo=2)  # as `bicubic`

    return _network(f"chroma {scale} {siting}".encode(), read, threads)
