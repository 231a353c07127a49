"""The C itself: no warnings, nothing for the sanitizers to find, the same results on ARM, and a text one can read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engine_nets import NETS, save

from pocketsr.engine import load, read_network
from pocketsr.engine.build import FLAGS
from pocketsr.engine.emit import emit, emit_header
from pocketsr.engine.plan import make_plan
from pocketsr.engine.target import Target, cross_target, host_target

ZIG = [sys.executable, "-m", "ziglang", "cc"]
WARN = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
AVX2 = Target("x86_64-linux-gnu", "x86_64_v3", 8, 16)


def write(name: str, folder: Path, target: Target) -> Path:
    """NAME.c, NAME.h and the harness for it; returns the C file."""
    plan = make_plan(read_network(save(name, folder))[0], target)
    (folder / f"{name}.c").write_text(emit(plan))
    (folder / f"{name}.h").write_text(emit_header(plan))
    harness = (Path(__file__).parent / "harness.c").read_text().replace("NAME", name)
    (folder / "main.c").write_text(harness)
    return folder / f"{name}.c"


def check(command: list[str], **options: object) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return bytes(done.stdout)


@pytest.mark.parametrize("name", NETS)
def test_no_warnings(name: str, tmp_path: Path) -> None:
    for target in (
        host_target(),
        AVX2,
        cross_target("aarch64-linux-gnu"),
        cross_target("wasm32-freestanding"),
    ):
        source = write(name, tmp_path, target)
        check([*ZIG, *WARN, "-O1", *target.flags, "-c", str(source), "-o", str(tmp_path / "x.o")])
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed; zig cc found no warnings")
    source = write(name, tmp_path, host_target())
    check(["gcc", *WARN, "-O1", "-march=native", "-c", str(source), "-o", str(tmp_path / "x.o")])


def run_harness(binary: list[str], name: str, folder: Path, width: int, height: int, strips: int) -> None:
    """The harness's answers equal the library's: samples and floats."""
    network = load(folder / f"{name}.onnx", threads=1)
    planes = np.random.default_rng(width).integers(0, 256, (network.channels, height, width), np.uint8)
    sizes = [str(n) for n in (width, height, network.scale, network.channels, strips)]
    raw = check([*binary, *sizes], input=planes.tobytes())
    count = planes.size * network.scale**2
    shape = (network.channels, height * network.scale, width * network.scale)
    small = np.frombuffer(raw[:count], np.uint8).reshape(shape)
    wide = np.frombuffer(raw[count : 3 * count], np.uint16).reshape(shape)
    floats = np.frombuffer(raw[3 * count :], np.float32).reshape(shape)

    def ours(image: np.ndarray, bits: int | None = None) -> np.ndarray:
        result = network(image[0] if network.channels == 1 else image.transpose(1, 2, 0), bits=bits)
        return result[None] if network.channels == 1 else result.transpose(2, 0, 1)

    # Another compiler or machine may round a last bit otherwise: floats agree closely, samples but for ties.
    assert np.abs(floats - ours(planes.astype(np.float32) / np.float32(255))).max() <= 1e-5
    assert np.abs(small.astype(int) - ours(planes).astype(int)).max() <= 1
    assert (small != ours(planes)).mean() < 1e-3
    assert np.abs(wide.astype(int) - ours(planes.astype(np.uint16) * 4, bits=10).astype(int)).max() <= 1
    assert (wide != ours(planes.astype(np.uint16) * 4, bits=10)).mean() < 1e-2


@pytest.mark.parametrize("name", NETS)
def test_sanitizers_find_nothing(name: str, tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed, and the bundled compiler brings no sanitizer runtime")
    source = write(name, tmp_path, host_target())
    binary = tmp_path / "checked"
    check(["gcc", *WARN, "-O1", "-g", "-march=native", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
           str(source), str(tmp_path / "main.c"), "-o", str(binary)])  # fmt: skip
    for width, height, strips in [(1, 1, 1), (2, 3, 1), (7, 13, 2), (127, 13, 3), (130, 33, 2)]:
        run_harness([str(binary)], name, tmp_path, width, height, strips)


def test_sanitizer_would_find_a_fault(tmp_path: Path) -> None:
    """The check above can fail: one sample too many is found."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed, and the bundled compiler brings no sanitizer runtime")
    source = write("tiny_like", tmp_path, host_target())
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


@pytest.mark.parametrize("name", ["tiny_like", "residual_concat", "grouped_rgb", "five"])
def test_aarch64_under_qemu(name: str, tmp_path: Path) -> None:
    qemu = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if qemu is None:
        pytest.skip("qemu-aarch64 is not installed (apt-get install qemu-user)")
    target = cross_target("aarch64-linux-musl")
    source = write(name, tmp_path, target)
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
    for width, height, strips in [(1, 1, 1), (13, 7, 2), (127, 31, 3)]:
        run_harness([qemu, str(binary)], name, tmp_path, width, height, strips)


def test_avx2_and_plain_sse_agree(tmp_path: Path) -> None:
    """Narrower vectors and fewer registers than this machine's: other blocks, the same results."""
    for target in (AVX2, replace(AVX2, cpu="x86_64", lanes=4)):
        for name in ("small_like", "residual_concat"):
            source = write(name, tmp_path, target)
            binary = tmp_path / "narrow"
            native = ["-target", "x86_64-linux-musl", f"-march={target.cpu}"]
            check(
                [
                    *ZIG,
                    *WARN,
                    "-O2",
                    *native,
                    "-static",
                    str(source),
                    str(tmp_path / "main.c"),
                    "-o",
                    str(binary),
                ]
            )
            run_harness([str(binary)], name, tmp_path, 127, 31, 2)


def test_the_text_can_be_read(tmp_path: Path) -> None:
    text = write("small_like", tmp_path, host_target()).read_text()
    head = text[: text.index("*/")]
    assert "small_like" in head
    assert "bands of" in head
    assert "Winograd" in head
    assert len(re.findall(r"step\d+_Conv_\d+", head)) == 6  # every layer by its ONNX name, with its schedule
    assert "malloc" not in text
    assert not re.search(r"#include <(?!stddef|stdint)", text)
