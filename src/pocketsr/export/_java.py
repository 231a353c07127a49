"""Java for a network: sources from templates, classes by the JDK, and zip files of the same bytes each time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pocketsr.errors import UserError
from pocketsr.export._variants import template
from pocketsr.live.situation import CONSTANTS, Level, Reason
from pocketsr.names import harmless

__all__ = ["Jdk", "find_jdk", "java_sources", "package_of", "write_zip"]

_PATIENCE_S = 300
_RELEASE = "8"  # what Android 5 and its build tools take
_WORDS = frozenset(  # of Java and Kotlin
    re.findall(
        r"\w+",
        "abstract as assert boolean break byte case catch char class const continue default do double else enum "
        "extends false final finally float for fun goto if implements import in instanceof int interface is long "
        "native new null object package private protected public return short static strictfp super switch "
        "synchronized this throw throws transient true try typealias typeof val var void volatile when while _",
    )
)
_EPOCH = (1980, 1, 1, 0, 0, 0)
CLASSES = ("CheckedSituation", "Governor", "Native", "Plane", "Upscaler")


@dataclass(frozen=True)
class Jdk:
    """javac: the program. include: the folders of jni.h and of jni_md.h, which it includes."""

    javac: str
    include: tuple[Path, ...]

    def classes(self, sources: Mapping[str, str], folder: Path) -> dict[str, bytes]:
        """The class files of Java sources by name, compiled in `folder`. Raises UserError with javac's complaint."""
        for name, text in sources.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        made = folder / "classes"
        # 21 and later warn of release 8; debug information names the source's lines, and nothing of this machine
        words = ["-Xlint:-options", "--release", _RELEASE, "-encoding", "UTF-8", "-d", str(made), *sources]
        try:
            done = subprocess.run(
                [self.javac, *words],
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_PATIENCE_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"the Java compiler {harmless(self.javac)} can't be run: {harmless(error)}") from error
        if done.returncode:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
            raise UserError(f"the Java compiler failed: {harmless(first, 200)}")
        return {str(each.relative_to(made)): each.read_bytes() for each in sorted(made.rglob("*.class"))}


def find_jdk() -> Jdk:
    """The JDK of JAVA_HOME, or the one whose javac is found. Raises UserError without one, or without jni.h."""
    home = os.environ.get("JAVA_HOME")
    javac = shutil.which("javac", path=str(Path(home) / "bin")) if home else None
    javac = javac or shutil.which("javac")
    if javac is None:
        raise UserError("export android needs a JDK (javac and jni.h): apt-get install default-jdk-headless")
    include = Path(javac).resolve().parent.parent / "include"
    machine = next((each.parent for each in include.glob("*/jni_md.h")), None)
    if machine is None or not (include / "jni.h").is_file():
        raise UserError(
            f"the JDK of {harmless(javac)} has no jni.h: apt-get install default-jdk-headless, or set JAVA_HOME"
        )
    return Jdk(javac, (include, machine))


def package_of(name: str) -> str:
    """The Java package of a network, which has no other's."""
    return f"pocketsr.{name}_" if name in _WORDS else f"pocketsr.{name}"


def java_sources(words: Mapping[str, str]) -> dict[str, str]:
    """Java files by their path. words: what templates ask for."""
    constants = ",\n".join(f"            {name.upper()} = {value}L" for name, value in CONSTANTS.items())
    reasons = ",\n        ".join(f'{reason.name}("{reason.value}")' for reason in Reason)
    levels = ", ".join(level.name for level in Level)
    every = dict(words) | {"CONSTANTS": constants, "REASONS": reasons, "LEVELS": levels}
    folder = words["PACKAGE"].replace(".", "/")
    return {f"{folder}/{name}.java": template(f"android/{name}.java", **every) for name in CLASSES}


def write_zip(path: Path, content: Mapping[str, bytes | str]) -> None:
    """A zip file, its entries in order and without times."""
    with zipfile.ZipFile(path, "w") as made:
        for name in sorted(content, key=lambda each: (not re.match("AndroidManifest|META-INF", each), each)):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            made.writestr(entry, content[name])
