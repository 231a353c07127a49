"""C, as an app takes it: NAME.c, NAME.h for C and C++, and a library libNAME for one kind of processor."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from pocketsr.atomic_io import delivered
from pocketsr.engine import Network, read_network
from pocketsr.engine.codegen.emit import emit, emit_header, exports
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target, compiler_flags, cross_target, host_target
from pocketsr.engine.runtime.build import build_library, library_suffix
from pocketsr.errors import ArgumentError, did_you_mean
from pocketsr.export.checking import compare, milliseconds, pictures
from pocketsr.export.report import Operator, Report, write_report
from pocketsr.export.source import open_source, size_of
from pocketsr.names import harmless

__all__ = ["CPUS", "OPTIONS", "export", "target_for"]

OPTIONS = frozenset({"cpu", "size", "triple"})
_LINUX, _APPLE = "aarch64-linux-gnu", "aarch64-macos"
_PLAIN, _DOT = 8, 1  # instructions for a dot product of four bytes: without sdot, with it
_ARM = {
    "cortex-a53": _PLAIN,
    "cortex-a72": _PLAIN,
    "cortex-a73": _PLAIN,
    "cortex-a55": _DOT,
    "cortex-a75": _DOT,
    "cortex-a76": _DOT,
    "cortex-a78": _DOT,
    "cortex-a510": _DOT,
    "cortex-a715": _DOT,
    "cortex-x1": _DOT,
    "cortex-x3": _DOT,
    "apple-a12": _PLAIN,
    "apple-a13": _DOT,
    "apple-m1": _DOT,
}
CPUS: dict[str, Target] = {
    "x86-64": Target("x86_64-linux-gnu", "x86_64", 4, 16),
    "x86-64-v3": cross_target("x86_64-linux-gnu"),
    "x86-64-v4": Target("x86_64-linux-gnu", "x86_64_v4", 16, 32, l1_bytes=49152),
} | {
    name: Target(_APPLE if name.startswith("apple") else _LINUX, name.replace("-", "_"), 4, 32, dot_cost=cost)
    for name, cost in _ARM.items()
}
"""What `--cpu` names; each with the system that it is built for unless `--triple` says another."""


def target_for(cpu: str | None, triple: str | None) -> Target:
    """The target of both options; this machine without any. Raises UserError for what isn't known or doesn't fit."""
    if cpu is None:
        return cross_target(triple) if triple else host_target()
    if cpu not in CPUS:
        close = did_you_mean(cpu, list(CPUS))
        raise ArgumentError(f"unknown cpu '{harmless(cpu)}': choose one of {', '.join(CPUS)}{close and '; ' + close}")
    target = CPUS[cpu]
    if triple is None:
        return target
    own, other = (str(each).partition("-")[0] for each in (target.triple, cross_target(triple).triple))
    if own != other:
        raise ArgumentError(
            f"cpu {cpu} is of {own}, triple {harmless(triple)} of {harmless(other)}: choose ones that fit"
        )
    return replace(target, triple=triple)


def export(
    model: str | Path,
    folder: Path,
    *,
    cpu: str | None = None,
    triple: str | None = None,
    size: tuple[int, int] | None = None,
) -> Report:
    """Write NAME.c, NAME.h, libNAME.so (.dylib; NAME.dll, .wasm) and a report into `folder`.

    cpu: one of CPUS; with neither it nor `triple` this machine. triple: a target as `compile --target` takes it.
    size: of the pictures that it is tried with, which it is for this machine alone.
    """
    target, (width, height) = target_for(cpu, triple), size_of(size)
    source = open_source(model)
    plan = make_plan(source.graph, target)
    name, suffix = source.graph.name, library_suffix(target)
    library = f"{'lib' if suffix in ('.so', '.dylib') else ''}{name}{suffix}"
    with delivered(folder) as scratch:
        text = emit(plan)
        (scratch / f"{name}.c").write_text(text)
        (scratch / f"{name}.h").write_text(emit_header(plan))
        build_library(text, scratch / library, target, exports(plan), soname=library)
        report = Report(
            target="c",
            model=source.name,
            files=(f"{name}.c", f"{name}.h", library),
            bytes=(scratch / library).stat().st_size,
            operators=tuple(Operator(type(step.op).__name__ if step.op else "Read", "CPU") for step in plan.steps),
            precision="int8" if source.layers.is_quantized else "float32",
            size=(width, height),
            notes=(
                f"Compile the C with {compiler_flags(target)}; the library was.",
                "The header, for C and C++, says what each function takes.",
            ),
        )
        if target.triple is None:
            made = Network(scratch / library, read_network(source.file)[1], threads=1)
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
