"""C to a shared library: the bundled compiler (zig), or the one that CC names."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pocketsr.engine.target import Target, zig
from pocketsr.errors import UserError

__all__ = ["FLAGS", "build_library", "library_suffix"]

# No libc is needed: the code calls nothing. NaN is never an input, so max and min are single instructions.
FLAGS = (
    "-std=c11",
    "-O3",
    "-g0",
    "-fPIC",
    "-fno-honor-nans",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-stack-protector",
    "-fno-builtin",
    "-mprefer-vector-width=512",
)


def library_suffix(target: Target) -> str:
    """What a shared library is called on `target`; wasm gets a module."""
    triple = target.triple or ""
    if "wasm" in triple:
        return ".wasm"
    if "windows" in triple:
        return ".dll"
    return ".dylib" if "macos" in triple or "ios" in triple else ".so"


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UserError(
            f"the C compiler '{command[0]}' can't be run: {error.strerror}; unset CC to use the bundled one"
        ) from error
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:300])
        raise UserError(f"the C compiler failed ({' '.join(command[:4])} ...): {first}")


def _flags_for(target: Target, clang: bool) -> list[str]:
    x86 = target.triple is None or target.triple.startswith("x86_64")
    flags = [flag for flag in FLAGS if clang or flag != "-fno-honor-nans"]
    if not clang:
        flags.append("-ffinite-math-only")
    return [flag for flag in flags if x86 or not flag.startswith("-mprefer-vector")]


def build_library(source: str, library: Path, target: Target, extra: tuple[str, ...] = ()) -> None:
    """Compile the C text `source` to the shared library `library`, which appears whole or not at all.

    Raises UserError with the compiler's first complaint.
    """
    own = os.environ.get("CC", "").split() if target.triple is None else []
    compiler = own or [*zig(), "cc"]
    clang = not own or "clang" in own[-1]
    with tempfile.TemporaryDirectory(dir=library.parent, prefix=".build-") as scratch:
        folder = Path(scratch)
        (folder / "net.c").write_text(source)
        flags = [*_flags_for(target, clang), *target.flags, *extra]
        made = folder / f"net{library_suffix(target)}"
        if own or (target.triple is not None and "linux" not in target.triple):
            link = ["-Wl,--no-entry", "-Wl,--export-dynamic"] if made.suffix == ".wasm" else ["-shared"]
            _run([*compiler, *flags, *link, "-nostdlib", "net.c", "-o", str(made)], folder)
        else:
            # Compiling and linking apart keeps zig from building a libc that nobody calls: 0.1 s in place of 4 s.
            _run([*compiler, *flags, "-c", "net.c", "-o", "net.o"], folder)
            _run([*zig(), "ld.lld", "-shared", "net.o", "-o", str(made)], folder)
        shutil.move(made, library)
