"""Every network: its shapes, what it sees, and what it must leave alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from net_samples import HALO, PARAMETERS, SAMPLES
from torch import Tensor

from pocketsr.nets import SRNet, build, names
from pocketsr.nets.base import crop
from pocketsr.pixels import imresize
from pocketsr.reparam import collapse

Make = Callable[..., SRNet]


def _noise(height: int, width: int, count: int = 1) -> Tensor:
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(3))


def _parameters(net: SRNet) -> int:
    return sum(weight.numel() for weight in collapse(net).parameters())


def test_our_own_networks_are_the_samples() -> None:
    assert {name for name, _ in SAMPLES.values()} == {"bicubic", "pocket"} <= set(names())


def test_shapes(sample: str, make: Make) -> None:
    net = make(sample)
    assert (net.scale, net.channels) == (2, 1)
    assert net(_noise(11, 14, 2)).shape == (2, 1, 22, 28)
    assert net.valid(_noise(11, 14, 2)).shape == (2, 1, 22 - 4 * net.halo, 28 - 4 * net.halo)
    assert net(_noise(1, 1)).shape == (1, 1, 2, 2)  # edges are repeated as far as it takes


@torch.no_grad()
def test_unpadded_is_the_inner_part(sample: str, make: Make) -> None:
    net, x = make(sample), _noise(17, 23, 2)
    inner = crop(net(x), 2 * net.halo, 2 * net.halo)
    assert inner.std() > 0.01
    torch.testing.assert_close(net.valid(x), inner, atol=1e-6, rtol=0)


@torch.no_grad()
def test_halo_is_how_far_a_pixel_is_felt(sample: str, make: Make) -> None:
    net, x = make(sample), _noise(21, 21)
    assert net.halo == HALO[sample]
    other = x.clone()
    other[..., 10, 10] += 0.5
    felt = (net(other) - net(x))[0, 0].abs() > 1e-7
    rows, columns = np.nonzero(felt.numpy())
    # Outputs 2i and 2i + 1 are those of LR pixel i; along the axis that reaches further, some of the outermost feel it.
    assert min(*rows, *columns) // 2 == 10 - net.halo
    assert max(*rows, *columns) // 2 == 10 + net.halo


@torch.no_grad()
def test_flat_pictures_show_no_rim(sample: str, make: Make) -> None:
    net, level = make(sample), torch.full((1, 1, 12, 13), 0.4)
    large = net(level)
    torch.testing.assert_close(large, large[..., 12:14, 12:14].repeat(1, 1, 12, 13), atol=1e-6, rtol=0)


@torch.no_grad()
def test_collapsed_is_the_same(sample: str, make: Make) -> None:
    net, x = make(sample), _noise(9, 12)
    torch.testing.assert_close(collapse(net)(x), net(x), atol=2e-6, rtol=0)


def test_parameters(sample: str, make: Make) -> None:
    assert _parameters(make(sample)) == PARAMETERS[sample]


def test_parameters_of_a_shape_that_is_trained() -> None:
    channels, groups = (8, 8, 8, 8, 4), (1, 2, 4, 4, 1)
    layers = [{"channels": c, "groups": g, "bias": False} for c, g in zip(channels, groups, strict=True)]
    # 8 * 1 * 9, 8 * 4 * 9, twice 8 * 2 * 9, 4 * 8 * 9, and a slope for each of the 32 channels between
    assert _parameters(build("pocket", layers=layers)) == 72 + 288 + 144 + 144 + 288 + 32 == 968


@torch.no_grad()
def test_bicubic_is_imresize() -> None:
    x = _noise(14, 19)
    expected = imresize(x[0, 0].numpy().astype(np.float64), 2)
    got = build("bicubic")(x)[0, 0].numpy()
    # imresize mirrors the edges, with the edge pixel twice, where this network repeats it: 2 LR pixels differ
    np.testing.assert_allclose(got[4:-4, 4:-4], expected[4:-4, 4:-4], atol=1e-6, rtol=0)
    assert np.abs(got - expected).max() > 1e-3


@torch.no_grad()
def test_the_learned_anchor_begins_as_bicubic() -> None:
    learned, bicubic = (
        build("pocket", layers=[{"channels": 4}], anchor=anchor, expansion=4) for anchor in ("learned", "bicubic")
    )
    learned.load_state_dict(bicubic.state_dict(), strict=False)
    x = _noise(8, 9)
    torch.testing.assert_close(learned(x), bicubic(x), atol=1e-6, rtol=0)
    assert any(weight.requires_grad for name, weight in learned.named_parameters() if name.startswith("learned."))


@pytest.mark.parametrize("sample", ["no bias", "no bias, bicubic", "plain blocks", "groups"])
@torch.no_grad()
def test_flat_pictures_stay_flat_without_biases(sample: str, make: Make) -> None:
    levels = torch.arange(256).view(-1, 1, 1, 1) / 255
    x = levels.expand(-1, 1, 8, 9)
    large = make(sample)(x)
    # exactly in the 8 bits that are shown, and to float's last digits
    assert torch.equal((large * 255).round(), (levels * 255).round().expand_as(large))
    torch.testing.assert_close(large, levels.expand_as(large), atol=2e-6, rtol=0)
    answering = make(sample, zero_mean=False)(x)
    assert (answering - levels).abs().max() > 0.01  # the first kernels' sums are what makes it so


def test_features_are_what_each_activation_gives(sample: str, make: Make) -> None:
    net = make(sample)
    if sample == "bicubic":
        assert net.features(_noise(12, 12)) == []
        return
    found = net.features(_noise(17, 19, 2))
    layers = SAMPLES[sample][1]["layers"]
    assert [feature.shape[1] for feature in found] == [layer["channels"] for layer in layers[:-1]]
    if found:
        tall, wide = (sum(layer.get("kernel", (3, 3))[axis] // 2 for layer in layers[-1:]) for axis in (0, 1))
        # the last convolution takes what is left to 17 - 2 * halo by 19 - 2 * halo
        assert found[-1].shape[2:] == (17 - 2 * net.halo + 2 * tall, 19 - 2 * net.halo + 2 * wide)


def test_every_weight_learns(sample: str, make: Make) -> None:
    net = make(sample)
    if sample == "bicubic":
        assert not list(net.parameters())
        return
    net.valid(_noise(20, 20)).square().mean().backward()
    still = [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.abs().sum()]
    assert not still


@torch.no_grad()
def test_equal_groups_are_mixed(make: Make) -> None:
    """Two layers of 2 groups: each group of the second reads channels of both groups of the first."""
    layers = [{"channels": 4}, {"channels": 4, "groups": 2}, {"channels": 4, "groups": 2}, {"channels": 4}]
    net = make("nearest", layers=layers, anchor="none")
    seen: list[Tensor] = []
    net.blocks[2].register_forward_pre_hook(lambda _, args: seen.append(args[0]))  # type: ignore[operator]
    before: list[Tensor] = []
    net.blocks[1].register_forward_hook(lambda *args: before.append(args[2]))  # type: ignore[operator]
    net.valid(_noise(12, 12))
    order = [next(i for i in range(4) if torch.equal(seen[0][:, k], before[0][:, i])) for k in range(4)]
    assert sorted(order) == [0, 1, 2, 3]
    for group in (order[:2], order[2:]):
        assert {channel // 2 for channel in group} == {0, 1}
