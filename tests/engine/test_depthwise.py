"""Depthwise convolutions of floats: which are summed a band of rows at once, and what they give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from engine_nets import Build, save
from onnx.reference import ReferenceEvaluator

from pocketsr.engine import load, read_network
from pocketsr.engine.codegen.emit import describe
from pocketsr.engine.codegen.method import BAND, choose_method
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.codegen.work import schedule_of, work_of_row
from pocketsr.engine.ir.graph import Conv, planes

_TARGETS = {
    "sse": (Target(None, "x86_64", 4, 16), 3),
    "avx2": (Target(None, "x86_64_v3", 8, 16), 3),
    "avx512": (Target(None, "native", 16, 32), 4),
    "wasm": (Target("wasm32-freestanding", "generic+simd128", 4, 14), 2),
}  # fmt: skip


def _conv(channels: int, inputs: int, groups: int, kernel: tuple[int, int]) -> Conv:
    weight = np.ones((channels, inputs // groups, *kernel), np.float32)
    return Conv("one", 1, planes(0, inputs), weight, np.zeros(channels, np.float32), groups)


@pytest.mark.parametrize("name", _TARGETS)
def test_sums_of_a_band_fit_in_the_registers(name: str) -> None:
    target, vectors = _TARGETS[name]
    method = choose_method(_conv(24, 24, 24, (7, 7)), 1, 1, target)
    assert (method.together, method.block.vectors, method.group_rows) == (BAND, vectors, BAND)
    assert (BAND + 1) * vectors + 1 <= target.registers


@pytest.mark.parametrize(
    ("channels", "inputs", "groups", "kernel"),
    [
        (4, 1, 1, (5, 5)),  # one channel to several: each row that is read serves all of them
        (24, 24, 12, (5, 5)),
        (24, 24, 24, (1, 5)),  # no other row to share with
        (24, 24, 1, (3, 3)),
    ],
)
def test_others_go_as_they_did(channels: int, inputs: int, groups: int, kernel: tuple[int, int]) -> None:
    assert choose_method(_conv(channels, inputs, groups, kernel), 1, 1, _TARGETS["avx2"][0]).together == 0


def test_the_gated_network_gives_what_its_file_says(tmp_path: Path) -> None:
    path = save("gated", tmp_path)
    network = load(path, threads=2)
    evaluator = ReferenceEvaluator(str(path))
    for height, width in ((1, 1), (3, 5), (13, 40), (22, 19)):
        x = np.random.default_rng(height).random((height, width), np.float32)
        (expected,) = evaluator.run(None, {"x": x[None, None]})
        np.testing.assert_allclose(network(x), expected[0, 0], atol=1e-5, rtol=0)


def test_the_plan_says_so_and_counts_fewer_cycles_than_row_by_row(tmp_path: Path) -> None:
    b = Build(seed=1)
    t = b.conv(b.conv("x", 1, 8), 8, 8, 11, groups=8)
    onnx.save(b.model(b.op("DepthToSpace", b.conv(t, 8, 4), blocksize=2, mode="CRD")), str(tmp_path / "net.onnx"))
    target = _TARGETS["avx2"][0]
    plan = make_plan(read_network(tmp_path / "net.onnx")[0], target)
    assert "11x11, 8 groups, depthwise, 4 rows at once" in describe(plan)
    (shape,) = (each.shape for each in schedule_of(plan).steps if each.shape.groups == 8)
    alone = shape._replace(method=shape.method._replace(together=0))
    assert work_of_row(shape, 1, target, 640)[0] < work_of_row(alone, 1, target, 640)[0]
