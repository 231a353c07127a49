"""iOS and macOS: a Swift package of C sources, and an xcframework of static libraries, without Xcode."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pocketsr.atomic_io import delivered
from pocketsr.engine.codegen.target import Target
from pocketsr.export._macho import Slice, write_xcframework
from pocketsr.export._native import workshop
from pocketsr.export._sources import Sources, for_several, texts_for
from pocketsr.export._variants import named, template
from pocketsr.export.c import operators
from pocketsr.export.report import Report, write_report
from pocketsr.export.source import Source, app_notes, luma_words, open_source

__all__ = ["OPTIONS", "SYSTEMS", "export"]

OPTIONS: frozenset[str] = frozenset()

# iOS 13 runs on the A9; simulators for Apple's own processors begin with iOS 14. zig takes an A12 for granted
SYSTEMS: tuple[tuple[str, str, dict[str, Target]], ...] = (
    ("ios", "", {"arm64": Target("aarch64-ios.13.0-none", "apple_a7", 4, 32)}),
    (
        "ios",
        "simulator",
        {
            "arm64": Target("aarch64-ios.14.0-simulator", "apple_m1", 4, 32),
            "x86_64": Target("x86_64-ios.13.0-simulator", "x86_64", 4, 16),
        },
    ),
    (
        "macos",
        "",
        {
            "arm64": Target("aarch64-macos.13.0-none", "apple_m1", 4, 32),
            "x86_64": Target("x86_64-macos.13.0-none", "x86_64", 4, 16),
        },
    ),
)


def export(model: str | Path, folder: Path) -> Report:
    """Write pocketsr-NAME-swift, a package, CPocketsr_NAME.xcframework and a report into `folder`.

    Raises UserError for networks that take R, G and B.
    """
    source = open_source(model)
    words = _words(source)
    name, module = source.name, words["MODULE"]
    sources = for_several(
        source.graph, (*named(source.graph, "aarch64", "all"), *named(source.graph, "x86_64", "avx2"))
    )
    package, framework = f"pocketsr-{name}-swift", f"{module}.xcframework"
    with delivered(folder) as scratch:
        headers = sources.headers | {"module.modulemap": _module_map(sources, words)}
        _package(scratch / package, sources, headers, words)
        slices = [
            Slice(platform, variant, {each: _library(scratch, target, sources) for each, target in targets.items()})
            for platform, variant, targets in SYSTEMS
        ]
        write_xcframework(scratch / framework, f"lib{source.graph.name}.a", headers, slices)
        report = Report(
            target="ios",
            model=name,
            files=(package, framework),
            bytes=sum(each.stat().st_size for each in (scratch / framework).rglob("*") if each.is_file()),
            operators=operators(sources.plan),
            precision=source.precision,
            notes=(
                "For iOS 13, its simulators and macOS 13, and later.",
                *app_notes(source),
                f"The package ({words['SWIFT']}) compiles the C; {framework} has it compiled, its module is "
                f"{module}. Take one of both. Xcode compiles a package's C without optimisation in debug builds: many "
                "times slower.",
                "No Mac and no iPhone ran it, and no Swift compiler read the package: pocketsr's tests read the Mach-O "
                "headers, and run the same C on other systems.",
            ),
        )
        write_report(report, scratch, name)
    return report


def _words(source: Source) -> dict[str, str]:
    name = source.graph.name
    return luma_words(source, "ios") | {
        "SWIFT": f"Pocketsr_{name}",
        "MODULE": f"CPocketsr_{name}",
    }


def _module_map(sources: Sources, words: Mapping[str, str]) -> str:
    lines = "".join(f'    header "{name}"\n' for name in sorted(sources.headers))
    return template("ios/module.modulemap", **words, HEADERS=lines)


def _package(folder: Path, sources: Sources, headers: Mapping[str, str], words: Mapping[str, str]) -> None:
    own = folder / "Sources" / words["MODULE"]
    swift = folder / "Sources" / words["SWIFT"]
    (own / "include").mkdir(parents=True)
    swift.mkdir()
    (folder / "Package.swift").write_text(template("ios/Package.swift", **words))
    (swift / "Upscaler.swift").write_text(template("ios/Upscaler.swift", **words))
    for name, text in sources.files.items():
        (own / name).write_text(text)
    for name, text in headers.items():
        (own / "include" / name).write_text(text)


def _library(place: Path, target: Target, sources: Sources) -> bytes:
    with workshop(place, target) as shop:
        return shop.static(shop.objects(texts_for(sources, target))).read_bytes()
