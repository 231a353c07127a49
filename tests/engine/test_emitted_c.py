"""The C itself: no warnings, nothing for the sanitizers to find, the same results on ARM, and a text one can read."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from emitted import AVX2, WARN, ZIG, check, run_harness, write
from engine_nets import NETS, save

from pocketsr import models
from pocketsr.engine import read_network
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target, cross_target, host_target
from pocketsr.engine.runtime.build import FLAGS

# Whose C takes a compiler longest, and has nothing that no other has.
LARGE = {
    "anchor_tile_x4", "groups_shuffled", "grouped_rgb", "five", "residual_concat", "spelled_out", "large_then_conv"
}  # fmt: skip
EACH = [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in NETS]


@pytest.mark.parametrize("name", EACH)
def test_no_warnings(name: str, tmp_path: Path) -> None:
    for target in (
        host_target(),
        AVX2,
        cross_target("aarch64-linux-gnu"),
        cross_target("wasm32-freestanding"),
    ):
        source = write(save(name, tmp_path), target)
        check([*ZIG, *WARN, "-O1", *target.flags, "-c", str(source), "-o", str(tmp_path / "x.o")])
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed; zig cc found no warnings")
    source = write(save(name, tmp_path), host_target())
    check(["gcc", *WARN, "-O1", "-march=native", "-c", str(source), "-o", str(tmp_path / "x.o")])


@pytest.mark.parametrize("name", EACH)
def test_sanitizers_find_nothing(name: str, tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed, and the bundled compiler brings no sanitizer runtime")
    source = write(save(name, tmp_path), host_target())
    binary = tmp_path / "checked"
    check(["gcc", *WARN, "-O1", "-g", "-march=native", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
           str(source), str(tmp_path / "main.c"), "-o", str(binary)])  # fmt: skip
    for width, height, strips in [(1, 1, 1), (2, 3, 1), (7, 13, 2), (127, 13, 3), (130, 33, 2)]:
        run_harness([str(binary)], name, tmp_path, width, height, strips)


def test_sanitizer_would_find_a_fault(tmp_path: Path) -> None:
    """The check above can fail: one sample too many is found."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed, and the bundled compiler brings no sanitizer runtime")
    source = write(save("tiny_like", tmp_path), host_target())
    text = source.read_text()
    broken = re.sub(
        r"if \(left >= \d+ \* VL\) __builtin_memcpy\(v,", "if (left > 0) __builtin_memcpy(v,", text, count=1
    )
    assert broken != text
    source.write_text(broken)
    binary = tmp_path / "checked"
    check(
        [
            "gcc",
            "-O1",
            "-march=native",
            "-fsanitize=address",
            str(source),
            str(tmp_path / "main.c"),
            "-o",
            str(binary),
        ]
    )
    planes = np.zeros((3, 5), np.uint8)
    done = subprocess.run(
        [str(binary), "5", "3", "2", "1", "1"], input=planes.tobytes(), capture_output=True, check=False
    )
    assert done.returncode != 0
    assert b"AddressSanitizer" in done.stderr


@pytest.mark.parametrize("name", ["tiny_like", "residual_concat", "grouped_rgb", "five", "steep"])
def test_aarch64_under_qemu(name: str, tmp_path: Path) -> None:
    qemu = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if qemu is None:
        pytest.skip("qemu-aarch64 is not installed (apt-get install qemu-user)")
    target = cross_target("aarch64-linux-musl")
    source = write(save(name, tmp_path), target)
    binary = tmp_path / "arm"
    flags = [flag for flag in FLAGS if not flag.startswith("-mprefer")]
    check(
        [
            *ZIG,
            *WARN,
            *flags,
            *target.flags,
            "-static",
            str(source),
            str(tmp_path / "main.c"),
            "-o",
            str(binary),
        ]
    )
    for width, height, strips in [(1, 1, 1), (13, 7, 2), (30, 9, 1), (127, 31, 3)]:
        run_harness([qemu, str(binary)], name, tmp_path, width, height, strips)


def test_avx2_and_plain_sse_agree(tmp_path: Path) -> None:
    """Narrower vectors and fewer registers than this machine's: other blocks, the same results."""
    for target in (AVX2, replace(AVX2, cpu="x86_64", lanes=4)):
        for name in ("small_like", "residual_concat"):
            source = write(save(name, tmp_path), target)
            binary = tmp_path / "narrow"
            native = ["-target", "x86_64-linux-gnu", f"-march={target.cpu}"]
            check(
                [
                    *ZIG,
                    *WARN,
                    "-O2",
                    *native,
                    str(source),
                    str(tmp_path / "main.c"),
                    "-o",
                    str(binary),
                ]
            )
            run_harness([str(binary)], name, tmp_path, 127, 31, 2)


def test_the_text_can_be_read(tmp_path: Path) -> None:
    text = write(save("small_like", tmp_path), host_target()).read_text()
    head = text[: text.index("*/")]
    assert "small_like" in head
    assert "bands of" in head
    assert "Winograd" in head
    assert len(re.findall(r"step\d+_Conv_\d+", head)) == 6  # every layer by its ONNX name, with its schedule
    assert "malloc" not in text
    assert not re.search(r"#include <(?!stddef|stdint)", text)


def test_wasm_stores_kernels_as_they_were_trained() -> None:
    """A page loads them each time: Winograd's 36 numbers of 9 are made when the module first runs."""
    graph, _ = read_network(models.resolve("small"))

    def stored(target: Target) -> int:
        text = emit(make_plan(graph, target))
        return sum(int(size) for size in re.findall(r"^static const (?:float|double) \w+\[(\d+)\]", text, re.MULTILINE))

    assert stored(cross_target("wasm32-freestanding")) < 6_200  # 5,848 are the network's
    assert stored(cross_target("x86_64-linux-gnu")) > 20_000
