"""What the tool takes away from a network whose flat pictures move."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from settle_flats import settle

from pocketsr.engine import Network, load

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"


def _moved_and_settled(name: str, levels: list[float], root: Path) -> Network:
    """The network below `root` whose last layer's biases were moved by `levels`, which `settle` takes away again."""
    (root / "checkpoints").mkdir()
    (root / "src" / "pocketsr" / "models").mkdir(parents=True)
    state = torch.load(CHECKPOINTS / f"{name}.pt", map_location="cpu", weights_only=True)
    last = [key for key in state["ema"] if key.endswith("bias")][-1]
    state["ema"][last] += torch.tensor(levels) / 255
    torch.save(state, root / "checkpoints" / f"{name}.pt")
    assert settle(name, root).tolist() == pytest.approx(levels, abs=0.02)
    return load(root / "src" / "pocketsr" / "models" / f"{name}.onnx", threads=1)


def test_a_quantized_network_leaves_flat_pictures_again(tmp_path: Path) -> None:
    net = _moved_and_settled("phone", [1.0, -1.0, 0.5, -2.0], tmp_path)
    for level in (16, 77, 128, 200, 235):
        assert (net(np.full((9, 11), level, np.uint8)) == level).all()
    assert settle("phone", tmp_path).abs().max() < 0.01  # it has come to rest


def test_one_that_is_told_strengths_leaves_them_at_each(tmp_path: Path) -> None:
    net = _moved_and_settled("medium-call-w8a8", [0.5, -0.5, 1.0, -1.0], tmp_path)
    for level in (16, 77, 231, 235):
        for strength in (0.0, 0.325, 0.5, 1.0):  # as it came from training, 231 moved at 0.325
            assert (net(np.full((9, 11), level, np.uint8), strength=strength) == level).all()


def test_a_network_of_floats_has_nothing_to_settle(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "tiny.pt").write_bytes((CHECKPOINTS / "tiny.pt").read_bytes())
    with pytest.raises(SystemExit, match="neither told strengths nor quantized"):
        settle("tiny", tmp_path)
