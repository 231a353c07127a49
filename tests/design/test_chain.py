"""What is counted from a shape alone is what the exported network costs and what the engine does with it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pocketsr.design.candidate import Candidate
from pocketsr.design.chain import Act, Anchor, Chain, Layer
from pocketsr.design.cost import schedule_of_chain
from pocketsr.design.graphs import graph_of
from pocketsr.engine import read_network
from pocketsr.engine.analysis.count import count
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target, cross_target
from pocketsr.engine.codegen.work import Schedule, schedule_of
from pocketsr.engine.ir.graph import Graph, Pad

SAMPLE = (
    Candidate("a", "pocket", 2, 8),
    Candidate("a", "pocket", 4, 12, anchor=Anchor.NONE),
    Candidate("a", "pocket", 5, 16, groups=4, skip="long", anchor=Anchor.BICUBIC),
    Candidate("a", "pocket", 5, 8, groups=4, skip="long", anchor=Anchor.LEARNED),
    Candidate("a", "pocket", 6, 24, groups=2, ends=5),
    Candidate("a", "pocket", 4, 6, kernel=(3, 5), anchor=Anchor.LEARNED, skip="long"),
    Candidate("a", "pocket", 4, 10, kernel=(5, 1), ends=1),
    Candidate("a", "pocket", 2, 8, chosen="ends"),
    Candidate("a", "pocket", 5, 8, groups=4, skip="long", chosen="last"),
    Candidate("a", "pocket", 4, 12, ends=5, anchor=Anchor.BICUBIC, chosen="ends", classes=8),
    Candidate("a", "pocket", 4, 8, groups=2, kernel=(1, 3), anchor=Anchor.NONE, chosen="all", classes=24),
    Candidate("a", "pocket", 3, 16, ends=1, anchor=Anchor.LEARNED, chosen="all", classes=64),
    Candidate("a", "sesr", 3, 8, ends=5),
    Candidate("a", "sesr", 7, 16, ends=5),
    Candidate("a", "ecbsr", 4, 10),
    Candidate("a", "ecbsr", 3, 16, channels=3),
    Candidate("a", "etds", 4, 12, channels=3),
    Candidate("a", "abpn", 5, 12, channels=3),
)
TARGETS = (Target(None, None, 16, 32, 49152), cross_target("x86_64-linux-gnu"), cross_target("aarch64-linux-gnu"))


def _steps(schedule: Schedule) -> object:
    """All that a prediction depends on, the order of the steps apart."""
    steps: Counter[object] = Counter()
    for step in schedule.steps:
        steps[step.shape, step.delay, step.prologue] += step.times
    return steps, schedule.phases, schedule.ring_bytes, schedule.weights


@pytest.fixture(scope="module", params=SAMPLE, ids=lambda candidate: f"{candidate.kind}-{candidate.name}")
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Candidate, Path]:
    nets = pytest.importorskip("pocketsr.nets.registry")
    candidate: Candidate = request.param
    name, config = candidate.net()
    path = tmp_path_factory.mktemp("design") / "net.onnx"
    net = nets.build(name, **config)
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    for weight in net.parameters():  # two layers with the same fresh slopes would share them in the file
        weight.data += 0.02 * torch.randn_like(weight)
    nets.to_onnx(net, path)
    return candidate, path


def test_counts_are_those_of_the_exported_file(exported: tuple[Candidate, Path]) -> None:
    candidate, path = exported
    counted, chain = count(path), candidate.chain()
    pixels = counted.input_pixels
    assert (chain.params, chain.macs_per_pixel * pixels) == (counted.params, counted.macs)
    assert (chain.receptive_field, chain.halo) == (counted.receptive_field, counted.halo)
    assert chain.written_per_pixel * pixels == counted.written_bytes


def test_work_is_that_of_the_exported_file(exported: tuple[Candidate, Path]) -> None:
    candidate, path = exported
    graph, _ = read_network(path)
    for target in TARGETS:
        assert _steps(schedule_of_chain(candidate.chain(), target)) == _steps(schedule_of(make_plan(graph, target)))


NONE = Layer(4, act=Act.NONE)
WIDE = Layer(8)
BY_HAND = (
    Chain((WIDE, WIDE, Layer(8, add=(0,)), WIDE, Layer(8, add=(0, 2)), NONE)),
    Chain((WIDE, WIDE, Layer(8, add=(0,)), Layer(8, act=Act.TANH), Layer(8, add=(1,)), NONE), anchor=Anchor.RESIZED),
    Chain((Layer(8, (5, 5)), Layer(8, groups=2), Layer(8, groups=4), NONE), centred=True, anchor=Anchor.BICUBIC),
    Chain((Layer(8), Layer(9, act=Act.NONE)), scale=3, anchor=Anchor.BICUBIC),
    Chain((Layer(8), Layer(16, act=Act.NONE)), scale=4, anchor=Anchor.LEARNED),
    Chain((Layer(16, act=Act.SLOPE), Layer(12, act=Act.RELU)), channels=3, pad=Pad.ZERO, anchor=Anchor.NONE),
    Chain((Layer(8, classes=48), Layer(8, groups=4), Layer(8, add=(0,), groups=4), Layer(4, act=Act.NONE, classes=48))),
    Chain((Layer(12), Layer(12), Layer(9, act=Act.NONE, classes=16)), scale=3, anchor=Anchor.BICUBIC),
)


@pytest.mark.parametrize("chain", BY_HAND)
def test_a_chain_is_scheduled_without_weights_as_with_them(chain: Chain) -> None:
    graph: Graph = graph_of(chain, seed=1)
    for target in TARGETS:
        assert _steps(schedule_of_chain(chain, target)) == _steps(schedule_of(make_plan(graph, target)))


def test_counts_by_hand() -> None:
    # 1 -> 8 and 8 -> 4 of 3x3 with biases, 8 slopes; 10 -> the shuffle's 4 maps of 4 bytes, 8 and 4 before it
    chain = Chain((Layer(8), NONE))
    assert chain.params == 72 + 8 + 8 + 288 + 4
    assert chain.macs_per_pixel == 72 + 288
    assert chain.receptive_field == 5
    assert chain.written_per_pixel == 4 * (8 + 4 + 4)
    assert chain.gmacs(640, 360) == pytest.approx(360 * 230400 / 1e9)


def test_chosen_kernels_by_hand() -> None:
    # 16 kernels for each weight and one bias; 33 products and one map more for the classes, which see 3 pixels
    chain = Chain((Layer(8), Layer(4, act=Act.NONE, classes=16)))
    assert chain.params == 72 + 8 + 8 + 16 * 288 + 4
    assert chain.macs_per_pixel == 72 + 288 + 33
    assert chain.receptive_field == 7
    assert chain.written_per_pixel == 4 * (1 + 8 + 4 + 4)
    both = Chain((Layer(8, classes=16), Layer(4, act=Act.NONE, classes=16)))
    assert both.receptive_field == 9  # the first layer's classes, and one pixel beside each
    for layers in (
        (Layer(8, classes=16), Layer(4, classes=8)),
        (Layer(8), Layer(4, classes=12)),
    ):
        with pytest.raises(ValueError, match="multiple of 8"):
            Chain(layers)
    with pytest.raises(ValueError, match="chosen by luma"):
        Chain((Layer(12, classes=16),), channels=3)


def test_a_chain_must_end_in_the_pixels_that_one_becomes() -> None:
    with pytest.raises(ValueError, match="needs 4 channels"):
        Chain((Layer(8), Layer(8)))
