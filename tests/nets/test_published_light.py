"""Small networks of the literature: as large, as far-sighted and as good as published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnxruntime
import pytest
import torch
from published_quality import mean_psnr_db
from safetensors.torch import load_file, save_file
from stirred import noise, stirred
from torch import Tensor

from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build, load_weights, to_onnx
from pocketsr.nets.base import crop
from pocketsr.reparam import collapse

torch.set_num_threads(1)


@dataclass(frozen=True)
class Expected:
    """parameters: collapsed, by hand. weights: the published file, and what it measures on Set5 and on Set14.

    On Set14 only LapSRN has a figure that others measured; for the rest it is what was read here first.
    """

    parameters: int
    halo: int
    channels: int = 3
    weights: str = ""
    set5_db: float = 0.0
    set14_db: float = 0.0


EXPECTED = {
    # kernels and biases of 64 x 3 x 5x5, 32 x 64 x 3x3, 12 x 32 x 3x3
    "espcn": Expected(4864 + 18464 + 3468, 2 + 1 + 1, weights="espcn_x2", set5_db=36.85, set14_db=32.633),
    # 56 x 3 x 5x5, 12 x 56, 4 of 12 x 12 x 3x3, 56 x 12, each with biases and slopes; 3 x 56 x 9x9 and biases
    "fsrcnn": Expected(
        4312 + 696 + 4 * 1320 + 784 + 13611, 2 + 4 + 2, weights="fsrcnn_x2", set5_db=36.99, set14_db=32.695
    ),
    # 64 x 1 x 3x3, 10 of 64 x 64 x 3x3 and the deconvolution, 1 x 64 x 3x3, each with biases; 4x4 without
    "lapsrn": Expected(640 + 11 * 36928 + 577 + 16, 1 + 10 + 1, 1, "lapsrn_x2", 37.491, 33.023),
    # 3 to f, 4 or 6 of f to f, f to 12 channels, all 3x3 with biases; f slopes each but for the last one
    "ecbsr-m4c16": Expected(464 + 4 * 2336 + 1740, 6, weights="ecbsr_m4c16_x2", set5_db=37.17, set14_db=32.800),
    "ecbsr-m4c32": Expected(928 + 4 * 9280 + 3468, 6, weights="ecbsr_m4c32_x2", set5_db=37.40, set14_db=33.044),
    "ecbsr-m6c40": Expected(1160 + 6 * 14480 + 4332, 8, weights="ecbsr_m6c40_x2", set5_db=37.63, set14_db=33.194),
    # the same without slopes, and 12 to 12 channels at the end
    "abpn-m4c28": Expected(784 + 4 * 7084 + 3036 + 1308, 7, weights="abpn_m4c28_x2", set5_db=37.38, set14_db=32.972),
    "abpn-m6c40": Expected(1120 + 6 * 14440 + 4332 + 1308, 9, weights="abpn_m6c40_x2", set5_db=37.59, set14_db=33.175),
    # the same with 1x1 at the end
    "etds-s": Expected(896 + 4 * 9248 + 3468 + 156, 6, weights="etds_m4c32_x2", set5_db=37.39, set14_db=32.976),
    "etds-m": Expected(896 + 6 * 9248 + 3468 + 156, 8, weights="etds_m6c32_x2", set5_db=37.56, set14_db=33.103),
    "etds-l": Expected(1344 + 7 * 20784 + 5196 + 156, 9, weights="etds_m7c48_x2", set5_db=37.66, set14_db=33.253),
    # f x 1 x 5x5, m of f x f x 3x3 with f slopes, 4 x f x 5x5, no biases
    "sesr-m3": Expected(400 + 3 * (2304 + 16) + 1600, 2 + 3 + 2, 1),
    "sesr-m5": Expected(400 + 5 * (2304 + 16) + 1600, 2 + 5 + 2, 1),
    "sesr-m7": Expected(400 + 7 * (2304 + 16) + 1600, 2 + 7 + 2, 1),
    "sesr-m11": Expected(400 + 11 * (2304 + 16) + 1600, 2 + 11 + 2, 1),
    "sesr-xl": Expected(800 + 11 * (9216 + 32) + 3200, 2 + 11 + 2, 1),
}
PUBLISHED = [name for name, expected in EXPECTED.items() if expected.weights]
KINDS = ["espcn", "fsrcnn", "lapsrn", "ecbsr-m4c16", "abpn-m4c28", "etds-s", "sesr-m3"]

# Table 1 of the SESR paper: parameters, and multiply-adds for an output of 1280x720
SESR = {
    "sesr-m3": (8.91e3, 2.05e9),
    "sesr-m5": (13.52e3, 3.11e9),
    "sesr-m7": (18.12e3, 4.17e9),
    "sesr-m11": (27.34e3, 6.30e9),
    "sesr-xl": (105.37e3, 24.27e9),
}


def _noise(net: SRNet, height: int, width: int) -> Tensor:
    return noise(net.channels, height, width)


@pytest.mark.parametrize("name", EXPECTED)
def test_size(name: str) -> None:
    net, expected = build(name), EXPECTED[name]
    assert (net.scale, net.channels, net.halo) == (2, expected.channels, expected.halo)
    assert sum(weight.numel() for weight in collapse(net).parameters()) == expected.parameters


@pytest.mark.parametrize("name", KINDS)
@torch.no_grad()
def test_shapes(name: str) -> None:
    net = stirred(name)
    assert net(_noise(net, 8, 8)).shape == (1, net.channels, 16, 16)
    assert net(_noise(net, 9, 13)).shape == (1, net.channels, 18, 26)


@pytest.mark.parametrize("name", KINDS)
def test_halo_is_how_far_an_output_looks(name: str) -> None:
    net = stirred(name)
    centre = net.halo + 2
    x = _noise(net, 2 * centre + 1, 2 * centre + 1).requires_grad_()
    net(x)[..., 2 * centre : 2 * centre + 2, 2 * centre : 2 * centre + 2].sum().backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(0) > 0
    for axis in (0, 1):
        places = seen.any(axis).nonzero().flatten().tolist()
        assert (places[0], places[-1]) == (centre - net.halo, centre + net.halo)


@pytest.mark.parametrize("name", KINDS)
def test_every_weight_learns(name: str) -> None:
    net = stirred(name)
    net(_noise(net, 12, 12)).square().mean().backward()
    still = [key for key, weight in net.named_parameters() if weight.grad is None or not weight.grad.abs().sum()]
    assert not still


@pytest.mark.parametrize("name", KINDS)
@torch.no_grad()
def test_unpadded_is_the_inner_part(name: str) -> None:
    net = stirred(name)
    x = _noise(net, 2 * net.halo + 3, 2 * net.halo + 6)
    got = net.valid(x)
    assert got.shape == (1, net.channels, 6, 12)
    torch.testing.assert_close(got, crop(net(x), 2 * net.halo, 2 * net.halo), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("name", KINDS)
@torch.no_grad()
def test_exported_it_does_the_same_on_any_size(name: str, tmp_path: Path) -> None:
    net, path = stirred(name), tmp_path / "net.onnx"
    to_onnx(net, path)
    session = onnxruntime.InferenceSession(path)
    x = _noise(net, 17, 23)
    (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    torch.testing.assert_close(torch.from_numpy(got), net(x), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_weights_are_as_good_as_measured(name: str, shared_data: Path) -> None:
    net, expected = build(name), EXPECTED[name]
    load_weights(net, shared_data / "weights" / f"{expected.weights}.safetensors")
    for images, expected_db in (("Set5", expected.set5_db), ("Set14", expected.set14_db)):
        assert mean_psnr_db(net, shared_data / "test", images) == pytest.approx(expected_db, abs=0.02), images


def test_published_weights_can_be_trained_on(shared_data: Path) -> None:
    path = shared_data / "weights" / "ecbsr_m4c16_x2.safetensors"
    net, small = build("ecbsr-m4c16"), collapse(build("ecbsr-m4c16"))
    load_weights(net, path)
    load_weights(small, path)
    x = _noise(net, 9, 12)
    torch.testing.assert_close(small(x), net(x))
    net(x).square().mean().backward()
    # a branch ends in weights of 0, which learn at once, and what lies before them then follows
    learning = {key.rpartition(".")[2] for key, weight in net.blocks.named_parameters() if weight.grad.abs().sum()}
    assert learning == {"weight", "spread", "spread_bias", "scales", "biases"}
    before = {key: weight for key, weight in net.named_parameters() if key.endswith((".squeeze", ".points"))}
    assert before
    assert all(weight.abs().min() > 0 for weight in before.values())


@pytest.mark.parametrize(("name", "file"), [("ecbsr-m4c16", "ecbsr_m4c16_x2"), ("lapsrn", "lapsrn_x2")])
def test_each_tensor_finds_its_place(name: str, file: str, shared_data: Path, tmp_path: Path) -> None:
    weights, path = load_file(shared_data / "weights" / f"{file}.safetensors"), tmp_path / "changed.safetensors"
    first, *others = sorted(weights)
    save_file({key: weights[key] for key in others}, path)
    with pytest.raises(UserError, match=r"no tensor .* \(1 of \d+ are missing\)"):
        load_weights(build(name), path)
    save_file(weights | {"other_b": weights[first].clone()}, path)
    with pytest.raises(UserError, match=r"other.* has no place in it \(1 of \d+ have none\)"):
        load_weights(build(name), path)


def test_ecbsr_of_luma() -> None:
    net = build("ecbsr-m4c16", channels=1)
    # 1 to 16, 4 of 16 to 16, 16 to 4 channels, 3x3 with biases, slopes but for the last
    assert sum(weight.numel() for weight in collapse(net).parameters()) == 144 + 32 + 4 * 2336 + 580
    x = _noise(net, 14, 15)
    torch.testing.assert_close(net.valid(x), crop(net(x), 12, 12), atol=2e-6, rtol=0)
    with pytest.raises(UserError, match="channels"):
        build("ecbsr-m4c16", channels=2)


@pytest.mark.parametrize("name", SESR)
def test_sesr_is_as_large_as_in_the_paper(name: str) -> None:
    kernels = sum(weight.numel() for weight in collapse(build(name)).parameters() if weight.ndim == 4)
    parameters, multiply_adds = SESR[name]
    assert kernels == pytest.approx(parameters, rel=0.01)
    assert EXPECTED[name].parameters == pytest.approx(parameters, rel=0.01)  # with slopes, which the paper leaves out
    assert kernels * 640 * 360 == pytest.approx(multiply_adds, rel=0.01)


@torch.no_grad()
def test_sesr_collapsed_is_the_same() -> None:
    net = stirred("sesr-m5")
    x = _noise(net, 9, 12)
    torch.testing.assert_close(collapse(net)(x), net(x), atol=2e-6, rtol=0)


@torch.no_grad()
def test_sesr_leaves_no_rim() -> None:
    large = stirred("sesr-m5")(torch.full((1, 1, 12, 13), 0.4))
    torch.testing.assert_close(large, large[..., :2, :2].repeat(1, 1, 12, 13), atol=1e-6, rtol=0)


@torch.no_grad()
def test_sesr_features_are_what_its_prelus_give() -> None:
    net = stirred("sesr-m3")
    x = _noise(net, 20, 21)
    sr, features = net.observed(x)
    torch.testing.assert_close(sr, net.valid(x))
    # the first 5x5 takes 2 to each side, each 3x3 another
    assert [tuple(feature.shape) for feature in features] == [
        (1, 16, 20 - 4 - 2 * i, 21 - 4 - 2 * i) for i in (1, 2, 3)
    ]
    for found, again in zip(net.features(x), features, strict=True):
        torch.testing.assert_close(found, again)


@torch.no_grad()
def test_sesr_is_added_to_the_nearest_enlargement() -> None:
    net = build("sesr-m3")
    for block in net.blocks:
        for weight in block.parameters():
            weight.zero_()
    x = _noise(net, 9, 8)
    torch.testing.assert_close(net(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))
