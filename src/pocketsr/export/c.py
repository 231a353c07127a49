"""C, as an app takes it: NAME.c, NAME.h for C and C++, libraries for one or several kinds of processors, and CMake."""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path

from pocketsr.atomic_io import delivered
from pocketsr.engine import Network, read_network
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.emit_entries import emit_header, exports
from pocketsr.engine.codegen.plan import Plan, make_plan
from pocketsr.engine.codegen.target import Target, compiler_flags, cross_target
from pocketsr.engine.runtime.build import build_library, library_suffix
from pocketsr.errors import ArgumentError, UserError
from pocketsr.export._cmake import config
from pocketsr.export._native import workshop
from pocketsr.export._sources import Sources, for_one, for_several, takes_corrections
from pocketsr.export._targets import CPUS, host_triple, target_for, with_minimum
from pocketsr.export._variants import Variant, named
from pocketsr.export.checking import compare, milliseconds, pictures
from pocketsr.export.report import Operator, Report, write_report
from pocketsr.export.source import Source, open_source, size_of

__all__ = ["CPUS", "OPTIONS", "check_floats", "export", "operators", "target_for"]

OPTIONS = frozenset({"cpu", "size", "triple", "variants"})


def export(
    model: str | Path,
    folder: Path,
    *,
    cpu: str | None = None,
    triple: str | None = None,
    variants: str | None = None,
    size: tuple[int, int] | None = None,
) -> Report:
    """Write NAME.c, NAME.h, libNAME.so (.dylib; NAME.dll), libNAME.a, what CMake finds them by, and a report.

    For luma networks frames in I420 come with it (NAME_i420.h), for those of x2 corrections too (NAME_correct.h). A
    WebAssembly triple gives NAME.wasm alone.
    cpu: one of CPUS; with neither it nor `triple` this machine. triple: a target as `compile --target` takes it.
    variants: "all", or names with commas: the library chooses among them at run time, by the processor.
    size: of the pictures that it is tried with, which it is for this machine alone.
    """
    if variants is not None and cpu is not None:
        raise ArgumentError("variants are for several kinds of processors, cpu for one: leave one of both out")
    (width, height), source = size_of(size), open_source(model)
    runs_here = triple is None and cpu is None
    kinds: tuple[Variant, ...] = ()
    if variants is None:
        target = target_for(cpu, triple)
    else:
        target, kinds = _several(source, variants, triple)
    flags = "-O3" if kinds else compiler_flags(target)
    with delivered(folder) as scratch:
        if target.is_wasm:
            plan, files = _wasm(source, target, scratch)
        else:
            sources = for_several(source.graph, kinds) if kinds else for_one(source.graph, target)
            check_floats(sources, triple or "")
            plan, files = sources.plan, _libraries(source, sources, target, scratch, flags)
        report = Report(
            target="c",
            model=source.name,
            files=files,
            bytes=(scratch / files[2]).stat().st_size,
            operators=operators(plan),
            precision=source.precision,
            size=(width, height),
            notes=_notes(source, target, kinds),
        )
        if runs_here:
            made = Network(scratch / files[2], read_network(source.file)[1], threads=1)
            tried = pictures(height, width, source.graph.channels)
            exactness = compare(made, source.reference(), tried)
            report = replace(
                report,
                **asdict(exactness),
                ms=milliseconds(made, tried[0]),
                checked_by="this machine",
            )
        write_report(report, scratch, source.name)
    return report


def check_floats(sources: Sources, triple: str) -> None:
    """Raises UserError for a function of a float on Android's 32-bit ARM, which is built with floats in registers of
    their own (`with_minimum`)."""
    takes_floats = any(re.search(r"[(,]\s*float \w", each) for each in sources.headers.values())
    if takes_floats and triple.endswith("androideabi"):
        raise UserError(
            f"{sources.plan.graph.name} takes a number, which 32-bit Android hands over in another way than the "
            "library takes it: choose aarch64-linux-android, or export android"
        )


def operators(plan: Plan) -> tuple[Operator, ...]:
    """The steps of the C."""
    return tuple(Operator(type(step.op).__name__ if step.op else "Read", "CPU") for step in plan.steps)


def _several(source: Source, variants: str, triple: str | None) -> tuple[Target, tuple[Variant, ...]]:
    """The system's plainest processor, to build for, and the variants."""
    system = cross_target(with_minimum(triple or host_triple()))
    architecture = str(system.triple).partition("-")[0]
    kinds = named(source.graph, architecture, variants)
    return replace(system, cpu=None if architecture != "x86_64" else "x86_64"), kinds


def _wasm(source: Source, target: Target, folder: Path) -> tuple[Plan, tuple[str, ...]]:
    plan, name = make_plan(source.graph, target), source.graph.name
    (folder / f"{name}.c").write_text(emit(plan))
    (folder / f"{name}.h").write_text(emit_header(plan))
    build_library(emit(plan), folder / f"{name}.wasm", target, exports(plan))
    return plan, (f"{name}.c", f"{name}.h", f"{name}.wasm")


def _libraries(source: Source, sources: Sources, target: Target, folder: Path, flags: str) -> tuple[str, ...]:
    """All files, by name: the C, its header and the shared library (where there is none, the static one) first."""
    name, suffix = source.graph.name, library_suffix(target)
    shared, static = f"{'lib' if suffix != '.dll' else ''}{name}{suffix}", f"lib{name}.a"
    for file, text in sources.texts.items():
        (folder / file).write_text(text)
    with workshop(folder, target) as shop:
        objects = shop.objects(sources.texts)
        shutil.move(shop.static(objects), folder / static)
        libraries = [static]
        if "-ios" not in (target.triple or ""):  # apps for iOS take static ones
            shutil.move(shop.shared(objects, shared), folder / shared)
            libraries.insert(0, shared)
    found = f"pocketsr-{source.name}-config.cmake"
    (folder / found).write_text(config(source.name, name, sources, libraries, flags))
    first = (f"{name}.c", f"{name}.h", *libraries)
    return (*first, *(file for file in sorted(sources.texts) if file not in first), found)


def _notes(source: Source, target: Target, kinds: tuple[Variant, ...]) -> tuple[str, ...]:
    flags = "-O3: each file asks for its instructions by itself" if kinds else compiler_flags(target)
    notes = [f"Compile the C with {flags}; the libraries were.", "The headers, for C and C++, say how it is called."]
    if kinds:
        names = ", ".join(each.name for each in kinds)
        notes.append(f"Chosen at run time, the first that the processor has: {names} ({source.graph.name}_variant()).")
    if source.graph.channels == 1 and not target.is_wasm:
        notes.append(f"Frames of luma and chroma: {source.graph.name}_i420.h.")
        if takes_corrections(source.graph):
            notes.append(f"Corrections that a sender sends along: {source.graph.name}_correct.h.")
    if not target.is_wasm:
        notes.append(f"CMake: find_package(pocketsr-{source.name} CONFIG), pocketsr::{source.name}.")
    return tuple(notes)
