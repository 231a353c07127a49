"""Low-bit networks: what is predicted from a shape is what `quant` writes and the engine makes of it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketsr.design.candidate import Candidate
from pocketsr.design.chain import Act, Anchor, Chain, Layer
from pocketsr.design.cost import schedule_of_chain, work_of_strips
from pocketsr.design.graphs import graph_of
from pocketsr.design.precision import PICTURE_LEVELS, PRECISIONS, Precision, typical_weights
from pocketsr.engine import read_network
from pocketsr.engine.analysis.count import count
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.method import Storage
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target, cross_target
from pocketsr.engine.codegen.work import WORK, Schedule, schedule_of, shape_of, work_of_row
from pocketsr.engine.ir.graph import Classes, Combine, Conv, Graph, Pad, Pointwise, Prelu, Quantize, Ref

VNNI = Target(None, None, 16, 32, 49152, 1)
TARGETS = (
    VNNI,
    Target(None, None, 16, 32, 49152, 4),
    cross_target("aarch64-linux-gnu"),
)
FEW: tuple[Precision, ...] = PRECISIONS[1:]
SAMPLE = (
    Candidate("a", "pocket", 4, 12, precision="w8a8"),
    Candidate("a", "pocket", 5, 16, groups=4, skip="long", anchor=Anchor.BICUBIC, precision="w2a8"),
    Candidate("a", "pocket", 4, 20, groups=4, anchor=Anchor.NONE, precision="w4a4"),
    Candidate("a", "pocket", 5, 8, groups=4, skip="long", anchor=Anchor.LEARNED, precision="w2a2"),
    Candidate("a", "pocket", 4, 12, groups=2, anchor=Anchor.BICUBIC, chosen="all", precision="w8a8"),
    Candidate("a", "pocket", 4, 8, skip="long", chosen="ends", classes=24, precision="w4a4"),
    Candidate("a", "sesr", 4, 8, ends=5, precision="w4a8"),
    Candidate("a", "ecbsr", 4, 10, precision="w2a4"),
    Candidate("a", "etds", 4, 8, channels=3, precision="w8a8"),
)
WIDE, END = Layer(8), Layer(4, act=Act.NONE)
SUMS = Chain((WIDE, WIDE, Layer(8, add=(0,)), WIDE, Layer(8, add=(0, 2)), END))  # one of them kept, and read again
SHAPES = (
    SUMS,
    Chain((Layer(20, (5, 5)), *[Layer(20, groups=4)] * 3, END), anchor=Anchor.LEARNED),
    Chain((Layer(24), *[Layer(24, groups=2)] * 2, Layer(16, (1, 1)), END), anchor=Anchor.BICUBIC),
    Chain(
        (Layer(12, (5, 5), act=Act.NONE), *[Layer(12, groups=6)] * 3, Layer(4, add=(0,), act=Act.NONE)), centred=True
    ),
    Chain(
        (Layer(16, act=Act.RELU), Layer(16, (3, 1), act=Act.TANH), Layer(12)), 3, pad=Pad.ZERO, anchor=Anchor.RESIZED
    ),
    Chain((Layer(40), Layer(40, (5, 5)), Layer(9, act=Act.NONE)), scale=3),
    Chain(
        (Layer(8, classes=32), Layer(8, groups=2), Layer(4, (5, 5), act=Act.NONE, classes=32)), anchor=Anchor.LEARNED
    ),
)


def _graph(model: Any, precision: Precision, folder: Path) -> Graph:
    """What the engine reads of `model`, quantized; its weights are normal, as those that `quant` meets."""
    torch = pytest.importorskip("torch")
    quant = pytest.importorskip("pocketsr.quant")
    torch.manual_seed(1)
    for weight in model.parameters():
        if weight.ndim == 4:
            torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
        elif weight.ndim == 1:
            weight.data += 0.02 * torch.randn_like(weight)
    pictures = torch.rand(2, model.channels, 24, 24)
    few = quant.Spec.parse(precision, "twn")  # whose zeros are as many whatever the pictures are
    made = quant.quantize(model, few, pictures, "minmax", bias_correction=False, equalise=False)
    quant.write_onnx(made, folder / "net.onnx")
    return read_network(folder / "net.onnx")[0]


@pytest.fixture(scope="module", params=SAMPLE, ids=lambda candidate: f"{candidate.kind}-{candidate.name}")
def quantized(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Chain, Graph, Path]:
    nets = pytest.importorskip("pocketsr.nets.registry")
    from pocketsr.reparam import collapse

    candidate: Candidate = request.param
    name, config = candidate.net()
    folder = tmp_path_factory.mktemp("design")
    graph = _graph(collapse(nets.build(name, **config)), candidate.precision, folder)
    return candidate.chain(), graph, folder / "net.onnx"


def _described(graph: Graph) -> object:
    """Operations and result, each by what makes its planes: their order and numbers don't count."""
    known: dict[int, int] = {0: 0}
    found: set[object] = set()

    def planes(refs: tuple[Ref, ...]) -> tuple[object, ...]:
        return tuple((known[ref.value], ref.channel) for ref in refs)

    def stage(each: object) -> object:
        match each:
            case Combine(kind, other, numbers):
                return kind, planes(other), numbers is not None
            case Quantize(step, _, top):
                return "quantize", step == 1 or top == PICTURE_LEVELS, top
            case Prelu(slope):
                return "prelu", bool(slope.any())
        return type(each).__name__

    for op in graph.ops:
        about: tuple[object, ...] = (type(op).__name__, planes(op.inputs), op.channels)
        if isinstance(op, Conv | Pointwise):
            about += tuple(stage(each) for each in op.stages)
        if isinstance(op, Conv):
            integers = op.integers
            assert integers is not None
            bits = next(bits for bits in (2, 4, 8) if np.abs(integers.weight).max() < 2 ** (bits - 1))
            about += (op.weight.shape, op.groups, op.pad, integers.top, bits)
            if op.chosen:
                about += (op.chosen.weight.shape, integers.weight.shape, planes((op.chosen.classes,)))
        if isinstance(op, Classes):
            about += (op.limits,)
        found.add(about)
        known[op.value] = hash(about)
    return found, planes(graph.output)


def _steps(schedule: Schedule) -> object:
    """But for the number of additions, which is a question of single weights."""
    steps: Counter[object] = Counter()
    sums = False
    for step in schedule.steps:
        sums |= step.shape.additions is not None
        steps[step.shape._replace(additions=None), step.delay, step.prologue] += step.times
    return steps, schedule.phases, schedule.ring_bytes, None if sums else schedule.weights


def test_the_graph_is_that_of_the_quantized_file(quantized: tuple[Chain, Graph, Path]) -> None:
    chain, graph, _ = quantized
    assert _described(graph_of(chain, seed=1)) == _described(graph)


def test_work_and_counts_are_those_of_the_quantized_file(quantized: tuple[Chain, Graph, Path]) -> None:
    chain, graph, path = quantized
    for target in TARGETS:
        assert _steps(schedule_of_chain(chain, target)) == _steps(schedule_of(make_plan(graph, target)))
    counted = count(path)
    resize = 100 if chain.anchor is Anchor.BICUBIC else 0  # there a 5x5 convolution to 4 planes, with nothing learned
    assert chain.macs_per_pixel + resize == counted.macs_per_pixel
    assert chain.receptive_field == counted.receptive_field
    assert chain.written_per_pixel * counted.input_pixels == counted.written_bytes


@pytest.mark.parametrize("precision", FEW)
@pytest.mark.parametrize("chain", SHAPES)
def test_a_chain_is_scheduled_with_typical_weights_as_with_others(chain: Chain, precision: Precision) -> None:
    chain = replace(chain, precision=precision)
    graph = graph_of(chain, seed=1)
    for target in TARGETS:
        assert _steps(schedule_of_chain(chain, target)) == _steps(schedule_of(make_plan(graph, target)))


def _work(chain: Chain, target: Target = VNNI) -> dict[str, float]:
    return dict(zip(WORK, work_of_strips(schedule_of_chain(chain, target), (640, 8), 1, 1 << 21)[-1], strict=True))


def test_dot_products_by_hand() -> None:
    # 8 to 8 by 3x3: 2 words x 9 taps, for each of which a block's channels x vectors are summed, two a cycle
    chain = Chain((Layer(8), Layer(8), END), precision="w8a8")
    (inner,) = [
        step.shape
        for step in schedule_of_chain(chain, VNNI).steps
        if step.shape.outputs == 8 and step.shape.inputs == 8
    ]
    method = inner.method
    per_row = work_of_row(inner, 1, VNNI, 640)[WORK.index("dots")]
    turns = 40 / method.block.vectors * 8 / method.block.channels
    assert method.block.channels * method.block.vectors >= 16
    assert per_row == turns * 18 * method.block.channels * method.block.vectors / 2
    assert work_of_row(inner, 1, VNNI, 640)[WORK.index("words")] == 2 * 40
    assert _work(chain, Target(None, None, 16, 32, 49152, 4))["dots"] > 3 * _work(chain)["dots"]


def test_additions_are_those_of_the_c_that_is_emitted() -> None:
    for precision in ("w2a8", "w2a4", "w2a2"):
        chain = Chain((Layer(16), Layer(16), Layer(16), END), precision=precision)  # type: ignore[arg-type]
        plan = make_plan(graph_of(chain, seed=0), Target(None, None, 16, 32, 49152, 4))
        code = emit(plan)
        step = next(step for step in plan.steps if step.method.reads is Storage.BYTES)
        body = code[code.index(f"static void step{plan.steps.index(step)}_") :]
        body = body[: body.index("\n}\n")]
        assert step.op
        shape = shape_of(step, plan.rings[step.op.value], plan.formats.storage)
        work = dict(zip(WORK, work_of_row(shape, 1, plan.target, 640), strict=True))
        turns = 640 // (16 * step.method.block.vectors)
        added = len(re.findall(r"a\d+ [+-]= ", body)) + len(re.findall(r"const \w+ (both|gap) = ", body))
        assert work["added"] / turns == pytest.approx(added, rel=0.05)  # a weight of 2 is added as twice the vector
        assert work["moved"] / turns == pytest.approx(body.count("move(&"), abs=16)
        assert (work["compared"] > 0) == ("(bytes4)(a0 >= " in body) == (precision == "w2a2")


def test_weights_of_two_bits_have_as_many_zeros_as_trained_ones() -> None:
    ternary, wide = typical_weights((16, 16, 3, 3), 2), typical_weights((16, 16, 3, 3), 8)
    assert set(np.unique(ternary)) == {-1, 0, 1}
    assert np.count_nonzero(ternary, axis=(1, 2, 3)).tolist() == [79] * 16
    assert np.abs(wide).max() in range(100, 128)


def test_the_pictures_levels_are_those_of_quant() -> None:
    quant = pytest.importorskip("pocketsr.quant")
    from pocketsr.quant.net import INPUT_LEVELS

    assert PICTURE_LEVELS == INPUT_LEVELS
    assert PRECISIONS[1:] == quant.SPECS
