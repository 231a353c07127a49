"""Android: an AAR for three kinds of processors, Kotlin and Java sources, and a sample app.

Nothing of Android's own tools is needed: the libraries call one function of its C library, getauxval, and are linked
with an empty one that has it. Pages may be of 16 KB.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pocketsr.atomic_io import delivered
from pocketsr.engine.codegen.target import Target, cross_target, zig
from pocketsr.engine.runtime.build import run_tool
from pocketsr.export._java import Jdk, find_jdk, java_sources, package_of, write_zip
from pocketsr.export._native import Workshop, workshop
from pocketsr.export._sources import Sources, for_several, texts_for
from pocketsr.export._targets import with_minimum
from pocketsr.export._variants import Variant, named, template
from pocketsr.export.c import operators
from pocketsr.export.report import Report, write_report
from pocketsr.export.source import Source, app_notes, luma_words, open_source

__all__ = ["ABIS", "OPTIONS", "Abi", "export", "jni_library", "native_sources"]

OPTIONS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Abi:
    """name: as Android calls it. variants: that are worth their bytes there; libc: whether the library asks it."""

    name: str
    target: Target
    variants: str
    libc: bool = False


ABIS = (
    Abi("arm64-v8a", cross_target("aarch64-linux-android"), "all", libc=True),
    Abi("armeabi-v7a", cross_target(with_minimum("arm-linux-androideabi")), "all"),
    # Emulators and Chromebooks; every one of them has SSE 4.2
    Abi("x86_64", replace(cross_target("x86_64-linux-android"), cpu="x86_64_v2"), "avx2"),
)
_PAGES = ("-z", "max-page-size=16384")  # Android 15; devices with pages of 4 KB take them too
# Android 5 reads the older of the two hash tables only; what JNI doesn't call is nobody's
_LINK = (*_PAGES, "--hash-style=both", "--no-undefined", "--version-script=exports.map")
_EXPORTS = "{ global: JNI_OnLoad; local: *; };\n"
_LIBC = (
    "unsigned long getauxval(unsigned long type) { (void)type; return 0; }\n"  # what it is called is all that counts
)


def export(model: str | Path, folder: Path) -> Report:
    """Write pocketsr-NAME.aar, its sources, a Kotlin facade, a sample app and a report into `folder`.

    Raises UserError for networks that take R, G and B, and where there is no JDK.
    """
    source, jdk = open_source(model), find_jdk()
    name = source.name
    with delivered(folder) as scratch:
        words = words_for(source)
        sources = native_sources(source)
        java = java_sources(words)
        content: dict[str, bytes | str] = {
            "AndroidManifest.xml": template("android/AndroidManifest.xml", **words),
            "R.txt": "",
            "proguard.txt": template("android/proguard.txt", **words),
            "classes.jar": _jar(jdk, java, scratch),
        }
        for abi in ABIS:
            with workshop(scratch, abi.target) as shop:
                made = jni_library(shop, sources, words, jdk, abi)
                content[f"jni/{abi.name}/lib{words['LIBRARY']}.so"] = made.read_bytes()
        aar, jar, kotlin, sample = f"pocketsr-{name}.aar", f"pocketsr-{name}-sources.jar", "Upscaling.kt", "sample"
        write_zip(scratch / aar, content)
        facade = template("android/Upscaling.kt", **words)
        package = words["PACKAGE"].replace(".", "/")
        write_zip(scratch / jar, {**java, f"{package}/{kotlin}": facade})
        (scratch / kotlin).write_text(facade)
        _sample(scratch / sample, words | {"AAR": aar})
        report = Report(
            target="android",
            model=name,
            files=(aar, jar, kotlin, sample),
            bytes=(scratch / aar).stat().st_size,
            operators=operators(sources.plan),
            precision=source.precision,
            notes=(
                f"For {', '.join(abi.name for abi in ABIS)}, Android 5 (API 21) and later, pages of 4 or 16 KB.",
                f"Java package {words['PACKAGE']}: Upscaler, Plane, Governor. Planes lie in direct ByteBuffers.",
                *app_notes(source),
                'Gradle: implementation(files("' + aar + '")); the Kotlin facade is a source to add to the app.',
                "No device and no emulator ran it, and no Kotlin compiler read the facade: pocketsr's tests run "
                "the Java and JNI sources in a desktop JVM, and the arm64 code under qemu.",
            ),
        )
        write_report(report, scratch, name)
    return report


def words_for(source: Source) -> dict[str, str]:
    """What the templates ask for. Raises UserError for networks of several channels."""
    name = source.graph.name
    package = package_of(name)
    return luma_words(source, "android") | {
        "PACKAGE": package,
        "CLASS": package.replace(".", "/"),
        "LIBRARY": f"pocketsr_{name}",
    }


def native_sources(source: Source) -> Sources:
    """The C for all of ABIS."""
    kinds: tuple[Variant, ...] = ()
    for abi in ABIS:
        kinds += named(source.graph, _architecture(abi.target), abi.variants)
    return for_several(source.graph, kinds)


def _architecture(target: Target) -> str:
    return str(target.triple).partition("-")[0]


def jni_library(shop: Workshop, sources: Sources, words: Mapping[str, str], jdk: Jdk, abi: Abi | None) -> Path:
    """The library that Java loads; without an `abi` for this machine's JVM, from the same sources."""
    # The JDK's jni.h includes stdio.h, and uses nothing of it
    texts = texts_for(sources, shop.target) | {"pocketsr-jni.c": template("android/jni.c", **words), "stdio.h": ""}
    objects = shop.objects(texts, ["-I.", *(f"-I{folder}" for folder in jdk.include)])
    soname = f"lib{words['LIBRARY']}.so"
    if abi is None:
        return shop.shared(objects, soname)
    (shop.folder / "exports.map").write_text(_EXPORTS)
    return shop.shared([*objects, *_libc(shop)] if abi.libc else objects, soname, _LINK)


def _libc(shop: Workshop) -> list[str]:
    """A library of the name of Android's own, so that the linker there looks into that."""
    objects = shop.objects({"pocketsr-libc.c": _LIBC}, ["-w"])
    run_tool(
        [*zig(), "ld.lld", "-shared", "-soname", "libc.so", "-o", "libc.so", *objects], shop.folder, shop.environment
    )
    return ["libc.so"]


def _jar(jdk: Jdk, java: Mapping[str, str], place: Path) -> bytes:
    with tempfile.TemporaryDirectory(dir=place, prefix=".java-") as made:
        folder = Path(made)
        classes = jdk.classes(java, folder)
        write_zip(folder / "classes.jar", {"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n\n", **classes})
        return (folder / "classes.jar").read_bytes()


def _sample(folder: Path, words: Mapping[str, str]) -> None:
    """A Gradle project, which takes the AAR beside it."""
    places = {
        "settings.gradle.kts": "settings.gradle.kts",
        "build.gradle.kts": "build.gradle.kts",
        "app.build.gradle.kts": "app/build.gradle.kts",
        "AndroidManifest.xml": "app/src/main/AndroidManifest.xml",
        "MainActivity.kt": "app/src/main/kotlin/pocketsr/sample/MainActivity.kt",
    }
    for name, place in places.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(template(f"android/sample/{name}", **words))
