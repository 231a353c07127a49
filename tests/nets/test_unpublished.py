"""Networks without available weights: as large as published, as far-sighted as computed, exportable, trainable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from stirred import noise, stirred
from torch import Tensor, nn

from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build, to_onnx
from pocketsr.nets.discriminator import Discriminator
from pocketsr.nets.drcn import Drcn, recursive_supervision

torch.set_num_threads(1)

PIXELS_LR = 640 * 360  # what 1280x720 is made from


@dataclass(frozen=True)
class Expected:
    """By hand, from the shapes of the layers.

    parameters: learned numbers; macs: multiplications for n LR pixels. published: the papers' and tables' count of
    parameters and multiplications at 1280x720, 0 where there is none. small: a smaller one to try the rest on.
    """

    parameters: int
    macs: Callable[[int], int]
    halo: int
    channels: int = 3
    published: tuple[float, float] = (0, 0)
    small: dict[str, Any] = field(default_factory=dict)
    small_halo: int = 0  # none for networks that see the whole picture


EXPECTED = {
    # 64 of 9x9, 32 x 64 x 5x5, 32 x 5x5, with biases, at every HR pixel; 4 + 2 + 2 HR pixels, and bicubic's 2 LR ones
    "srcnn": Expected(
        5248 + 51232 + 801, lambda n: 4 * n * (64 * 81 + 32 * 64 * 25 + 32 * 25), 4 + 2, 1, (57e3, 52.7e9), {}, 6
    ),
    # 256 of 3x3, four of 256 x 256 x 3x3, 256 x 3x3, with biases, and 16 weights; the tables' 1,774K are without those.
    # Two convolutions, 16 times one, and 16 times the two that reconstruct, at every HR pixel
    "drcn": Expected(
        2560 + 3 * 590080 + 2305 + 16,
        lambda n: 4 * n * (2304 + 589824 + 16 * (589824 + 589824 + 2304)),
        10 + 2, 1, (1774e3, 17974.3e9), {"recursions": 3, "width": 8}, 3 + 2,
    ),
    # 64 x 3 x 9x9, 33 of 64 x 64 x 3x3, 256 x 64 x 3x3 at LR and 3 x 64 x 9x9 at HR; biases but in front of the 33
    # normalisations, which have 128; 64 slopes of each of 18 activations. Published for x4 alone: see below
    "srresnet": Expected(
        15552 + 64 + 33 * (36864 + 128) + 147456 + 256 + 15552 + 3 + 18 * 64,
        lambda n: n * (15552 + 33 * 36864 + 147456) + 4 * n * 15552,
        4 + 32 + 1 + 1 + 2, 3, (0, 0), {"blocks": 2, "width": 8}, 4 + 4 + 1 + 1 + 2,
    ),
    # A block: 24 of 64 x 64 x 3x3 (7 residual blocks and 9, 10 with the one behind it, of them one for stepping down),
    # 64 x 64 x 6x6 and 64 x 64; the two non-local ones four of 64 x 32. Head, one more, 256 x 64, tail.
    # Not the published 7.5M: see the module. Of the multiplications, 5 of 64 x 64 x 3x3 are at a quarter of the pixels,
    # and so is the deconvolution; what compares pixels with pixels is not counted, as it grows with the square.
    "rnan": Expected(
        10 * (20 * 36928 + 147456 + 64 + 4160) + 2 * (3 * 2080 + 2112) + 1792 + 36928 + 147712 + 1731,
        lambda n: (
            10 * (n * (15 * 36864 + 4096) + n // 4 * (5 * 36864 + 147456)) + 2 * n * 4 * 2048
            + n * (1728 + 36864 + 147456) + 4 * n * 1728
        ),
        1 + 10 * 23 + 1 + 1 + 1, 3, (0, 0), {"groups": 2, "width": 8},
    ),
    # A block: three of 48 x 24 and of 48 x 48 x 3x3, 24 x 48 x 3x3, 96 x 48, attention 48 x 12 and back (a pixel's
    # worth for the whole picture). Head, 288 x 48, 48 x 48 x 3x3, 12 x 48 x 3x3. All with biases. The paper gives no
    # multiplications; the 95.0G that others quote are of another network (see the module)
    "rfdn": Expected(
        6 * (3 * 1176 + 3 * 20784 + 10392 + 4656 + 588 + 624) + 1344 + 13872 + 20784 + 5196,
        lambda n: (
            6 * (n * (3 * 1152 + 3 * 20736 + 10368 + 4608) + 2 * 576) + n * (1296 + 13824 + 20736 + 5184)
        ),
        1 + 6 * 4 + 1 + 1, 3, (534e3, 0), {"blocks": 2, "width": 16},
    ),
}  # fmt: skip


def _made(name: str, **changes: Any) -> SRNet:
    """The small one, with weights of which none is 0."""
    return stirred(name, **EXPECTED[name].small | changes).eval()


def _noise(net: SRNet, height: int, width: int) -> Tensor:
    return noise(net.channels, height, width)


def _parameters(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


def _counted_macs(net: SRNet, height: int, width: int) -> int:
    """Of all convolutions that run; padding counts as pixels do."""
    found = [0]

    def count(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        places = (inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output)[0, 0].numel()
        found[0] += places * layer.weight.numel()

    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        net(_noise(net, height, width))
    return found[0]


@pytest.mark.parametrize("name", EXPECTED)
def test_size_and_work_are_as_published(name: str) -> None:
    net, expected = build(name).eval(), EXPECTED[name]
    assert (net.scale, net.channels, net.halo) == (2, expected.channels, expected.halo)
    assert _parameters(net) == expected.parameters
    assert _counted_macs(net, 4, 6) == expected.macs(24)
    parameters, macs = expected.published
    if parameters:
        assert expected.parameters == pytest.approx(parameters, rel=0.01)
    if macs:
        assert expected.macs(PIXELS_LR) == pytest.approx(macs, rel=0.01)


def test_the_smaller_srcnn_is_the_8k_one() -> None:
    # 9-1-5: the authors count 8,032 weights; biases are 64 + 32 + 1
    assert _parameters(build("srcnn", kernels=[9, 1, 5])) == 8032 + 97
    with pytest.raises(UserError, match="odd"):
        build("srcnn", kernels=[9, 4, 5])


def test_srresnet_is_the_published_one_but_for_a_step_of_upsampling() -> None:
    # x4 has one more 256 x 64 x 3x3 with biases; its 1,543K are without normalisations and slopes, and its 127.8G
    # multiplications have the layers of x2 at a quarter of the pixels, but for the last
    x2 = EXPECTED["srresnet"]
    assert x2.parameters - 33 * 128 - 18 * 64 + 147456 + 256 == pytest.approx(1543e3, abs=500)
    n = PIXELS_LR // 4
    assert x2.macs(n) + 4 * n * 147456 + 12 * n * 15552 == pytest.approx(127.8e9, abs=0.05e9)


@pytest.mark.parametrize("name", EXPECTED)
@torch.no_grad()
def test_shapes(name: str) -> None:
    net = _made(name)
    assert net(_noise(net, 8, 8)).shape == (1, net.channels, 16, 16)
    assert net(_noise(net, 9, 13)).shape == (1, net.channels, 18, 26)


@pytest.mark.parametrize("name", [name for name, expected in EXPECTED.items() if expected.small_halo])
@torch.no_grad()
def test_halo_is_how_far_a_pixel_is_felt(name: str) -> None:
    net = _made(name).double()
    assert net.halo == EXPECTED[name].small_halo
    assert not net.whole_image
    centre = net.halo + 2
    x = _noise(net, 2 * centre + 1, 2 * centre + 1).double()
    other = x.clone()
    other[..., centre, centre] += 0.5
    felt = (net(other) != net(x))[0].any(0)
    for axis in (0, 1):
        places = felt.any(axis).nonzero().flatten().tolist()
        assert (places[0] // 2, places[-1] // 2) == (centre - net.halo, centre + net.halo)


@pytest.mark.parametrize("name", [name for name, expected in EXPECTED.items() if not expected.small_halo])
@torch.no_grad()
def test_attention_sees_the_whole_picture(name: str) -> None:
    net = _made(name)
    assert net.whole_image
    x = _noise(net, 8, 2 * net.halo + 8)
    other = x.clone()
    other[..., 0, 0] = 1 - other[..., 0, 0]
    assert (net(other) - net(x))[..., -1].abs().max() > 0  # the other end, beyond `halo`


@pytest.mark.parametrize("name", EXPECTED)
def test_every_weight_learns(name: str) -> None:
    net = _made(name).train()
    net(_noise(net, 12, 12)).square().mean().backward()
    still = [key for key, weight in net.named_parameters() if weight.grad is None or not weight.grad.abs().sum()]
    # nothing comes of a bias in front of a softmax over what it is added to: a few last digits at most
    assert not [key for key in still if not key.endswith("query.bias")]


@pytest.mark.parametrize("name", EXPECTED)
@torch.no_grad()
def test_exported_it_does_the_same_on_any_size(name: str, tmp_path: Path) -> None:
    net, path = _made(name), tmp_path / "net.onnx"
    to_onnx(net, path)
    session = onnxruntime.InferenceSession(path)
    x = _noise(net, 17, 23)
    (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    assert net(x).std() > 0.01
    torch.testing.assert_close(torch.from_numpy(got), net(x), atol=1e-4, rtol=0)


@torch.no_grad()
def test_drcn_begins_as_bicubic_with_a_correction_and_averages_its_predictions() -> None:
    net = build("drcn", recursions=3, width=8)
    assert isinstance(net, Drcn)
    x = _noise(net, 8, 9)
    predictions, sr = net.predictions(x)
    assert predictions.shape == (1, 3, 16, 18)
    # the recursion is the identity at first, and what ReLU gave is not negative: all predictions are the same
    torch.testing.assert_close(predictions[:, 1], predictions[:, 0], atol=1e-6, rtol=0)
    torch.testing.assert_close(sr, predictions[:, :1], atol=1e-6, rtol=0)
    net.weights.copy_(torch.tensor([1.0, -1.0, 0.5]))
    net.infer.weight.mul_(0.5)
    predictions, sr = net.predictions(x)
    expected = predictions[:, 0] - predictions[:, 1] + predictions[:, 2] / 2
    torch.testing.assert_close(sr[:, 0], expected, atol=1e-6, rtol=0)
    assert torch.equal(net(x), sr)


def test_recursive_supervision_by_hand() -> None:
    predictions, hr = torch.tensor([0.0, 0.4]).view(1, 2, 1, 1), torch.full((1, 1, 1, 1), 0.2)
    sr = torch.full((1, 1, 1, 1), 0.3)
    # each: (0.2^2 + 0.2^2) / 2 / 2 = 0.02; the average: 0.1^2 / 2 = 0.005
    assert recursive_supervision(predictions, sr, hr, 1).item() == pytest.approx(0.02)
    assert recursive_supervision(predictions, sr, hr, 0).item() == pytest.approx(0.005)
    assert recursive_supervision(predictions, sr, hr, 0.25).item() == pytest.approx(0.25 * 0.02 + 0.75 * 0.005)


def test_a_flat_picture_trains_rfdn() -> None:
    net = _made("rfdn")
    for weight in net.parameters():
        weight.data.zero_()  # then every channel is flat, and its standard deviation 0
    net(torch.full((1, 3, 8, 8), 0.5)).sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in net.parameters())


def test_discriminator() -> None:
    torch.manual_seed(7)
    net = Discriminator(patch=32)
    # 3x3 convolutions: 3 to 64 with biases, then 64, 128, 128, 256, 256, 512, 512 without, each with a normalisation's
    # 2 numbers a channel; 512 x 2x2 (32 halved four times) to 1024 and to 1, with biases
    kernels = 9 * (64 * 64 + 64 * 128 + 128 * 128 + 128 * 256 + 256 * 256 + 256 * 512 + 512 * 512)
    dense = 512 * 4 * 1024 + 1024 + 1024 + 1
    assert _parameters(net) == 1792 + kernels + 2 * (64 + 2 * 128 + 2 * 256 + 2 * 512) + dense
    logits = net(torch.rand(2, 3, 32, 32))
    assert logits.shape == (2,)
    logits.sum().backward()
    assert all(weight.grad is not None for weight in net.parameters())
    with pytest.raises(ValueError, match="40 is no multiple of 16"):
        Discriminator(patch=40)
