"""Weights of an earlier stage in a network with biases that it lacks, one slope for several, or larger kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build
from pocketsr.nets.structure import structure_classes
from pocketsr.reparam import Linear
from pocketsr.train.checkpoint import initial_weights, load_checkpoint, save_checkpoint

FIRST: list[dict[str, Any]] = [{"channels": 3, "bias": False}, {"channels": 3, "bias": False}, {"channels": 4}]
CHOSEN = {"classes": 16, "by": "structure"}
MORE = {"classes": 24, "limits": [11.5, 24]}  # the first limit is that of 16 classes


def _net(layers: list[dict[str, Any]]) -> SRNet:
    torch.manual_seed(3)
    return build("pocket", layers=layers, expansion=4)


def _started(tmp_path: Path, layers: list[dict[str, Any]], slopes: list[float], onto: list[dict[str, Any]]) -> SRNet:
    """The network of `onto` with the weights of one of `layers` whose second layer has these slopes."""
    first = _net(layers)
    with torch.no_grad():
        first.get_parameter("slopes.1").copy_(torch.tensor(slopes))
    save_checkpoint({"ema": first.state_dict(), "recipe": {}}, tmp_path / "first.pt")
    net = _net(onto)
    net.load_state_dict(initial_weights(net, tmp_path / "first.pt"))
    return net


@pytest.mark.parametrize("chosen", [None, CHOSEN])
def test_biases_begin_as_0_and_the_slope_as_the_mean(tmp_path: Path, chosen: dict[str, Any] | None) -> None:
    second = [FIRST[0], FIRST[1] | {"bias": True, "slope": "one", "chosen": chosen}, FIRST[2]]
    started = _started(tmp_path, FIRST, [0.1, 0.2, 0.6], second)
    torch.testing.assert_close(started.get_parameter("slopes.1"), torch.tensor([0.3]))
    bias = started.get_parameter("blocks.1.shared.bias" if chosen else "blocks.1.bias")
    assert torch.equal(bias, torch.zeros(3))
    same = _started(tmp_path, FIRST, [0.3, 0.3, 0.3], FIRST)
    x = torch.rand(1, 1, 13, 11)
    torch.testing.assert_close(started(x), same(x))


def test_the_first_layer_of_zero_mean_gets_biases_too(tmp_path: Path) -> None:
    started = _started(tmp_path, FIRST, [0.3, 0.3, 0.3], [FIRST[0] | {"bias": True, "chosen": CHOSEN}, *FIRST[1:]])
    assert torch.equal(started.get_parameter("blocks.0.shared.block.bias"), torch.zeros(3))
    same = _started(tmp_path, FIRST, [0.3, 0.3, 0.3], FIRST)
    x = torch.rand(1, 1, 13, 11)
    torch.testing.assert_close(started(x), same(x))


def test_one_slope_becomes_that_of_each_channel(tmp_path: Path) -> None:
    one = [FIRST[0], FIRST[1] | {"slope": "one"}, FIRST[2]]
    started = _started(tmp_path, one, [0.4], FIRST)
    assert torch.equal(started.get_parameter("slopes.1"), torch.full((3,), 0.4))


def test_new_channels_change_nothing_at_first_and_learn(tmp_path: Path) -> None:
    plain = {"block": "plain", "layers": [{"channels": 3}, {"channels": 3}, {"channels": 4, "add": [0]}]}
    torch.manual_seed(3)
    small = build("pocket", **plain)
    with torch.no_grad():
        small.get_parameter("slopes.1").copy_(torch.tensor([0.1, 0.2, 0.6]))
    save_checkpoint({"ema": small.state_dict(), "recipe": {}}, tmp_path / "small.pt")
    large = build("pocket", **plain | {"layers": [{"channels": 5}, {"channels": 5}, {"channels": 4, "add": [0]}]})
    large.load_state_dict(initial_weights(large, tmp_path / "small.pt"))
    x = torch.rand(1, 1, 13, 11)
    torch.testing.assert_close(large(x), small(x))
    large(x).square().mean().backward()
    last = large.get_parameter("blocks.2.weight")
    assert not last[:, 3:].any()
    assert last.grad is not None
    assert last.grad[:, 3:].any()
    assert (large.get_parameter("blocks.1.weight")[3:].flatten(1).std(1) > 0.1).all()  # and not all the same


@pytest.mark.parametrize(("before", "chosen"), [(None, None), (None, CHOSEN), (CHOSEN, CHOSEN)])
def test_larger_kernels_begin_with_a_rim_of_zeros(
    tmp_path: Path, before: dict[str, Any] | None, chosen: dict[str, Any] | None
) -> None:
    """The first layer's kernels sum to 0 over all their taps: so they still do."""
    small = [layer | {"chosen": before} for layer in FIRST]
    large = [FIRST[0] | {"kernel": [3, 5]}, FIRST[1] | {"kernel": [5, 3]}, FIRST[2] | {"kernel": [5, 5]}]
    started = _started(tmp_path, small, [0.3, 0.3, 0.3], [layer | {"chosen": chosen} for layer in large])
    same = _started(tmp_path, small, [0.3, 0.3, 0.3], small)
    x = torch.rand(1, 1, 17, 19)
    torch.testing.assert_close(started(x), same(x))


def test_new_strengths_begin_as_the_strongest(tmp_path: Path) -> None:
    few, many = ([layer | {"chosen": chosen} for layer in FIRST] for chosen in (CHOSEN, CHOSEN | MORE))
    first = _net(few)
    with torch.no_grad():
        for name, weights in first.named_parameters():
            if name.endswith("differences"):
                weights.normal_(0, 0.1)
    save_checkpoint({"ema": first.state_dict(), "recipe": {}}, tmp_path / "first.pt")
    net = _net(many)
    net.load_state_dict(initial_weights(net, tmp_path / "first.pt"))
    x = torch.rand(1, 1, 17, 19)
    assert int(structure_classes(x, net.limits, pad=True).max()) >= 16  # strong slopes are there
    torch.testing.assert_close(net(x), first(x))


def test_a_plain_layer_begins_as_what_a_linear_one_collapses_to(tmp_path: Path) -> None:
    first = _net(FIRST)
    save_checkpoint({"ema": first.state_dict(), "recipe": {}}, tmp_path / "first.pt")
    net = build("pocket", layers=FIRST, block="plain")
    net.load_state_dict(initial_weights(net, tmp_path / "first.pt"))
    x = torch.rand(1, 1, 9, 11)
    torch.testing.assert_close(net(x), first(x))


@pytest.mark.parametrize("chosen", [None, CHOSEN])
@pytest.mark.parametrize("scale", [3, 4])
def test_another_scale_begins_with_the_nearest_pixel(tmp_path: Path, scale: int, chosen: dict[str, Any] | None) -> None:
    layers = [layer | {"chosen": chosen} for layer in FIRST]
    first = _net(layers)
    with torch.no_grad():
        for name, weights in first.named_parameters():
            if name.endswith("differences"):
                weights.normal_(0, 0.1)
    save_checkpoint({"ema": first.state_dict(), "recipe": {}}, tmp_path / "first.pt")
    net = build("pocket", layers=[*layers[:2], layers[2] | {"channels": scale**2}], expansion=4, scale=scale)
    net.load_state_dict(initial_weights(net, tmp_path / "first.pt"))
    x = torch.rand(1, 1, 9, 11)
    nearest = [min((abs((i + 0.5) / scale - (k + 0.5) / 2), k) for k in range(2))[1] for i in range(scale)]
    rows, columns = ([2 * at + k for at in range(size) for k in nearest] for size in x.shape[2:])
    if scale % 2:  # the middle lies between two: the later one is taken
        rows, columns = ([at + (i % scale == scale // 2) for i, at in enumerate(line)] for line in (rows, columns))
    torch.testing.assert_close(net(x), first(x)[..., rows, :][..., columns])


@pytest.mark.parametrize(
    ("layers", "onto"),
    [
        (FIRST, [FIRST[0], {"channels": 5}, FIRST[2]]),
        (FIRST, [*FIRST[:2], {"channels": 3}, FIRST[2]]),
        (FIRST, [FIRST[0], FIRST[1] | {"kernel": [1, 3]}, FIRST[2]]),
        ([FIRST[0], {"channels": 3}, FIRST[2]], FIRST),  # a bias that would be lost
    ],
)
def test_what_would_be_another_network_is_refused(
    tmp_path: Path, layers: list[dict[str, Any]], onto: list[dict[str, Any]]
) -> None:
    with pytest.raises(UserError, match=r"first\.pt holds another network than the recipe's net: "):
        _started(tmp_path, layers, [0.1, 0.2, 0.6], onto)


def test_what_is_read_stays_as_it_was(tmp_path: Path) -> None:
    _started(tmp_path, FIRST, [0.1, 0.2, 0.6], [FIRST[0], FIRST[1] | {"slope": "one"}, FIRST[2]])
    assert load_checkpoint(tmp_path / "first.pt")["ema"]["slopes.1"].shape == (3,)
    save_checkpoint({"ema": [1, 2], "recipe": {}}, tmp_path / "list.pt")
    with pytest.raises(UserError, match=r"list\.pt holds another network"):
        initial_weights(_net(FIRST), tmp_path / "list.pt")


@pytest.mark.parametrize("chosen", [None, CHOSEN])
def test_groups_begin_with_what_lies_within_them(tmp_path: Path, chosen: dict[str, Any] | None) -> None:
    """Between the groups the dense kernels are set to 0 here: then nothing changes."""
    dense = [{"channels": 4}, {"channels": 6}, {"channels": 4}]
    first = _net(dense)
    block = first.get_submodule("blocks.1")
    assert isinstance(block, Linear)
    with torch.no_grad():
        within = torch.zeros(6, 4, 1, 1)
        within[:3, :2], within[3:, 2:] = 1, 1
        block.weight.copy_(block.kernel() * within)
        block.point.zero_()
    save_checkpoint({"ema": first.state_dict(), "recipe": {}}, tmp_path / "first.pt")
    net = _net([dense[0], dense[1] | {"groups": 2, "chosen": chosen}, dense[2]])
    net.load_state_dict(initial_weights(net, tmp_path / "first.pt"))
    assert net.get_parameter("blocks.1.shared.weight" if chosen else "blocks.1.weight").shape == (6, 2, 3, 3)
    x = torch.rand(1, 1, 13, 11)
    torch.testing.assert_close(net(x), first(x))


@pytest.mark.parametrize("skip", [[0], []])
def test_new_layers_change_nothing_at_first_and_learn(tmp_path: Path, skip: list[int]) -> None:
    wide, last = {"channels": 3}, {"channels": 4, "add": skip}
    torch.manual_seed(3)
    short = build("pocket", block="plain", layers=[wide, wide, last])
    for name, parameter in short.named_parameters():
        if name.startswith("slopes."):
            torch.nn.init.uniform_(parameter, -0.2, 0.4)
    save_checkpoint({"ema": short.state_dict(), "recipe": {}}, tmp_path / "first.pt")
    deep = build("pocket", block="plain", layers=[wide, wide, wide, wide, last])
    deep.load_state_dict(initial_weights(deep, tmp_path / "first.pt"))
    x = torch.rand(1, 1, 13, 11)
    torch.testing.assert_close(deep(x), short(x))
    deep(x).square().sum().backward()
    for name in ("blocks.2.weight", "blocks.3.weight", "slopes.2", "slopes.3"):
        assert deep.get_parameter(name).grad.abs().max() > 0, name  # type: ignore[union-attr]


@pytest.mark.parametrize("other", [{"channels": 5}, {"channels": 3, "groups": 3}, {"channels": 3, "add": [0]}])
def test_new_layers_that_would_change_something_are_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    wide = {"channels": 3}
    save_checkpoint(
        {"ema": build("pocket", block="plain", layers=[wide, wide, {"channels": 4}]).state_dict(), "recipe": {}},
        tmp_path / "first.pt",
    )
    deep = build("pocket", block="plain", layers=[wide, wide, other, {"channels": 4}])
    with pytest.raises(UserError, match=r"first\.pt holds another network than the recipe's net: "):
        deep.load_state_dict(initial_weights(deep, tmp_path / "first.pt"))
