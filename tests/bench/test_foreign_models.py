"""`bench` and its peers read a user's ONNX file as the engine does: checked, complete, whatever its age."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hostile_models import const, up
from onnx import TensorProto, helper

from pocketsr import load
from pocketsr.bench import speed
from pocketsr.bench.contenders import program_of
from pocketsr.bench.peers._task import Task, fixed_model
from pocketsr.errors import UserError

PICTURE = np.random.default_rng(0).integers(0, 256, (9, 12), np.uint8)


def _readers(path: Path) -> list[Callable[[], Any]]:
    return [
        lambda: speed._exact(path, PICTURE, 1.0),
        lambda: fixed_model(Task(path, PICTURE, 1, 1.0), uint8=True),
        lambda: program_of(path),
    ]


def test_a_constant_that_is_also_an_input_is_not_taken_for_the_picture(tmp_path: Path) -> None:
    """As files of IR 3 and older have it."""
    path = tmp_path / "old.onnx"
    model = up(helper.make_node("Mul", ["x", "k"], ["t"]), constants=[const("k", [0.5])])
    model.graph.input.insert(0, helper.make_tensor_value_info("k", TensorProto.FLOAT, [1]))
    onnx.save(model, path)
    exact = speed._exact(path, PICTURE, 1.0)
    assert np.abs(exact - load(path, threads=1)(PICTURE)).max() <= 0.51
    shapes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
              for value in fixed_model(Task(path, PICTURE, 1, 1.0), uint8=False).graph.input}  # fmt: skip
    assert shapes == {"k": [1], "x": [1, 1, 9, 12]}


def test_weights_outside_of_the_folder_are_refused_by_each_reader(tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    onnx.save(up(x="x"), folder / "net.onnx", save_as_external_data=True, location="w.data", size_threshold=0)
    for read in _readers(folder / "net.onnx"):
        read()
    (folder / "w.data").rename(tmp_path / "w.data")
    (folder / "w.data").symlink_to(tmp_path / "w.data")
    for read in _readers(folder / "net.onnx"):
        with pytest.raises(UserError, match="link"):
            read()


def test_what_the_evaluator_does_not_know_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(up(x="x"), path)

    def fail(*_: object) -> None:
        raise NotImplementedError("no\nsuch operator")

    monkeypatch.setattr("onnx.reference.ReferenceEvaluator.run", fail)
    with pytest.raises(UserError, match="own evaluator can't run it \\(no\\)"):
        speed._exact(path, PICTURE, 1.0)
