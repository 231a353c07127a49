"""Frames of luma and chroma in C: as the engine makes them, in any strips, on threads of the caller's; and by CMake."""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_nets import net_of_many_forms
from frames_i420 import enlarged, frame_of, joined

from pocketsr.codec.correction import Correction, corrected
from pocketsr.engine.codegen.target import cross_target
from pocketsr.errors import UserError
from pocketsr.export import export
from pocketsr.export._sources import for_one
from pocketsr.export.c import check_floats
from pocketsr.export.source import open_source

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "cmake"


class Frame(ctypes.Structure):
    _fields_ = (
        [("w", ctypes.c_int), ("h", ctypes.c_int)]
        + [(name, ctypes.c_void_p) for name in ("y", "u", "v")]
        + [(name, ctypes.c_ssize_t) for name in ("y_stride", "u_stride", "v_stride")]
        + [(name, ctypes.c_void_p) for name in ("to_y", "to_u", "to_v")]
        + [(name, ctypes.c_ssize_t) for name in ("to_y_stride", "to_u_stride", "to_v_stride")]
    )


TASK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int)
PARALLEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, TASK, ctypes.c_void_p)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tiny")
    export("c", "tiny", made, size=(64, 48))
    return made


@pytest.fixture(scope="module")
def library(folder: Path) -> ctypes.CDLL:
    loaded = ctypes.CDLL(str(next(folder.glob("*tiny.[sd][oyl]*"))))
    loaded.tiny_i420_scratch.restype = ctypes.c_size_t
    loaded.tiny_i420.argtypes = [
        ctypes.POINTER(Frame), ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
    ]  # fmt: skip
    return loaded


def _record(planes: list[np.ndarray], out: list[np.ndarray]) -> Frame:
    height, width = planes[0].shape
    return Frame(
        width, height, *(each.ctypes.data for each in planes), *(each.strides[0] for each in planes),
        *(each.ctypes.data for each in out), *(each.strides[0] for each in out),
    )  # fmt: skip


def test_corrections_are_in_the_library(library: ctypes.CDLL) -> None:
    rng = np.random.default_rng(0)
    coefficients = rng.integers(-20, 21, (4, 41)).astype(np.int8)
    low, high = rng.integers(0, 256, (9, 35)).astype(np.uint8), rng.integers(0, 256, (18, 70)).astype(np.uint8)
    out = np.zeros_like(high)
    pointer, distance, number = ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int
    pair: list[Any] = [pointer, distance]
    library.tiny_correct_u8.argtypes = [pointer, *pair * 3, *[number] * 4]
    planes = [each for plane in (low, high, out) for each in (plane.ctypes.data, plane.strides[0])]
    for first, last in ((0, 4), (4, 9)):
        library.tiny_correct_u8(coefficients.ctypes.data, *planes, 35, 9, first, last)
    assert np.array_equal(out, corrected(Correction(coefficients), low, high))


@pytest.mark.parametrize(("size", "strips"), [((2, 2), 1), ((34, 6), 5), ((130, 70), 3), ((16, 16), 64)])
def test_frames_are_the_engines_in_any_strips(library: ctypes.CDLL, size: tuple[int, int], strips: int) -> None:
    width, height = size
    planes = frame_of(width, height)
    # Rows lie apart, and what is between them stays
    out = [np.full((2 * each.shape[0], 2 * each.shape[1] + 5), 77, np.uint8) for each in planes]
    scratch = np.full(strips * library.tiny_i420_scratch(width), 255, np.uint8)
    seen: list[int] = []

    def pool(_: int, count: int, task: ctypes._CFuncPtr, job: int) -> None:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda i: (seen.append(i), task(job, i)), reversed(range(count))))

    parallel = PARALLEL(pool)
    record = _record(planes, out)
    assert library.tiny_i420(record, strips, scratch.ctypes.data, ctypes.cast(parallel, ctypes.c_void_p), None) == 1
    assert sorted(seen) == list(range(strips))
    for made, expected in zip(out, enlarged("tiny", planes), strict=True):
        assert (made[:, :-5] == expected).all()
        assert (made[:, -5:] == 77).all()
    again = [np.zeros_like(each) for each in out]
    assert library.tiny_i420(_record(planes, again), 1, scratch.ctypes.data, None, None) == 1
    assert all((a[:, :-5] == b[:, :-5]).all() for a, b in zip(again, out, strict=True))


@pytest.mark.parametrize(
    ("name", "value"),
    [("w", 31), ("h", 0), ("h", -2), ("w", 2**31 - 2), ("y", None), ("to_v", None), ("u_stride", 15),
     ("to_y_stride", 63), ("y_stride", -32)],
)  # fmt: skip
def test_what_is_no_frame_is_refused_before_anything_is_written(
    library: ctypes.CDLL, name: str, value: int | None
) -> None:
    planes = frame_of(32, 16)
    out = [np.full((2 * each.shape[0], 2 * each.shape[1]), 77, np.uint8) for each in planes]
    scratch = np.empty(library.tiny_i420_scratch(32), np.uint8)
    record = _record(planes, out)
    assert library.tiny_i420(record, 0, scratch.ctypes.data, None, None) == 0
    setattr(record, name, value)
    assert library.tiny_i420(record, 1, scratch.ctypes.data, None, None) == 0
    assert all((each == 77).all() for each in out)


def test_networks_of_colour_have_no_frames(tmp_path: Path) -> None:
    network = net_of_many_forms(tmp_path / "colour.onnx")
    report = export("c", network, tmp_path / "out", triple="x86_64-linux-gnu", variants="sse2")
    assert "colour_sse2.c" in report.files
    assert not list((tmp_path / "out").glob("*i420*"))


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="its variants are for Linux on x86-64"
)
def test_cmake_finds_the_libraries_and_builds_the_c(tmp_path: Path) -> None:
    """C with the static library, C++ with the shared one, and C with the sources: the engine's samples from each."""
    if shutil.which("cmake") is None or shutil.which("g++") is None:
        pytest.skip("cmake or g++ is not installed (apt-get install cmake g++)")
    compiled, build = tmp_path / "compiled", tmp_path / "build"
    export("c", "tiny", compiled, variants="avx2", size=(64, 48))
    for step in (
        ["cmake", "-S", str(EXAMPLE), "-B", str(build), f"-Dpocketsr-tiny_DIR={compiled}"],
        ["cmake", "--build", str(build)],
    ):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    planes = frame_of(38, 22)
    (tmp_path / "in.yuv").write_bytes(joined(planes) * 2)
    expected = np.concatenate([each.ravel() for each in enlarged("tiny", planes)] * 2).astype(int)
    for program in ("frame_c", "frame_cpp", "frame_source"):
        subprocess.run([build / program, "38", "22", "in.yuv", f"{program}.yuv"], cwd=tmp_path, check=True)
        made = np.fromfile(tmp_path / f"{program}.yuv", np.uint8)
        assert np.abs(made - expected).max() <= 1  # another variant or compiler rounds floats otherwise
        assert (made != expected).mean() < 1e-3
    odd = subprocess.run([build / "frame_c", "37", "22", "in.yuv", "x.yuv"], cwd=tmp_path, check=False)
    assert odd.returncode == 1


def test_a_strength_is_not_handed_to_32_bit_android() -> None:
    """Whose functions take floats in other registers than what is built for it."""
    plan = for_one(open_source("bicubic").graph, cross_target("arm-linux-gnueabihf"))
    told = replace(plan, headers=plan.headers | {"more.h": "void net_u8_at(const uint8_t *in, float strength);"})
    with pytest.raises(UserError, match="choose aarch64-linux-android, or export android"):
        check_floats(told, "arm-linux-androideabi")
    check_floats(plan, "arm-linux-androideabi")
    check_floats(told, "arm-linux-gnueabihf")
