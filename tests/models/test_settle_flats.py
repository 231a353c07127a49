"""What the tool takes away from a network whose flat pictures move."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from settle_flats import settle

from pocketsr.engine import load

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"


def test_a_quantized_network_leaves_flat_pictures_again(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "src" / "pocketsr" / "models").mkdir(parents=True)
    state = torch.load(CHECKPOINTS / "phone.pt", map_location="cpu", weights_only=True)
    last = [name for name in state["ema"] if name.endswith("bias")][-1]
    moved = torch.tensor([1.0, -1.0, 0.5, -2.0])
    state["ema"][last] += moved / 255
    torch.save(state, tmp_path / "checkpoints" / "phone.pt")
    taken = settle("phone", tmp_path)
    assert taken.tolist() == pytest.approx(moved.tolist(), abs=0.02)
    net = load(tmp_path / "src" / "pocketsr" / "models" / "phone.onnx", threads=1)
    for level in (16, 77, 128, 200, 235):
        assert (net(np.full((9, 11), level, np.uint8)) == level).all()
    assert settle("phone", tmp_path).abs().max() < 0.01  # it has come to rest


def test_one_that_is_told_strengths_leaves_them_at_each(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "src" / "pocketsr" / "models").mkdir(parents=True)
    state = torch.load(CHECKPOINTS / "medium-call-w8a8.pt", map_location="cpu", weights_only=True)
    last = [name for name in state["ema"] if name.endswith("bias")][-1]
    moved = torch.tensor([0.5, -0.5, 1.0, -1.0])
    state["ema"][last] += moved / 255
    torch.save(state, tmp_path / "checkpoints" / "medium-call-w8a8.pt")
    assert settle("medium-call-w8a8", tmp_path).tolist() == pytest.approx(moved.tolist(), abs=0.02)
    net = load(tmp_path / "src" / "pocketsr" / "models" / "medium-call-w8a8.onnx", threads=1)
    for level in (16, 77, 231, 235):
        for strength in (
            0.0,
            0.325,
            0.5,
            1.0,
        ):  # 231 moved at 0.325 before it was settled, in the last test of training
            assert (net(np.full((9, 11), level, np.uint8), strength=strength) == level).all()


def test_a_network_of_floats_has_nothing_to_settle(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "tiny.pt").write_bytes((CHECKPOINTS / "tiny.pt").read_bytes())
    with pytest.raises(SystemExit, match="neither told strengths nor quantized"):
        settle("tiny", tmp_path)
