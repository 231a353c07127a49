"""Work of kernels chosen by classes: counted by hand, and as often as classes change in pictures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pocketsr.design.chain import Act, Chain, Layer
from pocketsr.design.cost import schedule_of_chain
from pocketsr.design.graphs import graph_of
from pocketsr.design.running import _picture
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.method import DIRECT
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.codegen.work import WORK, Shape, weight_bytes, work_of_row
from pocketsr.engine.codegen.work_chosen import classes_met
from pocketsr.engine.ir.graph import Classes
from pocketsr.pixels.structure import structure_classes

WIDE, VNNI = Target(None, None, 16, 32, 49152), Target(None, None, 16, 32, 49152, 1)
NARROW = Target(None, None, 8, 16)


def _last(classes: int, target: Target, precision: str = "fp32", groups: int = 1) -> Shape:
    layers = (Layer(8, (1, 1)), Layer(4, (1, 1), groups, act=Act.NONE, classes=classes))
    chain = Chain(layers, precision=precision)  # type: ignore[arg-type]
    (shape,) = [step.shape for step in schedule_of_chain(chain, target).steps if step.shape.classes]
    return shape


def _work(shape: Shape, target: Target, width: int = 640, phases: int = 1) -> dict[str, float]:
    return dict(zip(WORK, work_of_row(shape, phases, target, width), strict=True))


def test_a_lookup_for_each_weight_of_each_vector() -> None:
    # 640 pixels are 10 turns of 4 vectors; 8 planes to 4 channels
    work = _work(shape := _last(16, WIDE), WIDE)
    assert shape.method.lookup == 16
    assert work["chosen"] == 10 * 4 * 4 * 8
    assert work["products"] == 20 * 8 * 4
    assert work["calls"] == 10
    assert weight_bytes(shape, WIDE) == 4 * 16 * 4 * 8


def test_up_to_32_cost_what_16_do_and_several_tables_are_looked_up_in_turn_and_lanes_picked() -> None:
    one, same, two = (_work(_last(classes, WIDE), WIDE) for classes in (16, 24, 40))
    assert same["chosen"] == one["chosen"]
    assert weight_bytes(_last(24, WIDE), WIDE) == 4 * 32 * 4 * 8  # one table of 32
    assert two["chosen"] == pytest.approx(1.63 * 20 * 2 * 4 * (8 + 1))
    assert two["products"] == pytest.approx(1.63 * one["products"])
    assert weight_bytes(_last(40, WIDE), WIDE) == 2 * 4 * 32 * 4 * 8


def test_elsewhere_each_pixel_fetches_its_kernel_whatever_the_classes() -> None:
    # 640 pixels are 80 turns; two pixels' 4 channels a vector, 8 planes of one tap: 8 weights and one vector of pixels
    one, two = (_last(classes, NARROW) for classes in (16, 40))
    work = _work(one, NARROW)
    assert (one.method.lookup, one.method.across) == (0, 8)
    assert work["products"] == 80 * 8 * (8 + 1) / 2
    assert work["calls"] == 80
    assert work["chosen"] == 80 * 4  # vectors turned
    assert weight_bytes(one, NARROW) == 16 * weight_bytes(one._replace(classes=0, method=DIRECT), NARROW)
    assert _work(two, NARROW)["products"] == work["products"]
    grouped = _last(16, NARROW, groups=4)  # a channel a group: planes are turned, too
    assert _work(grouped, NARROW)["chosen"] == 80 * 8 + 20 * 5 * 8 * 2
    apart = _work(_last(16, Target(None, None, 4, 32)), Target(None, None, 4, 32), phases=4)
    assert apart["products"] == 80 * 8 * 2 * 8 / 2


def test_words_are_looked_up_where_one_instruction_multiplies_four() -> None:
    shape = _last(16, VNNI, "w8a8")
    work = _work(shape, VNNI)
    assert work["chosen"] == 20 * 2 * 4 * (2 + 1)  # two words, and what sums start from
    assert work["dots"] == 20 * 2 * 4
    narrow = _last(16, NARROW, "w8a8")
    # two words; 4 dot products of 8 pixels, in 4 instructions each, and what gets pixels and kernels in place
    assert narrow.method.across == 8
    assert _work(narrow, NARROW)["dots"] == 80 * 2 * (4 * 4 + 3 + 2 * 4 * 2) / 2
    assert weight_bytes(narrow, NARROW) == 16 * 4 * 4 * 2 * 2
    spelled_out = _last(16, WIDE, "w8a8")
    assert spelled_out.method.lookup == 0
    assert _work(spelled_out, WIDE)["dots"] > classes_met(32, 16, 1) * work["dots"]


def test_classes_are_found_once_a_pixel() -> None:
    steps = schedule_of_chain(Chain((Layer(8, classes=16), Layer(4, act=Act.NONE, classes=16))), WIDE).steps
    (classes,) = [step.shape for step in steps if step.shape.kind == "classes"]
    assert _work(classes, WIDE)["classes"] == 40
    assert sum(_work(step.shape, WIDE)["classes"] for step in steps) == 40


@pytest.mark.parametrize("precision", ["fp32", "w8a8"])
@pytest.mark.parametrize("classes", [16, 32])
def test_loops_are_those_of_the_c_that_is_emitted(precision: str, classes: int) -> None:
    layers = (Layer(8), Layer(8, classes=classes), Layer(4, act=Act.NONE))
    for target in (VNNI, NARROW):
        chain = Chain(layers, precision=precision)  # type: ignore[arg-type]
        plan = make_plan(graph_of(chain, seed=0), target)
        code = emit(plan)
        number = next(i for i, step in enumerate(plan.steps) if step.op and step.op.name == "layer1")
        body = code[code.index(f"static void step{number}_") :]
        body = body[: body.index("\n}\n")]
        (shape,) = [step.shape for step in schedule_of_chain(chain, target).steps if step.shape.classes]
        work = _work(shape, target)
        several = classes > (shape.method.lookup or 1) and not shape.method.across
        assert ("either(" in body) == several
        assert ("looked_up" in body) == bool(shape.method.lookup)
        assert body.count("among(") == (several and (8 // shape.method.block.channels if precision == "w8a8" else 1))
        assert ("across_" in body) == bool(shape.method.across)
        assert work["chosen"] > 0


@pytest.mark.parametrize("phases", [1, 4])
def test_classes_change_as_often_as_in_the_picture_that_is_timed(phases: int) -> None:
    picture = _picture(1, 640, 360)
    assert picture.shape == (360, 640)
    for classes in (8, 16, 32):
        (op,) = (
            op for op in graph_of(Chain((Layer(4, act=Act.NONE, classes=classes),))).ops if isinstance(op, Classes)
        )
        found = structure_classes(picture, op.limits)
        for pixels in (4, 8, 16, 32):
            runs = found.reshape(360, -1, pixels, phases).swapaxes(2, 3).reshape(-1, pixels)
            met = 1 + np.count_nonzero(np.diff(np.sort(runs, axis=1)), axis=1).mean()
            assert classes_met(pixels, classes, phases) == pytest.approx(met, rel=0.16)


def test_more_pixels_apart_have_more_classes_among_them() -> None:
    for classes in range(8, 72, 8):
        met = [classes_met(2**power, classes, 1) for power in range(6)]
        apart = [classes_met(2**power, classes, 4) for power in range(6)]
        assert met[0] == apart[0] == 1
        assert all(a < b for a, b in pairwise(met))
        assert all(near < far <= classes for near, far in zip(met[1:], apart[1:], strict=True))
