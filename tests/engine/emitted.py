"""Emitted C, compiled by other compilers and for other machines, against this machine's library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from pocketsr.engine import load, read_network
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.emit_entries import emit_header
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target

__all__ = ["AVX2", "WARN", "ZIG", "check", "run_harness", "write"]

ZIG = [sys.executable, "-m", "ziglang", "cc"]
WARN = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
AVX2 = Target("x86_64-linux-gnu", "x86_64_v3", 8, 16)


def write(network: Path, target: Target) -> Path:
    """NAME.c, NAME.h and the harness for it, beside NAME.onnx; returns the C file."""
    name, folder = network.stem, network.parent
    plan = make_plan(read_network(network)[0], target)
    (folder / f"{name}.c").write_text(emit(plan))
    (folder / f"{name}.h").write_text(emit_header(plan))
    harness = (Path(__file__).parent / "harness.c").read_text().replace("NAME", name)
    (folder / "main.c").write_text(harness)
    return folder / f"{name}.c"


def check(command: list[str], **options: object) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return bytes(done.stdout)


def run_harness(
    binary: list[str], name: str, folder: Path, width: int, height: int, strips: int, exact: bool = False
) -> None:
    """The harness's answers equal the library's: samples and floats; to the last bit with `exact`."""
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

    if exact:
        assert (small == ours(planes)).all()
        assert (wide == ours(planes.astype(np.uint16) * 4, bits=10)).all()
        assert (floats == ours(planes.astype(np.float32) / np.float32(255))).all()
    # Another compiler or machine may round a last bit otherwise: floats agree closely, samples but for ties.
    assert np.abs(floats - ours(planes.astype(np.float32) / np.float32(255))).max() <= 1e-5
    assert np.abs(small.astype(int) - ours(planes).astype(int)).max() <= 1
    assert (small != ours(planes)).mean() < 1e-3
    assert np.abs(wide.astype(int) - ours(planes.astype(np.uint16) * 4, bits=10).astype(int)).max() <= 1
    assert (wide != ours(planes.astype(np.uint16) * 4, bits=10)).mean() < 1e-2
