"""Classes of structure and kernels chosen by them: bit for bit as defined, and as the file says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from emitted import WARN, ZIG, check, write
from engine_nets import Build
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from quantized_nets import whole_steep
from steep_nets import LIMITS, classes_seen, pictures, steep_chain

from pocketsr.engine import load, read_network
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target, host_target
from pocketsr.engine.ir.graph import Conv
from pocketsr.engine.runtime.build import build_library, library_suffix
from pocketsr.engine.runtime.network import Network
from pocketsr.pixels.structure import structure_classes

SIZES = ((1, 1), (1, 9), (5, 2), (13, 40), (37, 131))


@pytest.mark.parametrize("count", LIMITS)
def test_classes_are_the_definitions_bit_for_bit(count: int, tmp_path: Path) -> None:
    path = tmp_path / "seen.onnx"
    onnx.save(classes_seen(Build, count), path)
    networks = [load(path, threads=threads) for threads in (1, 2, 3)]
    met: set[int] = set()
    for size in SIZES:
        for plane in pictures(*size):
            expected = np.repeat(np.repeat(structure_classes(plane.astype(np.uint8), LIMITS[count]), 2, 0), 2, 1)
            met |= set(np.unique(expected).tolist())
            floats = (plane / 255).astype(np.float32)
            for network in networks:
                assert np.array_equal(network(plane.astype(np.uint8)), expected)
                assert np.array_equal(np.rint(network(floats) * 255), expected)
        for plane in pictures(*size, largest=1023):  # ten bits: the levels of eight that lie nearest
            classes = structure_classes((plane / 1023).astype(np.float32), LIMITS[count])
            expected = np.rint(np.repeat(np.repeat(classes, 2, 0), 2, 1) * np.float64(1023 / 255))
            for network in networks:
                assert np.array_equal(network(plane.astype(np.uint16), bits=10), expected)
    assert len(met) > 0.7 * count


MADE: dict[str, Callable[[], onnx.ModelProto]] = {
    "all": lambda: steep_chain(Build),
    "many": lambda: steep_chain(Build, (1, 2, 1), 40, edges=False),
    "ends": lambda: steep_chain(Build, every=False),
    "few": lambda: steep_chain(Build, (1, 2), 8, width=6),
}


@pytest.mark.parametrize("name", MADE)
def test_results_are_the_files_whatever_the_threads(name: str, tmp_path: Path) -> None:
    onnx.save(MADE[name](), path := tmp_path / f"{name}.onnx")
    networks = [load(path, threads=threads) for threads in (1, 2, 3, 5)]
    evaluator = ReferenceEvaluator(str(path))
    for height, width in ((1, 1), (9, 17), (40, 70)):
        plane = pictures(height, width)[2].astype(np.uint8)
        floats = plane / np.float32(255)
        (expected,) = evaluator.run(None, {"x": floats[None, None]})
        np.testing.assert_allclose(networks[0](floats), expected[0, 0], atol=1e-5, rtol=0)
        assert all(np.array_equal(networks[0](plane), each(plane)) for each in networks[1:])
        assert all(np.array_equal(networks[0](floats), each(floats)) for each in networks[1:])


WIDE: dict[str, Callable[[], onnx.ModelProto]] = {
    # Groups of 2 to 12 channels: in vectors of one pixel, of two, and of several groups
    "groups": lambda: steep_chain(Build, (1, 3, 4, 6, 1), 16, width=12, kernel=(1, 5)),
    "square": lambda: steep_chain(Build, (1, 2, 4, 1), 24),
    "words": lambda: whole_steep(16, 12, (1, 3, 1, 1)),
}


@pytest.mark.parametrize(("lanes", "name"), [(8, "groups"), (8, "square"), (8, "words"), (4, "groups"), (4, "words")])
def test_bits_are_the_same_class_after_class_and_across_channels(
    lanes: int, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx.save(WIDE[name](), tmp_path / "net.onnx")
    host = host_target()
    target = replace(host, lanes=lanes, registers=16, l1_bytes=32768)
    graph, info = read_network(tmp_path / "net.onnx")
    planes = [pictures(*size)[2].astype(np.float32) / 255 for size in ((3, 5), (13, 70))]
    results: list[list[NDArray[np.float32]]] = []
    for _ in range(2):
        plan = make_plan(graph, target)
        methods = [step.method for step in plan.steps if isinstance(step.op, Conv) and step.op.chosen]
        assert all(method.across == (0 if results else lanes) for method in methods)
        library = tmp_path / f"{len(results)}{library_suffix(target)}"
        build_library(emit(plan), library, target)
        results.append([Network(library, info, 1)(plane) for plane in planes])
        monkeypatch.setattr("pocketsr.engine.codegen.method.ACROSS_PIXELS", 0)  # no vector is as narrow
    assert all(np.array_equal(*each) for each in zip(*results, strict=True))


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: steep_chain(Build, (1, 1), 16, width=4), {"vpermps"}),
        (lambda: whole_steep(16, 4, (1, 1)), {"vpermps", "vpermd", "vpdpbusd"}),  # its first layer is in floats
        (lambda: whole_steep(40, 4, (1, 1)), {"vpermt2ps", "vpermt2d", "vpdpbusd"}),
    ],
)
def test_avx512_looks_weights_up(make: Callable[[], onnx.ModelProto], wanted: set[str], tmp_path: Path) -> None:
    """Compiled for it, without warnings; machines that have it run it in all other tests."""
    onnx.save(make(), tmp_path / "net.onnx")
    target = Target("x86_64-linux-gnu", "x86_64_v4+avx512vnni", 16, 32, l1_bytes=49152, dot_cost=1)
    source = write(tmp_path / "net.onnx", target)
    check(
        [
            *ZIG,
            *WARN,
            "-Wno-unused-command-line-argument",
            "-O1",
            *target.flags,
            "-S",
            str(source),
            "-o",
            str(tmp_path / "net.s"),
        ]
    )
    found = set((tmp_path / "net.s").read_text().split())
    assert wanted <= found
