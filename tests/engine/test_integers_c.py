"""Integers on other machines and by other compilers: the same bits everywhere, nothing for the sanitizers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from emitted import AVX2, WARN, ZIG, check, run_harness, write
from quantized_nets import save_whole

from pocketsr.engine.codegen.target import Target, cross_target, host_target
from pocketsr.engine.runtime.build import FLAGS

ARM = cross_target("aarch64-linux-musl")
TARGETS = {  # and how a dot product of bytes is made there
    "avx2": replace(AVX2, triple="x86_64-linux-gnu"),  # 16-bit pairs
    "sse2": Target("x86_64-linux-gnu", "x86_64", 4, 16),
    "arm": ARM,  # one by one
    "arm_dot": replace(ARM, cpu="generic+dotprod", dot_cost=1),  # by lanes
    "arm_matrices": replace(ARM, cpu="generic+dotprod+i8mm", dot_cost=1, matrices=True),  # two pixels by two channels
    "arm_spelled_out": replace(ARM, cpu="generic", dot_cost=1, matrices=True),  # compiled for less than it was made for
}
# Of all of WHOLE, which would take many minutes; the widest of these are slow enough.
SOME = [
    "whole_skips", "whole_zeros", "whole_steep_many",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("whole_w2a8", "whole_w2a2")),
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SOME)
def test_every_machine_gives_the_same_bits(name: str, target: str, tmp_path: Path) -> None:
    machine, runner = TARGETS[target], []
    if target.startswith("arm"):
        qemu = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
        if qemu is None:
            pytest.skip("qemu-aarch64 is not installed (apt-get install qemu-user)")
        runner = [qemu]
    source, binary = write(save_whole(name, tmp_path), machine), tmp_path / "there"
    flags = [flag for flag in FLAGS if not flag.startswith("-mprefer")]
    # Linked as a plain one of its kind: zig builds musl for each processor, which takes a minute.
    part, plain = tmp_path / "net.o", ARM if runner else machine
    check([*ZIG, *WARN, *flags, "-O2", *machine.flags, "-c", str(source), "-o", str(part)])
    check([*ZIG, *WARN, *flags, "-O2", *plain.flags, *(["-static"] if runner else []), str(part),
           str(tmp_path / "main.c"), "-o", str(binary)])  # fmt: skip
    for width, height, strips in [(1, 1, 1), (67, 13, 2), (140, 9, 3)]:
        run_harness([*runner, str(binary)], name, tmp_path, width, height, strips, exact=True)


@pytest.mark.parametrize("name", SOME)
def test_no_warnings_and_nothing_for_the_sanitizers(name: str, tmp_path: Path) -> None:
    network = save_whole(name, tmp_path)
    for target in (host_target(), AVX2, ARM, cross_target("wasm32-freestanding")):
        source = write(network, target)
        check([*ZIG, *WARN, "-O1", *target.flags, "-c", str(source), "-o", str(tmp_path / "x.o")])
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed, and the bundled compiler brings no sanitizer runtime")
    source, binary = write(network, host_target()), tmp_path / "checked"
    check(["gcc", *WARN, "-O1", "-g", "-march=native", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
           str(source), str(tmp_path / "main.c"), "-o", str(binary)])  # fmt: skip
    for width, height, strips in [(1, 1, 1), (7, 13, 2), (130, 33, 2)]:
        run_harness([str(binary)], name, tmp_path, width, height, strips, exact=True)
