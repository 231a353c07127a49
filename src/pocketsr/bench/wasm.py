"""How fast networks run as WebAssembly, beside the native library and onnxruntime-web, in Node and in Chromium.

Everything runs on one thread, on one picture, a round of frames each in turn: drifts of the machine meet all alike, so
ratios hold. Native and Node's times are processor time of the thread, which other programs don't disturb; a page has
no such clock, so Chromium's are wall times, and are compared with each other only.
"""

from __future__ import annotations

import gzip
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pocketsr import models
from pocketsr.bench.machine import describe_machine
from pocketsr.bench.peers._task import Task, fixed_model
from pocketsr.bench.speed import picture_for
from pocketsr.bench.wasm_hosts import HostError, in_chromium, in_node
from pocketsr.engine import load, read_network
from pocketsr.errors import UserError
from pocketsr.names import harmless

__all__ = ["measure_wasm"]

Exporter: TypeAlias = Callable[[str, Path], str]
"""Writes a network's modules and loader into a folder, and returns the name of its files: `export.wasm`, a room above.
"""

_PARTS = ("wasm_rounds.js", "wasm_node.js", "wasm_page.html")
_ORT_FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


@dataclass(frozen=True)
class _Job:
    """A network's folder, in which everything lies that Node and the page read."""

    folder: Path
    name: str
    expected: NDArray[np.uint8]  # the native result
    gzip_bytes: dict[str, int]


def measure_wasm(
    export: Exporter,
    names: Sequence[str] = ("tiny", "small"),
    size: tuple[int, int] = (640, 360),
    rounds: int = 10,
    frames: int = 5,
    node: str | None = None,
    node_modules: Path | None = None,
    chromium: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Time the luma networks `names` on a picture of `size` (width, height), uint8 in and out, on one thread.

    export: writes the modules. node, chromium: the programs; default: those on the PATH; chromium "none": without it.
    node_modules: a folder in which onnxruntime-web is installed; None leaves it out.
    Returns {"machine", "size", "rows", "absent"}. A row: {"model", "runtime", "host", "threads", "clock", "median_ms",
    "least_ms", "equal_bits", "differing_share", "max_levels", "bytes_gzip", "settings", "version", "host_version"};
    equal_bits and what follows compare with the native result. "absent" names what could not take part, and why.
    Raises UserError for a network that isn't luma, and where Node is missing.
    """
    if rounds < 1 or min(size) < 1:
        raise UserError(f"{rounds} rounds of {size[0]}x{size[1]} pixels: at least 1 round and 1 pixel are expected")
    node, chromium = node or shutil.which("node"), chromium or shutil.which("chromium")
    if node is None:
        raise UserError("bench wasm needs Node: install it, or name it with --node")
    absent: list[dict[str, str]] = []
    if chromium == "none":
        chromium = None
    elif chromium is None:
        absent.append({"runtime": "pocketsr-wasm", "host": "chromium", "reason": "chromium is not installed"})
    if node_modules is None or not (node_modules / "onnxruntime-web").is_dir():
        why = "name the folder that holds it with --node-modules (npm install onnxruntime-web)"
        absent.append({"runtime": "onnxruntime-web", "host": "node", "reason": why})
        node_modules = None
    tell = progress or (lambda _: None)
    rows: list[dict[str, Any]] = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            tell(f"{name}: is exported")
            job = _prepare(export, name, size, Path(folder), node_modules, rounds, frames)
            rows += _in_turns(job, node, rounds, frames, absent, tell)
            if chromium is not None:
                tell(f"{name}: chromium")
                rows += _in_page(job, chromium, absent)
    return {"machine": describe_machine(), "size": list(size), "rows": rows, "absent": absent}


def _prepare(
    export: Exporter,
    model: str,
    size: tuple[int, int],
    folder: Path,
    node_modules: Path | None,
    rounds: int,
    frames: int,
) -> _Job:
    path = models.resolve(model).resolve()
    graph, _ = read_network(path)
    if graph.channels != 1:
        raise UserError(f"{model}: bench wasm measures luma networks; this one takes {graph.channels} channels")
    name = export(model, folder)
    facts = json.loads((folder / f"{name}.json").read_text())
    module = facts["modules"].get("relaxed", facts["modules"]["plain"])
    own = facts["bytes"][module]["bytes_gzip"] + facts["bytes"][f"{name}.js"]["bytes_gzip"]
    picture = picture_for(*size)
    (folder / "picture.bin").write_bytes(picture.tobytes())
    task = Task(path, picture, 1, graph.max_value)
    for way in ("inside", "outside"):
        (folder / f"{way}.bin").write_bytes(fixed_model(task, uint8=way == "inside").SerializeToString())
    for part in _PARTS:
        (folder / part).write_bytes(files("pocketsr.bench").joinpath(part).read_bytes())
    (folder / "package.json").write_text('{"type": "module"}')
    theirs = 0
    if node_modules is not None:
        (folder / "onnxruntime-web").mkdir()
        for file in _ORT_FILES:
            content = (node_modules / "onnxruntime-web" / "dist" / file).read_bytes()
            (folder / "onnxruntime-web" / file).write_bytes(content)
            theirs += len(gzip.compress(content, 6))
        theirs += len(gzip.compress(path.read_bytes(), 9))
    job = {
        "name": name,
        "size": list(size),
        "scale": graph.scale,
        "max_value": graph.max_value,
        "node_modules": None if node_modules is None else str(node_modules.resolve()),
        "rounds": rounds,
        "frames": frames,
    }
    (folder / "job.json").write_text(json.dumps(job))
    expected = load(model, threads=1)(picture)
    return _Job(folder, model, expected, {"pocketsr-wasm": own, "onnxruntime-web": theirs})


def _in_turns(
    job: _Job, node: str, rounds: int, frames: int, absent: list[dict[str, str]], tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """The native library and Node, a round each in turn."""
    native = load(job.name, threads=1)
    height, width = job.expected.shape
    picture = picture_for(width // native.scale, height // native.scale)
    times: dict[str, list[float]] = {"pocketsr-native": []}
    with in_node(node, job.folder) as host:
        started = host.answer()
        absent += [{**each, "host": "node", "model": job.name} for each in started["absent"]]
        for number in range(rounds):
            tell(f"{job.name}: round {number + 1} of {rounds}")
            times["pocketsr-native"] += _native_times(lambda: native(picture), frames)
            for runtime, measured in host.ask(frames).items():
                times.setdefault(runtime, []).extend(measured)
    chosen = {each["runtime"]: each for each in started["contenders"]}
    return [
        _row(job, runtime, "node", "thread", times[runtime], chosen.get(runtime), started["host_version"])
        for runtime in times
    ]


def _native_times(run: Callable[[], object], frames: int) -> list[float]:
    found = []
    for number in range(frames + 2):
        start = time.thread_time()
        run()
        if number >= 2:
            found.append((time.thread_time() - start) * 1e3)
    return found


def _in_page(job: _Job, chromium: str, absent: list[dict[str, str]]) -> list[dict[str, Any]]:
    try:
        result = in_chromium(chromium, job.folder)
    except HostError as error:
        absent.append({"runtime": "pocketsr-wasm", "host": "chromium", "model": job.name, "reason": str(error)})
        return []
    absent += [{**each, "host": "chromium", "model": job.name} for each in result["absent"]]
    return [
        _row(job, each["runtime"], "chromium", "wall", result["times"][each["runtime"]], each, result["host_version"])
        for each in result["contenders"]
    ]


def _row(
    job: _Job,
    runtime: str,
    host: str,
    clock: str,
    times: Sequence[float],
    chosen: dict[str, Any] | None,
    host_version: str,
) -> dict[str, Any]:
    native = runtime == "pocketsr-native"
    off = np.zeros(1)
    if not native:
        made = np.fromfile(job.folder / f"{runtime}.{host}.out", np.uint8).reshape(job.expected.shape)
        off = np.abs(made.astype(int) - job.expected)
    return {
        "model": job.name,
        "runtime": runtime,
        "host": None if native else host,
        "threads": 1,
        "clock": clock,
        "median_ms": round(statistics.median(times), 3),
        "least_ms": round(min(times), 3),
        "equal_bits": bool((off == 0).all()),
        "differing_share": float((off > 0).mean()),
        "max_levels": int(off.max()),
        "bytes_gzip": None if native else job.gzip_bytes[runtime],
        "settings": harmless(chosen["settings"]) if chosen else None,
        "version": chosen["version"] if chosen else None,
        "host_version": None if native else harmless(host_version),
    }
