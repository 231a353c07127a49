"""Whatever an ONNX file holds: it is accepted, or refused in one line, within bounded time and memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from fuzz_models import GOOD, Child, attempt, fuzz
from hostile_models import const, hostile, up, working
from onnx import helper

from pocketsr.engine import read_network
from pocketsr.engine.onnx import wire
from pocketsr.engine.onnx.importer import from_onnx
from pocketsr.engine.onnx.limits import LIMITS
from pocketsr.errors import UserError

TAKEN = {  # of the hostile ones: odd, and right all the same
    "numbers/alpha_huge", "numbers/alpha_tiny", "numbers/bound_huge", "numbers/bound_inf", "numbers/bound_tiny",
    "numbers/constant_huge", "numbers/constant_tiny", "numbers/factor_huge", "numbers/factor_tiny",
    "numbers/slope_huge", "numbers/slope_tiny", "numbers/weight_huge", "numbers/weight_tiny",
    "numbers/step_huge", "structure/input_zero", "structure/odd_names", "structure/wide_ops", "windows/wide_kernel",
}  # fmt: skip


def test_mutated_models_are_taken_or_refused_in_one_line() -> None:
    counts, faults = fuzz(seed=4, enough=lambda number: number == 500, plain=False)
    assert not faults, "\n".join(faults)
    assert sum(counts.values()) == 500
    assert min(counts[kind] for kind in GOOD) > 50  # both ends are reached


def test_what_made_to_hurt_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    taken = set()
    child = Child(other_runtimes=False)
    for name, data in hostile().items():
        path.write_bytes(data)
        verdict = child.try_model(path)
        assert verdict["kind"] in GOOD, (name, verdict)
        if verdict["kind"] == "taken":
            taken.add(name)
        else:
            assert verdict["detail"].startswith(f"{path}: "), name
    child.close()
    assert taken <= TAKEN, taken - TAKEN


@pytest.mark.parametrize("name", sorted({"constants_that_grow/tile_picture", "structure/loop", "structure/if",
                                         "constants_that_grow/pad_picture", "structure/functions"}))  # fmt: skip
def test_other_runtimes_are_spared_what_has_no_bounds(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(hostile()[name])
    child = Child(other_runtimes=True)
    verdict = child.try_model(path)
    child.close()
    assert verdict["kind"] in GOOD, verdict


def test_small_networks_work(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    reasons = {}
    for name, model in working().items():
        onnx.save(model, path)
        reasons[name] = attempt(path, other_runtimes=False)
    refused = {name for name, reason in reasons.items() if reason != "taken"}
    assert refused <= {"strided"}, reasons


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("inside", [True, False])
def test_weights_that_are_no_numbers_are_refused_in_words(value: float, inside: bool, tmp_path: Path) -> None:
    """As an initializer, and as a Constant node."""
    weight = const("w", np.full((1, 1, 3, 3), value))
    node = helper.make_node("Conv", ["x", "w"], ["t"], pads=[1] * 4)
    before = [helper.make_node("Constant", [], ["w"], value=weight)] if inside else []
    onnx.save(up(*before, node, constants=[] if inside else [weight]), tmp_path / "net.onnx")
    with pytest.raises(UserError, match="the file is damaged, or its training failed"):
        read_network(tmp_path / "net.onnx")


def test_weights_that_overflow_once_they_are_folded(tmp_path: Path) -> None:
    conv = helper.make_node("Conv", ["x", "w"], ["c"], pads=[1] * 4)
    model = up(conv, helper.make_node("Mul", ["c", "f"], ["t"]),
               constants=[const("w", np.full((1, 1, 3, 3), 1e30)), const("f", 1e30)])  # fmt: skip
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(UserError, match="infinite"):
        read_network(tmp_path / "net.onnx")


def test_the_message_says_which_limit(tmp_path: Path) -> None:
    many = np.full((LIMITS["planes"] + 4, 1, 1, 1), 0.1, np.float32)
    model = up(helper.make_node("Conv", ["x", "w"], ["t"], name="wide"), constants=[const("w", many)])
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(UserError, match=r"node 'wide' \(Conv\): 8,196 planes; up to 8,192 are supported"):
        from_onnx(tmp_path / "net.onnx")


def test_names_in_messages_are_short_and_printable(tmp_path: Path) -> None:
    node = helper.make_node("Softmax", ["x"], ["t"], name="\x1b[31m*/\n" + "n" * 5000)
    onnx.save(up(node), tmp_path / "net.onnx")
    with pytest.raises(UserError) as caught:
        read_network(tmp_path / "net.onnx")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_the_table_of_messages_is_onnx_s() -> None:
    known: dict[str, dict[int, str]] = {}
    todo = [onnx.ModelProto.DESCRIPTOR]
    while todo:
        descriptor = todo.pop()
        name = descriptor.full_name.removeprefix("onnx.")
        if name in known:
            continue
        inner = [field for field in descriptor.fields if field.message_type is not None]
        known[name] = {field.number: field.message_type.full_name.removeprefix("onnx.") for field in inner}
        todo += [field.message_type for field in inner]
    for name, fields in wire.MESSAGES.items():
        assert known[name].items() <= fields.items(), name
    assert {name for name, fields in known.items() if fields} <= wire.MESSAGES.keys()
