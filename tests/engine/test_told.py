"""Networks that are told a strength: as ONNX defines them at each strength, whatever the kernel, threads and parts."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
from emitted import WARN, ZIG, check, write
from engine_nets import NETS, chain
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from partial_runs import blocks, picture
from quantized_nets import WHOLE, whole_chain
from told_nets import fed, save_told, told_model

from pocketsr import ArgumentError, UserError, models
from pocketsr.engine import Network, Reusing, load, read_network, repeat_edges, repeated, told
from pocketsr.engine.analysis.count import count
from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.emit_entries import emit_header
from pocketsr.engine.codegen.method import Storage
from pocketsr.engine.codegen.plan import make_plan
from pocketsr.engine.codegen.target import cross_target, host_target
from pocketsr.engine.ir.graph import Conv
from pocketsr.engine.ir.reference import evaluate
from pocketsr.engine.ir.strength import at_strength
from pocketsr.engine.onnx.told import at_strength as model_at
from pocketsr.engine.runtime.parts import mask_shape
from pocketsr.engine.upscaler import Told

STRENGTHS = (0.0, 0.1, 0.25, 0.61, 1.0)
FLOATS = [
    "small_like", "five", "grouped_rgb", "steep",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("tiny_like", "groups_shuffled", "residual_concat")),
]  # fmt: skip
INTEGERS = [
    "whole_zeros", "whole_w2a2", "whole_steep_many",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("whole_narrow", "whole_w4a4", "whole_skips")),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("told")


def planes_in(network: Network, height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(height).random((network.channels, height, width), np.float32)


def image_of(planes: NDArray[Any]) -> NDArray[Any]:
    return planes[0] if len(planes) == 1 else planes.transpose(1, 2, 0)


@pytest.mark.parametrize("name", FLOATS)
def test_floats_are_those_of_the_reference_and_of_onnx(name: str, folder: Path) -> None:
    path = save_told(name, folder)
    graph, info = read_network(path)
    assert (info.strengths, info.default_strength) == (5, 0.5)
    assert any(isinstance(op, Conv) and op.offsets is not None for op in graph.ops)
    evaluator = ReferenceEvaluator(str(path))
    for threads, (height, width) in ((1, (7, 13)), (3, (37, 21))):
        network = load(path, threads)
        planes, made = planes_in(network, height, width), []
        for strength in STRENGTHS:
            got = network(image_of(planes), strength=strength)
            assert np.abs(got - image_of(evaluate(graph, planes, strength))).max() <= 1e-5, (strength, threads)
            made.append(got)
        (expected,) = evaluator.run(None, fed(planes, 0.61))
        assert np.abs(made[3] - image_of(expected[0])).max() <= 1e-5
        assert min(np.abs(a - b).max() for a, b in pairwise(made)) > 1e-2  # it makes a difference
        assert (network(image_of(planes)) == network(image_of(planes), strength=0.5)).all()


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_are_those_of_the_reference_to_the_last_bit(name: str, folder: Path) -> None:
    path = save_told(name, folder)
    graph, _ = read_network(path)
    hold = [op for op in graph.ops if isinstance(op, Conv) and op.integers is not None]
    assert any(op.integers is not None and op.integers.offsets is not None for op in hold)
    plan = make_plan(graph, host_target())
    assert all(
        step.method.reads is not Storage.BYTES for step in plan.steps if step.op in hold and step.op.offsets is not None
    )
    for threads, (height, width) in ((1, (7, 13)), (2, (33, 18))):
        network = load(path, threads)
        planes = np.random.default_rng(5).integers(0, 256, (1, height, width)).astype(np.float32)
        planes *= np.float32(graph.max_value / 255)
        for strength in STRENGTHS:
            expected = evaluate(graph, planes, strength)
            np.testing.assert_array_equal(network(planes[0], strength=strength), expected[0], f"{strength}")


@pytest.mark.parametrize("name", ["small_like", "whole_zeros", "steep"])
def test_onnx_runtime_gives_the_same(name: str, folder: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    path = save_told(name, folder)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    network, rng = load(path, 2), np.random.default_rng(3)
    for strength in STRENGTHS:
        y = rng.integers(0, 256, (31, 45)).astype(np.uint8)
        (expected,) = session.run(None, fed((y / np.float32(255))[None], strength, session.get_inputs()[0].name))
        off = np.abs(network(y, strength=strength) - np.clip(expected[0, 0] * 255, 0, 255))
        # integers: their bias is rounded to the step of the sums, which may move a stored level, rarely
        assert np.percentile(off, 99.9) <= (0.502 if name != "whole_zeros" else 4), strength


@pytest.mark.parametrize("name", ["small_like", "whole_zeros", "steep"])
def test_threads_and_calls_at_once_don_t_meet(name: str, folder: Path) -> None:
    path = save_told(name, folder)
    network, other = load(path, 2), load(path, 1)
    y = np.random.default_rng(1).integers(0, 256, (61, 70)).astype(np.uint8)
    alone = {strength: other(y, strength=strength) for strength in STRENGTHS}
    with ThreadPoolExecutor(4) as pool:
        asked = [STRENGTHS[i % len(STRENGTHS)] for i in range(40)]
        for strength, made in zip(asked, pool.map(lambda s: network(y, strength=s), asked), strict=True):
            np.testing.assert_array_equal(made, alone[strength])


@pytest.mark.parametrize("name", ["small_like", "whole_w2a2", "steep"])
def test_a_part_has_the_bits_of_the_whole(name: str, folder: Path) -> None:
    network, rng = load(save_told(name, folder), 2), np.random.default_rng(8)
    for height, width in ((5, 31), (37, 65), (42, 160)):
        before = picture(rng, (height, width), np.uint8)
        now = before.copy()
        now[height // 2, width // 3] ^= 64
        for strength in (0.2, 0.9):
            whole = network(now, strength=strength)
            out = network(before, strength=strength).copy()
            network(now, out=out, changed=network.changes(before, now), strength=strength)
            np.testing.assert_array_equal(out, whole)
            wanted = rng.random(mask_shape(height, width)) < 0.4
            rest = picture(rng, whole.shape, np.uint8)
            expected = np.where(blocks(wanted, network.scale, whole.shape), whole, rest)
            network(now, out=rest, wanted=wanted, strength=strength)
            np.testing.assert_array_equal(rest, expected)


def test_another_strength_computes_a_remembered_picture_anew(folder: Path) -> None:
    network = load(save_told("small_like", folder), 1)
    reusing, rng = Reusing(network), np.random.default_rng(2)
    y = picture(rng, (40, 64), np.uint8)
    for strength in (0.3, 0.3, 0.7, None, 0.5, 0.7):
        np.testing.assert_array_equal(reusing(y, strength=strength), network(y, strength=strength))
    assert reusing.computed == 5 * y.size  # the second one alone was there already


def test_wrappers_hand_a_strength_on(folder: Path) -> None:
    network = load(save_told("small_like", folder), 1)  # which sees zeros beyond the edges
    y = picture(np.random.default_rng(4), (17, 22), np.uint8)
    wide = np.pad(y, network.edge_halo, mode="edge")
    inner = slice(2 * network.edge_halo, -2 * network.edge_halo)
    around = cast(Told, repeat_edges(network))
    np.testing.assert_array_equal(around(y, strength=0.8), network(wide, strength=0.8)[inner, inner])
    twice = cast(Told, repeated(network, 2))  # what was upscaled once is clean
    np.testing.assert_array_equal(twice(y, strength=0.8), around(around(y, strength=0.8), strength=0.0))
    np.testing.assert_array_equal(told(network, 0.8)(y), network(y, strength=0.8))


def test_a_strength_that_is_none_is_refused(folder: Path) -> None:
    network, y = load(save_told("small_like", folder), 1), np.zeros((8, 8), np.uint8)
    for strength in (-0.1, 1.5, float("nan"), float("inf")):
        with pytest.raises(ArgumentError, match=r"from 0 \(clean\) to 1"):
            network(y, strength=strength)
    wrong: Any
    for wrong in ("0.5", True, np.zeros(1)):
        with pytest.raises(TypeError, match="strength is a"):
            network(y, strength=wrong)
    with pytest.raises(ArgumentError, match="tiny takes no strength"):
        load("tiny", 1)(y, strength=0.5)


def test_at_strength_makes_it_an_ordinary_network(folder: Path) -> None:
    for name in ("five", "whole_zeros"):
        path = save_told(name, folder)
        graph, _ = read_network(path)
        planes = np.random.default_rng(9).integers(0, 256, (1, 9, 12)).astype(np.float32) * np.float32(1 / 255)
        for strength in (0.37, None):
            plain = at_strength(graph, strength)
            assert (plain.strengths, emit_header(make_plan(plain, host_target())).count("strength")) == (0, 0)
            np.testing.assert_array_equal(evaluate(plain, planes), evaluate(graph, planes, strength))
        model = model_at(onnx.load(path), 0.37)
        assert len(model.graph.input) == 1
        (made,) = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: planes[None]})
        (expected,) = ReferenceEvaluator(str(path)).run(None, fed(planes, 0.37, model.graph.input[0].name))
        np.testing.assert_array_equal(made, expected)
        assert model_at(model) is model


def test_what_is_learned_at_each_strength_counts(folder: Path) -> None:
    onnx.save(chain(), folder / "plain.onnx")
    plain, knots = count(folder / "plain.onnx"), 3
    onnx.save(told_model(chain(), knots), folder / "counted.onnx")
    made = count(folder / "counted.onnx")
    assert made.params == plain.params + knots * (8 + 8 + 4)
    assert (made.macs, made.receptive_field) == (plain.macs, plain.receptive_field)


def test_the_file_says_what_is_taken_by_default(folder: Path) -> None:
    path = folder / "by_default.onnx"
    onnx.save(told_model(chain(), default="0.25"), path)
    network, y = load(path, 1), picture(np.random.default_rng(4), (9, 9), np.uint8)
    assert (network.strengths, network.default_strength) == (5, 0.25)
    np.testing.assert_array_equal(network(y), network(y, strength=0.25))


_MAIN = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "NAME.h"
int main(void)
{
    static uint8_t in[13 * 21], out[4 * 13 * 21];
    const int bands = NAME_bands(13), cut = bands / 2;
    if (fread(in, 1, sizeof in, stdin) != sizeof in) return 4;
    const float strengths[4] = {0.0f, 0.3f, 1.0f, 7.0f};
    for (int i = 0; i < 4; i++)
        for (int half = 0; half < 2; half++) {
            void *scratch = malloc(NAME_scratch(21));
            if (!scratch) return 3;
            memset(scratch, 255, NAME_scratch(21));
            NAME_u8_at(in, 21, 0, out, 42, 0, 21, 13, half ? cut : 0, half ? bands : cut, scratch, 0, 0, 0,
                strengths[i]);
            free(scratch);
            if (half) fwrite(out, 1, sizeof out, stdout);
        }
    return 0;
}
"""


@pytest.mark.parametrize("name", ["tiny_like", "whole_one"])
def test_c_as_programs_call_it(name: str, tmp_path: Path) -> None:
    path = save_told(name, tmp_path)
    wasm = cross_target("wasm32-freestanding")
    check([*ZIG, *WARN, "-O0", *wasm.flags, "-c", str(write(path, wasm)), "-o", str(tmp_path / "x.o")])
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed; the bundled compiler would build a C library first")
    source = write(path, host_target())
    (tmp_path / "main.c").write_text(_MAIN.replace("NAME", path.stem))
    binary = tmp_path / "program"
    check(["gcc", *WARN, "-O0", "-march=native", "-fsanitize=address",
           str(source), str(tmp_path / "main.c"), "-o", str(binary)])  # fmt: skip
    y = picture(np.random.default_rng(6), (13, 21), np.uint8)
    raw = subprocess.run([str(binary)], input=y.tobytes(), capture_output=True, check=True).stdout
    network = load(path, 1)
    for made, strength in zip(np.frombuffer(raw, np.uint8).reshape(4, 26, 42), (0, 0.3, 1, 1), strict=True):
        off = np.abs(made.astype(int) - network(y, strength=strength).astype(int))
        assert off.max() <= (0 if name == "whole_one" else 1)


def test_ordinary_networks_have_none_of_it() -> None:
    graph, info = read_network(models.resolve("tiny"))
    text = emit(make_plan(graph, host_target()))
    assert info.strengths == 0
    assert "strength" not in text
    assert "told" not in text


def hostile(change: Callable[[onnx.ModelProto], None], knots: int = 5) -> onnx.ModelProto:
    model = told_model(chain((3, 3), 4), knots)
    change(model)
    return model


def _say(key: str, value: str | None) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        kept = [item for item in model.metadata_props if item.key != key]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        if value is not None:
            model.metadata_props.append(onnx.StringStringEntryProto(key=key, value=value))

    return change


def _input(name: str, kind: int, shape: list[Any]) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        model.graph.input[1].CopyFrom(helper.make_tensor_value_info(name, kind, shape))

    return change


def _no_input(model: onnx.ModelProto) -> None:
    del model.graph.input[1]
    model.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), "strength"))


def _node(place: int, kind: str, given: list[str], result: str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        model.graph.node.insert(place, helper.make_node(kind, given, [result], name="odd"))

    return change


def _instead(kind: str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        next(node for node in model.graph.node if node.op_type == "Add").op_type = kind

    return change


def _curved(model: onnx.ModelProto) -> None:
    """Squares in place of lines."""
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    relu.op_type = "Mul"
    relu.input.append(relu.input[0])


def _read_before(model: onnx.ModelProto) -> None:
    """Something else reads what the last convolution gives, before the strength is added."""
    last = [node for node in model.graph.node if node.op_type == "Conv"][-1]
    add = next(node for node in model.graph.node if last.output[0] in node.input)
    place = list(model.graph.node).index(add)
    model.graph.node.insert(place + 1, helper.make_node("Relu", [last.output[0]], ["other"], name="odd"))
    model.graph.node.insert(place + 2, helper.make_node("Add", ["other", add.output[0]], ["both"], name="sum"))
    for node in list(model.graph.node)[place + 3 :]:
        node.input[:] = ["both" if name == add.output[0] else name for name in node.input]


def _infinite(model: onnx.ModelProto) -> None:
    table = next(item for item in model.graph.initializer if item.name.endswith("_table"))
    numbers = numpy_helper.to_array(table).copy()
    numbers[1, 2] = np.inf
    table.CopyFrom(numpy_helper.from_array(numbers, table.name))


def _of_another_width(model: onnx.ModelProto) -> None:
    table = next(item for item in model.graph.initializer if item.name.endswith("_table"))
    table.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(table)[:, :3].copy(), table.name))


def _huge(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 2**20), np.float32), "wide"))
    model.graph.node.insert(0, helper.make_node("Add", ["strength", "wide"], ["w0"], name="odd"))
    for i in range(40):
        model.graph.node.insert(i + 1, helper.make_node("Mul", [f"w{i}", "wide"], [f"w{i + 1}"]))


HOSTILE: dict[str, tuple[Callable[[onnx.ModelProto], None], str]] = {
    "no metadata": (_say("pocketsr.strengths", None), "needs pocketsr.strengths"),
    "one": (_say("pocketsr.strengths", "1"), "2 to 17"),
    "many": (_say("pocketsr.strengths", "18"), "2 to 17"),
    "no number": (_say("pocketsr.strengths", "five"), "2 to 17"),
    "digits of others": (_say("pocketsr.strengths", "\u0665"), "2 to 17"),
    "fewer than there are": (_say("pocketsr.strengths", "4"), "node 'add_t0_0'.*isn't linear between the 4 strengths"),
    "default beyond": (_say("pocketsr.default_strength", "1.5"), "a number from 0 to 1"),
    "default nan": (_say("pocketsr.default_strength", "nan"), "a number from 0 to 1"),
    "of integers": (_input("strength", TensorProto.INT64, [1]), "one float32 number"),
    "of two": (_input("strength", TensorProto.FLOAT, [2]), "one float32 number"),
    "of any size": (_input("strength", TensorProto.FLOAT, [None]), "one float32 number"),
    "third input": (lambda model: model.graph.input.append(helper.make_tensor_value_info("qp", TensorProto.FLOAT, [1])),
                    "one input, the image"),
    "no input": (_no_input, "no second input 'strength'"),
    "multiplied": (_instead("Mul"), "node 'add_t0_0' .Mul.: what depends on the strength may only be added"),
    "subtracted": (_instead("Sub"), "may only be added"),
    "added to the picture": (_node(5, "Add", ["x", "told_0"], "lighter"), "node 'odd' .Add.: what depends"),
    "its slope": (_node(5, "PRelu", ["x", "told_0"], "bent"), "node 'odd' .PRelu.: what depends"),
    "its size": (_node(5, "Resize", ["x", "", "told_0"], "scaled"), "node 'odd' .Resize.: what depends"),
    "curved": (_curved, "node 'add_t0_0'.*isn't linear"),
    "read before": (_read_before, "node 'odd'.*before something that depends on the strength is added"),
    "infinite": (_infinite, "its weights 't0_0_table' are infinite"),
    "of another width": (_of_another_width, "node 'add_t0_0'.*3 numbers for 4 channels"),
    "huge": (_huge, "too much is calculated from the strength"),
    "unknown operator": (_node(0, "Sin", ["strength"], "sine"), "node 'odd' .Sin.: this operator is not supported"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_can_t_be_told_is_refused_by_name(name: str, tmp_path: Path) -> None:
    change, words = HOSTILE[name]
    model, path = hostile(change), tmp_path / "net.onnx"
    onnx.save(model, path)
    with pytest.raises(UserError, match=words) as caught:
        read_network(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_other_shapes_of_the_input_and_of_what_is_added(tmp_path: Path) -> None:
    """A scalar, and one number for all channels, given in the other order, twice."""
    model = told_model(chain((3, 3), 4), 2)
    model.graph.input[1].CopyFrom(helper.make_tensor_value_info("strength", TensorProto.FLOAT, []))
    add = next(node for node in model.graph.node if node.op_type == "Add")
    place = list(model.graph.node).index(add)
    result, add.output[0] = add.output[0], "once"
    model.graph.node.insert(place + 1, helper.make_node("Add", ["strength", "once"], [result], name="twice"))
    path = tmp_path / "net.onnx"
    onnx.save(model, path)
    graph, _ = read_network(path)
    planes = np.random.default_rng(0).random((1, 11, 9), np.float32)
    feeds = {"x": planes[None], "strength": np.float32(0.7)}
    (expected,) = ReferenceEvaluator(str(path)).run(None, feeds)
    assert np.abs(evaluate(graph, planes, 0.7) - expected[0]).max() < 1e-5
    assert np.abs(load(path, 1)(planes[0], strength=0.7) - expected[0, 0]).max() < 1e-5


def test_wide_networks_of_many_strengths_take_no_time_to_read(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(told_model(whole_chain(16, depth=6), 17), path)
    graph, info = read_network(path)
    assert info.strengths == 17
    assert sum(isinstance(op, Conv) and op.offsets is not None for op in graph.ops) > 5


def test_every_network_here_can_be_told_or_says_why_not(tmp_path: Path) -> None:
    for name, make in (NETS | WHOLE).items():
        path = tmp_path / f"{name}.onnx"
        onnx.save(told_model(make()), path)
        try:
            graph, _ = read_network(path)
        except UserError as error:
            assert "may only be added" in str(error), name  # noqa: PT017
            continue
        assert graph.strengths == 5, name
