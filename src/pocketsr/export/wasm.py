"""A network as a WebAssembly module with its loader: NAME.wasm, NAME.js, NAME.json, and NAME-relaxed.wasm for floats.

The module takes luma (or R, G and B) of 8 bits and imports nothing. clang contracts products and sums to relaxed
multiply-adds in the second one, which machines round differently; an 8-bit network has the same bits everywhere, so
it has no second one.
"""

from __future__ import annotations

import gzip
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from pocketsr import models
from pocketsr.atomic_io import delivered
from pocketsr.engine import read_network
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.method import BAND
from pocketsr.engine.codegen.plan import Plan, make_plan
from pocketsr.engine.codegen.target import Target, cross_target
from pocketsr.engine.runtime.build import build_library
from pocketsr.export.report import Report, write_report

__all__ = ["OPTIONS", "TRIPLE", "export"]

OPTIONS = frozenset({"f32"})

TRIPLE = "wasm32-freestanding"
_ENTRIES = ("scratch", "bands", "u8")


def export(model: Path | str, folder: Path, *, f32: bool = False) -> Report:
    """Write the network `model`, a name or an ONNX file, into `folder`, which is made where there is none.

    f32: with an entry for floats too, rows of which lie any distance apart (see NAME.h of `pocketsr compile`).
    Raises UserError for what is no network that the engine can run, or a folder that can't be written.
    """
    path = models.resolve(model)
    graph, info = read_network(path)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem[:60]).lstrip(".-") or "net"  # of files, and in addresses
    plan = make_plan(graph, cross_target(TRIPLE))
    source = emit(plan)
    builds = {"plain": plan.target} if plan.formats.exact else {"plain": plan.target, "relaxed": plan.target.relaxed}
    modules = {kind: f"{name}{'' if kind == 'plain' else f'-{kind}'}.wasm" for kind in builds}
    facts: dict[str, Any] = {
        "name": name,
        "scale": graph.scale,
        "channels": graph.channels,
        "exact": plan.formats.exact,
        "modules": modules,
        "band": _band(plan),
        "edge_halo": info.edge_halo,
    }
    if graph.strengths:
        facts |= {"strengths": graph.strengths, "default_strength": graph.default_strength}
    entries = (*_ENTRIES, *(["u8_at"] if graph.strengths else []), *(["f32"] if f32 else []))
    with delivered(folder) as scratch:
        for kind, target in builds.items():
            _build(source, graph.name, scratch / modules[kind], target, entries)
        (scratch / f"{name}.js").write_text(loader(facts), encoding="utf-8")
        facts["bytes"] = {file.name: _sizes(file.read_bytes()) for file in sorted(scratch.iterdir())}
        (scratch / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        report = Report(
            target="wasm",
            model=name,
            files=tuple(file.name for file in sorted(scratch.iterdir())),
            bytes=sum(each["bytes"] for each in facts["bytes"].values()),
            precision="int8" if plan.formats.exact else "float32",
            notes=_notes(facts),
        )
        write_report(report, scratch, name)
    return report


def _notes(facts: dict[str, Any]) -> tuple[str, ...]:
    sizes = ", ".join(f"{name} {each['bytes_gzip']:,}" for name, each in facts["bytes"].items())
    kinds = (
        "Every machine gives the bits of the native library."
        if facts["exact"]
        else "The relaxed module is for machines that multiply and add at once; results differ by a level at most."
    )
    return (kinds, f"Bytes as a web server sends them (gzip): {sizes}.", 'In Node the folder needs "type": "module".')


def loader(facts: dict[str, Any]) -> str:
    """NAME.js: an ES module whose `load()` gives the network, ready to run."""
    engine = files("pocketsr.export").joinpath("engine.js").read_text(encoding="utf-8")
    return f"""{engine}
/** @type {{Facts}} */
export const facts = {json.dumps(facts)};

/**
 * The network of this file: `(await load()).upscale(luma, width, height)`.
 * @param {{{{relaxed?: boolean}}}} [options]
 */
export const load = (options) => open(facts, import.meta.url, options);
"""


def _build(source: str, name: str, library: Path, target: Target, entries: tuple[str, ...]) -> None:
    """One module, whose functions are called as `entries` are, whatever the network's name."""
    names = "".join(f"#define {name}_{entry} {entry}\n" for entry in entries)
    build_library(names + source, library, target, entries)
    library.chmod(0o644)  # the linker makes programs


def _band(plan: Plan) -> dict[str, int]:
    """Which rows of the result a band is: `rows` of them, `delay` behind."""
    scale = plan.graph.scales()[plan.output[0].value]
    delay = max(plan.rings[ref.value].delay for ref in plan.output)
    return {"rows": BAND * scale * plan.factor, "delay": delay * plan.factor}


def _sizes(content: bytes) -> dict[str, int]:
    return {"bytes": len(content), "bytes_gzip": len(gzip.compress(content, 9, mtime=0))}
