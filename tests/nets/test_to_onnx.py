"""ONNX files say what the networks compute: by the reference evaluator and by the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from net_samples import SAMPLES
from onnx.reference import ReferenceEvaluator

from pocketsr.atomic_io import is_part
from pocketsr.engine import load
from pocketsr.nets import SRNet, build, to_onnx

Make = Callable[..., SRNet]


def _noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).random((height, width), np.float32)


# What differs in the file: kinds of block and biases do not.
@pytest.mark.parametrize("sample", [name for name in SAMPLES if not name.endswith(" blocks")])
@torch.no_grad()
def test_onnx_and_engine_give_what_the_network_gives(sample: str, make: Make, tmp_path: Path) -> None:
    net, path = make(sample), tmp_path / "net.onnx"
    to_onnx(net, path)
    evaluator = ReferenceEvaluator(str(path))
    engine = load(path, threads=1)
    assert engine.edge_halo == 0  # edges are repeated inside
    assert (engine.scale, engine.channels) == (2, 1)
    for height, width in ((11, 18), (3, 5)):
        plane = _noise(height, width)
        expected = net(torch.from_numpy(plane)[None, None])[0, 0].numpy()
        (found,) = evaluator.run(None, {"luma": plane[None, None]})
        np.testing.assert_allclose(found[0, 0], expected, atol=1e-5, rtol=0)
        np.testing.assert_allclose(engine(plane), expected, atol=1e-5, rtol=0)
        levels = np.rint(plane * 255).astype(np.uint8)
        shown = net(torch.from_numpy(levels)[None, None] / 255)[0, 0].numpy().clip(0, 1) * 255
        assert np.abs(engine(levels) - shown).max() <= 0.501  # the nearest level


@pytest.mark.parametrize("sample", ["no bias", "groups"])
def test_flat_pictures_stay_exactly_flat_in_the_engine(sample: str, make: Make, tmp_path: Path) -> None:
    to_onnx(make(sample), tmp_path / "net.onnx")
    engine = load(tmp_path / "net.onnx", threads=1)
    for level in range(256):
        assert (engine(np.full((7, 9), level, np.uint8)) == level).all()


def test_the_file_is_a_standard_one_and_collapsed(make: Make, tmp_path: Path) -> None:
    net, path = make("nearest"), tmp_path / "net.onnx"
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    to_onnx(net, path)
    model = onnx.load(path)
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": 17}
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["luma", "luma_x2"]
    sizes = [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert sizes == [1, 1, "height", "width"]
    assert [node.op_type for node in model.graph.node].count("Conv") == 3  # one for each block
    assert {prop.key: prop.value for prop in model.metadata_props} == {
        "pocketsr.value_range": "1",
        "pocketsr.colour": "luma",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]  # no scratch
    for name, weight in net.state_dict().items():
        assert torch.equal(before[name], weight)


def test_exporting_draws_no_random_numbers_of_the_training(make: Make, tmp_path: Path) -> None:
    net = make("no bias").train()
    state = torch.get_rng_state()
    to_onnx(net, tmp_path / "net.onnx")
    assert torch.equal(torch.get_rng_state(), state)
    assert net.training


def test_names_that_are_no_identifiers(tmp_path: Path) -> None:
    path = tmp_path / "2x.small-net.onnx"
    to_onnx(build("pocket", layers=[{"channels": 4}], expansion=4), path)
    assert load(path, threads=1)(np.full((4, 4), 9, np.uint8)).shape == (8, 8)


def test_what_a_kill_would_leave_is_swept_by_name(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there: list[str] = []

    def stop(*_: object, **__: object) -> None:
        there.extend(path.name for path in tmp_path.iterdir())
        raise RuntimeError("killed here")

    monkeypatch.setattr(torch.onnx, "export", stop)
    with pytest.raises(RuntimeError, match="killed here"):
        to_onnx(make(next(iter(SAMPLES))), tmp_path / "net.onnx")
    (name,) = there
    assert is_part(name)
    assert not list(tmp_path.iterdir())
