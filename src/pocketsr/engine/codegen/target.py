"""The machine that the C is written for: its vector width decides block sizes, everything else is the C compiler's."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pocketsr.errors import UserError

__all__ = ["Target", "compiler_environment", "compiler_flags", "cross_target", "host_target", "zig"]


@dataclass(frozen=True)
class Target:
    """A compiler target. `triple` and `cpu` as zig names them; None is the machine at hand."""

    triple: str | None
    cpu: str | None
    lanes: int  # floats in the widest vector
    registers: int  # vector registers
    l1_bytes: int = 32768
    dot_cost: int = 4  # instructions for a dot product of four bytes in each lane
    matrices: bool = False  # whether an instruction multiplies 2x8 bytes by 8x2 (ARM's i8mm)

    @property
    def flags(self) -> tuple[str, ...]:
        """What the compiler is told about the target."""
        triple = ("-target", self.triple) if self.triple else ()
        return (*triple, f"-march={self.cpu}") if self.cpu else triple

    @property
    def is_wasm(self) -> bool:
        return (self.triple or "").startswith("wasm")

    @property
    def is_arm64(self) -> bool:
        """Whether an instruction may take one of four weights from a vector (`arm.h`)."""
        named = (self.triple or platform.machine()).partition("-")[0]
        return named in ("aarch64", "arm64", "ARM64")

    @property
    def has_sdot(self) -> bool:
        """Whether the C is for 64-bit ARM with a dot product of bytes in one instruction."""
        return self.is_arm64 and self.dot_cost == 1

    @property
    def relaxed(self) -> Target:
        """This WebAssembly target with relaxed SIMD: clang contracts products and sums to `f32x4.relaxed_madd`, which
        one machine rounds once and another twice. For networks of floats."""
        return replace(self, cpu=f"{self.cpu}+relaxed_simd")


def compiler_flags(target: Target) -> str:
    """What gcc or clang has to be told to compile the C for `target`, in their words: zig's names have underscores."""
    architecture = (target.triple or "").partition("-")[0]
    if architecture.startswith("wasm"):
        return "-O3 -msimd128"
    if architecture in ("arm", "thumb"):
        cpu = f"-mcpu={target.cpu.replace('_', '-')}" if target.cpu else "-march=armv7-a"
        return f"-O3 {cpu} -mfpu=neon{' -mfloat-abi=hard' if (target.triple or '').endswith('hf') else ''}"
    if target.cpu is None:
        return "-O3"
    kind = "-mcpu" if architecture == "aarch64" else "-march"
    wide = " -mprefer-vector-width=512" if target.lanes == 16 else ""
    return f"-O3 {kind}={target.cpu.replace('_', '-')}{wide}"


def zig() -> list[str]:
    """The command that runs the bundled compiler."""
    return [sys.executable, "-m", "ziglang"]


def compiler_environment(scratch: Path, target: Target | None = None) -> dict[str, str]:
    """The environment in which the compiler runs: what zig remembers goes to `scratch`.

    It would go to the user's cache folder, and zig 0.17 gives up where there is none, or no room in it. For the machine
    at hand nothing is worth remembering; for others zig keeps parts of their C libraries, as long as it can.
    """
    own = dict(os.environ)
    homeless = not (own.get("HOME") or own.get("XDG_CACHE_HOME") or own.get("LOCALAPPDATA"))
    if target is None or target.triple is None or homeless:
        own |= dict.fromkeys(("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"), str((scratch / "zig").absolute()))
    return own


@cache
def host_target() -> Target:
    """The machine at hand, with every instruction that it has."""
    command = os.environ.get("CC", "").split() or [*zig(), "cc"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        run = subprocess.run(
            [*command, "-march=native", "-E", "-dM", "-x", "c", "-"],
            input="",
            capture_output=True,
            text=True,
            check=False,
            env=compiler_environment(Path(scratch)),
        )
    if run.returncode:
        # A compiler that knows no -march=native (gcc on some ARM machines): a plain build is right too, only slower.
        return Target(None, None, 4, 32 if platform.machine() in ("aarch64", "arm64") else 16)
    macros = set(run.stdout.split())
    if "__AVX512F__" in macros:
        # Zen 4 takes the dot product of a 512-bit vector in two halves, sums of bytes twice as fast
        cost = 2 if "__znver4__" in macros else 1
        return Target(None, "native", 16, 32, l1_bytes=49152, dot_cost=cost if "__AVX512VNNI__" in macros else 4)
    if "__AVX__" in macros:
        return Target(None, "native", 8, 16, dot_cost=1 if "__AVXVNNI__" in macros else 4)
    if "__aarch64__" in macros:
        cost = 1 if "__ARM_FEATURE_DOTPROD" in macros else 8
        return Target(None, "native", 4, 32, dot_cost=cost, matrices="__ARM_FEATURE_MATMUL_INT8" in macros)
    return Target(None, "native", 4, 16)


def cross_target(triple: str) -> Target:
    """The target named by a zig triple, such as aarch64-linux-gnu, x86_64-windows-gnu or wasm32-freestanding.

    x86-64 means AVX2 and FMA (x86-64-v3, every such machine since 2015). Raises UserError for other architectures.
    """
    architecture = triple.split("-", maxsplit=1)[0]
    match architecture:
        case "x86_64":
            return Target(triple, "x86_64_v3", 8, 16)
        case "aarch64":
            return Target(triple, None, 4, 32)
        case "wasm32" | "wasm64":
            # 16 on x86-64, of which V8 keeps one or two: measured on `tiny`, 4 x 2 is faster than 4 x 3
            return Target(triple, "generic+simd128", 4, 14)
        case "arm" | "thumb":
            return Target(triple, None, 4, 16)
    raise UserError(
        f"unknown target '{triple}': x86_64, aarch64, arm or wasm32 is expected first, as in aarch64-linux-gnu"
    )
