"""C to a shared library: the bundled compiler (zig), or the one that CC names."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from pocketsr.engine.codegen.target import Target, compiler_environment, zig
from pocketsr.errors import UserError

__all__ = ["FLAGS", "build_library", "flags_for", "library_suffix", "linker", "own_division", "run_tool"]

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


_WASM_STACK = 2**18  # bytes; tables of rows lie there, 4 bytes an input and tap
_LEAST_FREE = 2**16  # bytes; less is a full disk
_PATIENCE_S = 900
"""The largest supported networks compile in two minutes; what takes this long never ends."""


def run_tool(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run a compiler or linker in `folder`. Raises UserError with its first complaint, OSError for a full disk."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env=environment,
            timeout=_PATIENCE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"the C compiler '{command[0]}' didn't end within {_PATIENCE_S} s: the network is too large"
        ) from error
    except OSError as error:
        raise UserError(
            f"the C compiler '{command[0]}' can't be run: {error.strerror}; unset CC to use the bundled one"
        ) from error
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:300])
        full = shutil.disk_usage(folder).free < _LEAST_FREE  # zig writes through memory maps, and dies without a word
        if full or "NoSpaceLeft" in done.stderr or "No space left" in done.stderr:  # zig's word, clang's
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise UserError(
            f"the C compiler failed ({' '.join(command[:4])} ...): {first or f'it ended with {done.returncode}'}"
        )


def _is_arm_32(target: Target) -> bool:
    return (target.triple or "").startswith(("arm-", "thumb-"))


def own_division(target: Target) -> str:
    """C that a library for `target` needs beside a network's, since it calls no C library: division on 32-bit ARM."""
    return files("pocketsr.engine.runtime").joinpath("divide_arm.c").read_text() if _is_arm_32(target) else ""


def flags_for(target: Target, clang: bool) -> list[str]:
    """FLAGS as gcc or clang take them for `target`."""
    x86 = target.triple is None or target.triple.startswith("x86_64")
    flags = [flag for flag in FLAGS if clang or flag != "-fno-honor-nans"]
    if not clang:
        flags.append("-ffinite-math-only")
    if "windows" in (target.triple or ""):
        # The probe is a C runtime's; frames are small, since tiles are in scratch memory.
        flags.append("-mno-stack-arg-probe")
    if _is_arm_32(target):  # its tables name a function of a C++ runtime
        flags += ["-fno-unwind-tables", "-fno-asynchronous-unwind-tables"]
    return [flag for flag in flags if x86 or not flag.startswith("-mprefer-vector")]


def linker(target: Target, exports: Sequence[str], soname: str | None) -> list[str]:
    """The command that links net.o to a library of the target's kind, which programs know as `soname`."""
    match library_suffix(target):
        case ".wasm":
            names = [f"--export={name}" for name in exports]
            # The stack first: what overflows it traps, and doesn't write over the weights.
            kept = ["--stack-first", "-z", f"stack-size={_WASM_STACK}", "--strip-all"]
            return [*zig(), "wasm-ld", "--no-entry", *kept, *names, "-o", "net.wasm"]
        case ".dylib" | ".dll" as suffix:
            known = [f"-Wl,-install_name,@rpath/{soname}"] if soname and suffix == ".dylib" else []
            return [*zig(), "cc", *target.flags, "-shared", "-nostdlib", *known, "-o", f"net{suffix}"]
    return [*zig(), "ld.lld", "-shared", *(["-soname", soname] if soname else []), "-o", "net.so"]


def build_library(
    source: str, library: Path, target: Target, exports: Sequence[str] = (), *, soname: str | None = None
) -> None:
    """Compile the C text `source` to the shared library `library`, which appears whole or not at all.

    `soname`: the name by which programs that are linked to it look for it.
    `exports`: the functions to be seen from outside, for WebAssembly, which hides all others.
    Raises UserError with the compiler's first complaint, and OSError where the disk is full.
    """
    own = os.environ.get("CC", "").split() if target.triple is None else []
    compiler = own or [*zig(), "cc"]
    clang = not own or "clang" in own[-1]
    with tempfile.TemporaryDirectory(dir=library.parent, prefix=".build-") as scratch:
        folder = Path(scratch)
        (folder / "net.c").write_text(source + own_division(target))
        environment = compiler_environment(folder, target)
        flags = [*flags_for(target, clang), *target.flags]
        made = folder / f"net{library_suffix(target)}"
        if own:
            known = [f"-Wl,-soname,{soname}"] if soname and made.suffix == ".so" and sys.platform == "linux" else []
            run_tool([*compiler, *flags, "-shared", "-nostdlib", *known, "net.c", "-o", made.name], folder, environment)
        else:
            # Compiling and linking apart keeps zig from building a libc that nobody calls: 0.1 s in place of 4 s.
            run_tool([*compiler, *flags, "-c", "net.c", "-o", "net.o"], folder, environment)
            run_tool([*linker(target, exports, soname), "net.o"], folder, environment)
        shutil.move(made, library)
