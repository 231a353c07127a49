"""Larger networks of the literature: as large, as far-sighted and as good as published; SMSR skips what it may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from published_quality import mean_psnr_db
from stirred import noise, stirred
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from pocketsr.bench.quality import read_image
from pocketsr.errors import UserError
from pocketsr.nets import SRNet, build, load_weights, to_onnx
from pocketsr.nets._smsr_layers import MaskedLayers
from pocketsr.nets.base import crop
from pocketsr.nets.smfanet import _to_coarse
from pocketsr.nets.smsr import Smsr
from pocketsr.pixels import imresize

torch.set_num_threads(1)


@dataclass(frozen=True)
class Expected:
    """parameters: by hand. small: a configuration for tests, and its halo. Set5, Set14: measured with the weights."""

    parameters: int
    halo: int
    small: dict[str, Any]
    small_halo: int
    weights: str
    set5_db: float
    set14_db: float


EXPECTED = {
    # 3x3 from 3 to 64; 6 blocks of 3x3 from 64 to 64, twice 48 to 64, 48 to 16, 1x1 from 64 to 4 to 64, 64 to 64;
    # 1x1 from 384 to 64, 3x3 from 64 to 64 and to 12; all with biases. The paper: 694K.
    "imdn": Expected(
        1792 + 6 * (36928 + 2 * 27712 + 6928 + 260 + 320 + 4160) + 24640 + 36928 + 6924, 1 + 6 * 4 + 2,
        {"blocks": 1, "width": 16}, 1 + 4 + 2, "imdn_x2", 37.996, 33.627,
    ),
    # 3x3 from 3 to 40; 16 blocks of twice 1x1 from 40 to 20, three 3x3 of 20, 1x1 of 20 with biases and of 40;
    # 3x3 from 40 to 40 and to 24, 1x1 of 24, 3x3 from 24 to 24 and to 3, with biases. The paper: 261K.
    "pan": Expected(
        1120 + 16 * (2 * 800 + 3 * 3600 + 420 + 1600) + 14440 + 8664 + 600 + 5208 + 651, 1 + 16 * 2 + 1 + 2,
        {"blocks": 1, "width": 8, "hr_width": 6}, 1 + 2 + 1 + 2, "pan_x2", 38.001, 33.593,
    ),
    # 3x3 from 3 to 64 to 64; 5 blocks of 3x3 from 64 to 16 to 16 to 2, four of 64 without biases, 64 * 4 * 2 logits,
    # 1x1 from 256 to 64, 64 to 4 to 64; 1x1 from 320 to 64, 3x3 from 64 to 64 and to 12.
    # The paper: 985K, which is without the 5 * 512 logits; 38.00 and 33.64 dB, on pictures cut to even LR sizes.
    "smsr": Expected(
        1792 + 36928 + 5 * (9232 + 2320 + 290 + 4 * 36864 + 512 + 16448 + 260 + 320) + 20544 + 36928 + 6924,
        2 + 5 * 8 + 2, {"blocks": 1, "width": 48}, 2 + 8 + 2, "smsr_x2", 37.991, 33.625,
    ),
    # 3x3 from 3 to 64; 3 blocks of twice 3x3 of 64 in 4 groups, 1x1 of 64, and of 128, 192 and 256 to 64, as the whole
    # has too; 3x3 from 64 to 256 in 4 groups, 64 to 3. With the heads for x3 and x4 (576 and twice 256 x 16 x 3x3) and
    # without biases (64 + 3 * 6 * 64 + 3 * 64 + 256 + 3) it is 412,032. The paper: 412K.
    "carn-m": Expected(
        1792 + 3 * (2 * 9280 + 4160 + 8256 + 12352 + 16448) + 8256 + 12352 + 16448 + 37120 + 1731, 1 + 3 * 3 * 2 + 2,
        {"width": 8}, 1 + 3 * 3 * 2 + 2, "carn_m", 37.678, 33.303,
    ),
    # 3x3 from 3 to 36; 8 blocks of 1x1 from 36 to 72, 3x3 on each of 36, 2 * 36 factors, 1x1 of 36, 3x3 on each of 36
    # to 72, 1x1 of 72, 72 to 36, of 36; 36 to 72, 3x3 of 18, 72 to 36; 3x3 from 36 to 12. The paper: 186K.
    "smfanet": Expected(
        1008 + 8 * (2664 + 360 + 72 + 1332 + 720 + 5256 + 2628 + 1332 + 2664 + 2934 + 2628) + 3900, 1 + 8 * 2 + 1,
        {"blocks": 1, "width": 8}, 1 + 2 + 1, "smfanet_div2k_x2", 38.044, 33.654,
    ),
}  # fmt: skip


def _small(name: str) -> SRNet:
    """With weights of which none is 0."""
    return stirred(name, **EXPECTED[name].small)


def _noise(height: int, width: int, count: int = 1) -> Tensor:
    return noise(3, height, width, count)


@pytest.mark.parametrize("name", EXPECTED)
def test_size(name: str) -> None:
    net, expected = build(name), EXPECTED[name]
    assert (net.scale, net.channels, net.halo) == (2, 3, expected.halo)
    assert sum(weight.numel() for weight in net.parameters()) == expected.parameters


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("training", [False, True])
@torch.no_grad()
def test_shapes(name: str, training: bool) -> None:
    net = _small(name).train(training)
    for height, width in ((8, 8), (9, 13), (16, 11)):
        assert net(_noise(height, width, 2)).shape == (2, 3, 2 * height, 2 * width)


@pytest.mark.parametrize("name", EXPECTED)
def test_halo_is_how_far_an_output_looks(name: str) -> None:
    net, halo = _small(name).double(), EXPECTED[name].small_halo
    assert net.halo == halo
    for key, weight in net.named_parameters():
        if key.endswith((".excite.weight", ".alpha", ".beta")):  # what looks at the whole picture, made not to
            weight.data.zero_()
    centre = halo + 2
    x = _noise(2 * centre + 1, 2 * centre + 1).double().requires_grad_()
    net(x)[..., 2 * centre : 2 * centre + 2, 2 * centre : 2 * centre + 2].sum().backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(0) > 0
    for axis in (0, 1):
        places = seen.any(axis).nonzero().flatten().tolist()
        # SMSR's masks, made at half the size, look one pixel further to one side than to the other
        assert max(centre - places[0], places[-1] - centre) == halo


@pytest.mark.parametrize("name", ["imdn", "smsr", "smfanet"])
def test_whole_image_is_seen(name: str) -> None:
    net = _small(name).double()
    assert net.whole_image
    x = _noise(64, 64).double().requires_grad_()
    net(x)[..., :2, :2].sum().backward()
    assert x.grad is not None
    assert x.grad[..., -1, -1].abs().sum() > 0


@pytest.mark.parametrize("name", EXPECTED)
def test_every_weight_learns(name: str) -> None:
    net = _small(name)
    net(_noise(16, 16)).square().mean().backward()
    still = [key for key, weight in net.named_parameters() if weight.grad is None or not weight.grad.abs().sum()]
    assert not still


@pytest.mark.parametrize("name", ["pan", "carn-m"])  # the others see the whole image
@torch.no_grad()
def test_unpadded_is_the_inner_part(name: str) -> None:
    net = _small(name)
    side = 2 * net.halo + 3
    wide = _noise(side + 4, side + 4)
    got = net.valid(crop(wide, 2, 2))
    torch.testing.assert_close(got, crop(net(wide), 2 * net.halo + 4, 2 * net.halo + 4), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", EXPECTED)
@torch.no_grad()
def test_exported_it_does_the_same_on_any_size(name: str, tmp_path: Path) -> None:
    net, path = _small(name).eval(), tmp_path / "net.onnx"
    to_onnx(net, path)
    session = onnxruntime.InferenceSession(path)
    for height, width in ((17, 23), (8, 15), (33, 40)):
        x = _noise(height, width)
        (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        torch.testing.assert_close(torch.from_numpy(got), net(x), atol=1e-4, rtol=0)


@pytest.mark.parametrize("height", range(8, 40))
def test_pooling_for_export_is_adaptive_pooling(height: int) -> None:
    x = torch.rand(2, 3, height, 47 - height, generator=torch.Generator().manual_seed(height))
    expected = F.adaptive_max_pool2d(x, (height // 8, (47 - height) // 8))
    assert torch.equal(_to_coarse(_to_coarse(x, 2), 3), expected)


# Shares of sparse channels and of masked pixels: all, none and some
@pytest.mark.parametrize("sparse_share", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("masked_share", [0.0, 0.4, 1.0])
@torch.no_grad()
def test_sparse_layers_are_the_masked_dense_ones(sparse_share: float, masked_share: float) -> None:
    torch.manual_seed(5)
    layers = MaskedLayers(16).eval()
    sparse = torch.rand(1, 16, 4) < sparse_share
    layers.logits.copy_(torch.stack([~sparse, sparse], 3))
    x, mask = torch.rand(2, 16, 9, 13), (torch.rand(2, 1, 9, 13) < masked_share).float()
    expected = layers.dense(x, mask)
    assert expected.std() > 1e-3
    torch.testing.assert_close(layers.sparse(x, mask), expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_masks_drop_by_hand() -> None:
    """One masked pixel of two; every channel sparse: the other pixel is left with the bias alone."""
    layers = MaskedLayers(16).eval()
    layers.logits.copy_(torch.tensor([0.0, 1.0]).expand(1, 16, 4, 2))
    for weight in (*layers.convs.parameters(), layers.collect.weight):
        weight.fill_(0.1)
    x, mask = torch.ones(1, 16, 1, 2), torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    bias = layers.collect.bias.view(1, 16, 1)
    # First layer: 16 channels of 2 pixels, times 0.1 = 3.2. Later ones see only the masked pixel: times 16 * 0.1.
    first = 3.2
    total = 16 * 0.1 * (first + first * 1.6 + first * 1.6**2 + first * 1.6**3)
    for y in (layers.dense(x, mask), layers.sparse(x, mask)):
        torch.testing.assert_close(y[..., 0], bias + total, rtol=1e-5, atol=0)
        torch.testing.assert_close(y[..., 1], bias)


@torch.no_grad()
def test_skipped_share_is_what_was_not_multiplied() -> None:
    net = _small("smsr").eval()
    assert isinstance(net, Smsr)
    x = _noise(24, 30)
    with FlopCounterMode(display=False) as done:
        net(x)
    with FlopCounterMode(display=False) as whole:
        net.dense(x)
    expected = 1 - done.get_total_flops() / whole.get_total_flops()
    assert 0.05 < expected < 0.95
    # the counter has the attention's few multiplications too, one pixel's in 720
    assert net.skipped_share(x) == pytest.approx(expected, abs=1e-4)


@torch.no_grad()
def test_trained_masks_skip_half_the_work_and_change_nothing(shared_data: Path) -> None:
    net = build("smsr").eval()
    assert isinstance(net, Smsr)
    load_weights(net, shared_data / "weights" / "smsr_x2.safetensors")
    small = imresize(read_image(next((shared_data / "test" / "Set5").glob("baby.*"))), 1 / 2)[:64, 80:144]
    x = torch.from_numpy(small.astype(np.float32) / 255).permute(2, 0, 1)[None]
    assert 0.4 < net.skipped_share(x) < 0.9
    torch.testing.assert_close(net(x), net.dense(x), atol=1e-5, rtol=0)


def test_weights_of_another_network_are_refused(shared_data: Path) -> None:
    for name, weights in (("pan", "imdn_x2"), ("imdn", "pan_x2"), ("carn-m", "smsr_x2"), ("smsr", "carn_m")):
        with pytest.raises(UserError, match="doesn't hold the weights of this"):
            load_weights(build(name), shared_data / "weights" / f"{weights}.safetensors")


@pytest.fixture
def two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("images", ["Set5", pytest.param("Set14", marks=pytest.mark.slow)])
def test_published_weights_give_the_measured_figures(name: str, images: str, shared_data: Path) -> None:
    net, expected = build(name), EXPECTED[name]
    load_weights(net, shared_data / "weights" / f"{expected.weights}.safetensors")
    wanted_db = expected.set5_db if images == "Set5" else expected.set14_db
    assert mean_psnr_db(net, shared_data / "test", images) == pytest.approx(wanted_db, abs=0.02)
