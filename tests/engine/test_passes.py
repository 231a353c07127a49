"""Graph to graph: every pass keeps the meaning; together they leave one step a convolution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine_nets import NETS, save

from pocketsr.engine.codegen.method import choose_block
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.codegen.winograd import minimal_filter
from pocketsr.engine.ir.graph import Affine, Conv, Pointwise, Shuffle, verify
from pocketsr.engine.ir.reference import evaluate
from pocketsr.engine.onnx.importer import from_onnx
from pocketsr.engine.passes.simplify import PASSES, simplify


@pytest.mark.parametrize("name", NETS)
def test_passes_keep_the_meaning(name: str, tmp_path: Path) -> None:
    graph = from_onnx(save(name, tmp_path)).graph
    image = np.random.default_rng(0).random((graph.channels, 9, 11))
    expected = evaluate(graph, image)
    for step in PASSES:
        graph = step(graph)
        verify(graph)
        # folding rounds weights to single precision once more
        assert np.abs(evaluate(graph, image) - expected).max() < 1e-6, step.__name__


@pytest.mark.parametrize("name", ["tiny_like", "small_like", "five", "narrow_x4"])
def test_a_chain_becomes_one_step_a_convolution(name: str, tmp_path: Path) -> None:
    graph = simplify(from_onnx(save(name, tmp_path)).graph)
    assert not [op for op in graph.ops if isinstance(op, Pointwise)]
    assert sum(isinstance(op, Shuffle) for op in graph.ops) == 1
    assert isinstance(graph.ops[-1], Shuffle)


def test_batch_norm_is_folded(tmp_path: Path) -> None:
    graph = simplify(from_onnx(save("grouped_rgb", tmp_path)).graph)
    stages = [stage for op in graph.ops if isinstance(op, Conv) for stage in op.stages]
    assert not [stage for stage in stages if isinstance(stage, Affine)]


def test_wide_groups_become_convolutions_of_their_own(tmp_path: Path) -> None:
    """Two groups of 6 and three of 4 are parted; depthwise and groups of 2 (grouped_rgb) stay."""
    graph = simplify(from_onnx(save("groups_shuffled", tmp_path)).graph)
    assert [op.weight.shape[:2] for op in graph.ops if isinstance(op, Conv)] == [
        (12, 1), (6, 6), (6, 6), (4, 4), (4, 4), (4, 4), (4, 12),
    ]  # fmt: skip
    kept = simplify(from_onnx(save("grouped_rgb", tmp_path)).graph)
    assert [op.groups for op in kept.ops if isinstance(op, Conv) and op.groups > 1] == [12, 4, 3]


@pytest.mark.parametrize(("outputs", "taps"), [(2, 3), (4, 3), (6, 3), (2, 5), (4, 5)])
def test_winograd_is_the_filter(outputs: int, taps: int) -> None:
    f = minimal_filter(outputs, taps)
    rng = np.random.default_rng(1)
    data, weight = rng.random(f.products), rng.normal(size=taps)
    expected = [data[i : i + taps] @ weight for i in range(outputs)]
    assert np.allclose(f.result @ ((f.weight @ weight) * (f.data @ data)), expected, atol=1e-12)
    assert np.allclose(f.result @ f.ones, 1, atol=1e-12)


def test_winograd_f_4_3_is_the_published_one() -> None:
    """Lavin & Gray 2016, section 4.3, up to the order of the points and the sign of rows."""
    published = np.array(
        [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
         [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]]
    )  # fmt: skip
    assert (minimal_filter(4, 3, ("0", "1", "-1", "2", "-2")).data == published).all()


def test_register_blocks_fit_the_machine() -> None:
    for target in (Target(None, None, 16, 32), Target(None, None, 8, 16), Target(None, None, 4, 32)):
        for channels in (1, 3, 4, 8, 12, 16, 48):
            block = choose_block(channels, 640 // target.lanes, target)
            assert block.channels * block.vectors + block.vectors + 1 <= target.registers
            assert block.channels <= channels


def test_the_schedule_reads_only_rows_that_are_there(tmp_path: Path) -> None:
    """Simulated: at every band, each row that a step reads was made and is not yet overwritten."""
    for name in NETS:
        plan = make_plan(simplify(from_onnx(save(name, tmp_path)).graph), Target(None, None, 8, 16))
        made = dict.fromkeys(plan.rings, -(10**9))
        first = 7
        for band in range(first - max(step.prologue for step in plan.steps), first + 4):
            for step in plan.steps:
                if band < first - step.prologue:
                    continue
                value = step.op.value if step.op else 0
                ring = plan.rings[value]
                top, height = 4 * ring.scale * band - ring.delay, 4 * ring.scale
                if step.op is not None:
                    factor = step.op.factor if isinstance(step.op, Shuffle) else 1
                    halo = step.op.weight.shape[2] // 2 if isinstance(step.op, Conv) else 0
                    for ref in step.op.inputs:
                        source = plan.rings[ref.value]
                        low, high = top // factor - halo, (top + height) // factor + halo
                        assert high <= made[ref.value], name
                        assert made[ref.value] - low <= source.rows, name
                made[value] = top + height
