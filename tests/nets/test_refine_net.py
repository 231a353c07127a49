"""The network that fused bursts are corrected by: what it gives, what it depends on, and its ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pocketsr.engine import load
from pocketsr.nets import build, to_onnx
from pocketsr.reparam import collapse

torch.set_num_threads(1)


@pytest.fixture
def planes() -> Tensor:
    return torch.rand(1, 3, 20, 24, generator=torch.Generator().manual_seed(2))


def _stirred(block: str = "linear") -> torch.nn.Module:
    torch.manual_seed(7)
    net = build("refine", width=6, layers=4, block=block)
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.1)
    return net


@torch.no_grad()
def test_it_starts_as_no_change(planes: Tensor) -> None:
    made = build("refine")(planes)
    torch.testing.assert_close(made, planes[:, [0, 0, 2]], rtol=0, atol=0)


@pytest.mark.parametrize("block", ["plain", "linear"])
@torch.no_grad()
def test_unpadded_and_collapsed_it_gives_the_same(block: str, planes: Tensor) -> None:
    net = _stirred(block)
    made = net(planes)
    assert (made[:, 0] - planes[:, 0]).abs().max() > 0.01
    assert torch.equal(made[:, 2], planes[:, 2])
    torch.testing.assert_close(net.valid(planes), made[..., 4:-4, 4:-4], rtol=0, atol=1e-5)
    torch.testing.assert_close(collapse(net)(planes), made, rtol=0, atol=1e-5)
    expanded = net.blocks[0].expanded(planes)
    torch.testing.assert_close(net.blocks[0](planes), expanded, rtol=0, atol=1e-5)


@torch.no_grad()
def test_brightness_alone_changes_nothing(planes: Tensor) -> None:
    net = _stirred()
    brighter = planes.clone()
    brighter[:, :2] += 0.3
    change, same = (net(each)[:, 0] - each[:, 0] for each in (planes, brighter))
    torch.testing.assert_close(change, same, rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_engine_runs_it(planes: Tensor, tmp_path: Path) -> None:
    net = _stirred()
    to_onnx(net, tmp_path / "net.onnx")
    engine = load(tmp_path / "net.onnx", threads=1)
    assert (engine.scale, engine.channels, engine.edge_halo) == (1, 3, 0)
    levels = np.rint(planes[0].numpy().transpose(1, 2, 0) * 65535).astype(np.uint16)
    expected = net(torch.from_numpy(levels.astype(np.float32).transpose(2, 0, 1))[None] / 65535)[0].numpy()
    wanted = np.clip(expected.transpose(1, 2, 0) * 65535, 0, 65535)
    assert np.abs(engine(levels) - wanted).max() < 2
