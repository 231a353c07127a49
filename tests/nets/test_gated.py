"""The network with local gates: its sizes, what it sees, its ONNX file and the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from torch import Tensor

from pocketsr.engine import load
from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build, to_onnx
from pocketsr.nets.base import crop
from pocketsr.reparam import collapse

torch.set_num_threads(1)

SMALL: dict[str, Any] = {"width": 6, "depthwise": [0, 7], "fused": [1, 2], "expansion": 8}
HALO = 1 + (1 + 1 + 1) + (1 + 3 + 1) + 1


def _noise(height: int, width: int, count: int = 1) -> Tensor:
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(3))


def _stirred(**changes: Any) -> SRNet:
    """With weights of which none is as it was at first."""
    torch.manual_seed(7)
    net = build("gated", **SMALL | changes)
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.1)
    return net


@pytest.mark.parametrize("scale", [2, 3, 4])
@torch.no_grad()
def test_shapes_and_the_unpadded_middle(scale: int) -> None:
    net, x = _stirred(scale=scale), _noise(25, 28, 2)
    assert (net.scale, net.channels, net.halo, net.whole_image) == (scale, 1, HALO, False)
    large = net(x)
    assert large.shape == (2, 1, scale * 25, scale * 28)
    inner = crop(large, scale * net.halo, scale * net.halo)
    assert inner.std() > 0.01
    torch.testing.assert_close(net.valid(x), inner, atol=1e-6, rtol=0)
    assert net(_noise(1, 1)).shape == (1, 1, scale, scale)


@torch.no_grad()
def test_the_halo_is_how_far_a_pixel_is_felt() -> None:
    net, x = _stirred(), _noise(25, 25)
    other = x.clone()
    other[..., 12, 12] += 0.5
    # in double precision: what passes through ten layers and two gates is faint at the rim
    rows, columns = np.nonzero((net.double()(other.double()) - net(x.double()))[0, 0].abs().numpy() > 1e-13)
    assert (min(*rows, *columns) // 2, max(*rows, *columns) // 2) == (12 - HALO, 12 + HALO)


@torch.no_grad()
def test_collapsed_it_is_the_same_and_as_large_as_counted() -> None:
    net, x = _stirred(), _noise(9, 12)
    small = collapse(net)
    torch.testing.assert_close(small(x), net(x), atol=2e-6, rtol=0)
    c = 6  # channels: kernels and biases, and slopes
    dense, active = 9 * c * c + c, c
    blocks = (3 * dense + 2 * active) + (2 * dense + 2 * active + (49 * c + c) + (c * c + c))
    ends = (9 * c + c) + (3 * c * c + c) + (4 * 9 * c + 4)
    assert sum(weight.numel() for weight in small.parameters()) == blocks + ends


@torch.no_grad()
def test_flat_pictures_show_no_rim() -> None:
    large = _stirred()(torch.full((1, 1, 22, 23), 0.4))
    torch.testing.assert_close(large, large[..., 22:24, 22:24].repeat(1, 1, 22, 23), atol=1e-6, rtol=0)


@torch.no_grad()
def test_the_file_and_the_engine_give_what_the_network_gives(tmp_path: Path) -> None:
    net, path = _stirred(), tmp_path / "net.onnx"
    to_onnx(net, path)
    evaluator, engine = ReferenceEvaluator(str(path)), load(path, threads=2)
    assert (engine.edge_halo, engine.scale, engine.channels) == (0, 2, 1)
    for height, width in ((25, 40), (3, 5)):
        x = _noise(height, width)
        expected = net(x)[0, 0].numpy()
        (found,) = evaluator.run(None, {"luma": x.numpy()})
        np.testing.assert_allclose(found[0, 0], expected, atol=1e-5, rtol=0)
        np.testing.assert_allclose(engine(x[0, 0].numpy()), expected, atol=1e-5, rtol=0)


def test_every_weight_learns() -> None:
    net = _stirred()
    net.valid(_noise(30, 30)).square().mean().backward()
    assert not [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.abs().sum()]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"fused": [1]}, "must name the last block, 2"),
        ({"fused": [2, 3]}, "names blocks of 1 to 2"),
        ({"fused": [2, 2]}, "each once"),
        ({"depthwise": [6], "fused": [1]}, "depthwise"),
        ({"width": 0}, "Expected `int` >= 1"),
    ],
)
def test_mistakes_are_named(config: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        build("gated", **SMALL | config)
