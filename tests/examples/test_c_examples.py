"""The C and C++ programs of examples/ are built as their first lines say, and give what the library gives in Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pocketsr.cli import main
from pocketsr.engine import load

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROGRAMS = {"c": ("c/upscale.c", "cc", "gcc"), "cpp": ("cpp/upscale.cpp", "c++", "g++")}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `pocketsr compile tiny` fills."""
    folder = tmp_path_factory.mktemp("compiled")
    assert main(["compile", "tiny", "-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module", params=PROGRAMS)
def program(request: pytest.FixtureRequest, compiled: Path) -> Path:
    source, zig, own = PROGRAMS[request.param]
    # The machine's own, if it has one: the bundled compiler would build its libraries of C and C++ first, for a minute
    compiler = [own] if shutil.which(own) else [sys.executable, "-m", "ziglang", zig]
    flags = ["-std=c11"] if request.param == "c" else ["-std=c++17", "-pthread"]
    flags += ["-Wall", "-Wextra", "-Werror", "-I", str(compiled)]
    made = compiled / f"upscale_{request.param}"
    link = ["-L", str(compiled), "-l:tiny.so", f"-Wl,-rpath,{compiled}"]
    done = subprocess.run(
        [*compiler, *flags, str(EXAMPLES / source), *link, "-o", str(made)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return made


def _write(path: Path, picture: NDArray[np.uint8]) -> None:
    height, width = picture.shape
    path.write_bytes(f"P5\n{width} {height}\n255\n".encode() + picture.tobytes())


@pytest.mark.skipif(sys.platform != "linux", reason="-l:NAME and rpath are the GNU linker's")
def test_a_picture_is_enlarged_as_in_python(program: Path, tmp_path: Path) -> None:
    small = np.random.default_rng(0).integers(0, 256, (37, 53), np.uint8)
    _write(tmp_path / "small.pgm", small)
    subprocess.run([program, "small.pgm", "large.pgm"], cwd=tmp_path, check=True)
    _write(tmp_path / "expected.pgm", load("tiny", threads=1)(small))
    assert (tmp_path / "large.pgm").read_bytes() == (tmp_path / "expected.pgm").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="-l:NAME and rpath are the GNU linker's")
@pytest.mark.parametrize(
    "content", [b"", b"P5\n4 4\n255\n123", b"P5\n-1 4\n255\n", b"P6\n1 1\n255\n123", b"P5\n4 4\n65535\n"]
)
def test_what_is_no_picture_is_refused(program: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "small.pgm").write_bytes(content)
    done = subprocess.run(
        [program, "small.pgm", "large.pgm"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("upscale: ")
    assert not (tmp_path / "large.pgm").exists()


def test_cmake_builds_both(tmp_path: Path) -> None:
    if shutil.which("cmake") is None or shutil.which("g++") is None:
        pytest.skip("cmake or g++ is not installed")
    command = f"{sys.executable};-c;import sys\\; from pocketsr.cli import main\\; sys.exit(main(sys.argv[1:]))"
    build = tmp_path / "build"
    for step in (
        ["cmake", "-S", str(EXAMPLES), "-B", str(build), f"-DPOCKETSR={command}"],
        ["cmake", "--build", str(build)],
    ):
        done = subprocess.run(step, capture_output=True, text=True, check=False, env=os.environ)
        assert done.returncode == 0, done.stdout + done.stderr
    small = np.arange(48, dtype=np.uint8).reshape(6, 8)
    _write(tmp_path / "small.pgm", small)
    for name in ("upscale_c", "upscale_cpp"):
        subprocess.run([build / name, tmp_path / "small.pgm", tmp_path / f"{name}.pgm"], check=True)
        assert (tmp_path / f"{name}.pgm").stat().st_size == len(b"P5\n16 12\n255\n") + 16 * 12
