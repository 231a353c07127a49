"""RAISR: what it sees in a picture, which filter it takes, and how filters are solved for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray
from published_quality import mean_psnr_db
from torch import Tensor

from pocketsr.data import Pair, pair_from
from pocketsr.errors import UserError
from pocketsr.nets import load_weights, to_onnx
from pocketsr.nets.raisr import Raisr, RaisrConfig
from pocketsr.train.raisr import NormalEquations, solve_filters
from pocketsr.train.validate import valid_psnr_db

torch.set_num_threads(1)

FILTERS = Path(__file__).parents[2] / "checkpoints" / "raisr.safetensors"


def _noise(height: int, width: int) -> Tensor:
    return torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(3))


def _made() -> Raisr:
    torch.manual_seed(7)
    net = Raisr(RaisrConfig())
    with torch.no_grad():
        net.filters.add_(torch.randn_like(net.filters), alpha=0.02)
    return net


def _at(*, across: float, down: float) -> Tensor:
    """A slope, as large as two LR pixels enlarged: 14x14."""
    return (across * torch.arange(14.0) + down * torch.arange(14.0)[:, None])[None, None]


@pytest.mark.parametrize(
    ("across", "down", "angle"),
    [(0.1, 0.0, 0), (0.1, 0.1, 6), (0.0, 0.1, 12), (0.0, -0.1, 12), (-0.1, 0.1, 18), (0.1, 0.01, 1), (-0.1, 0.01, 23)],
)  # fmt: skip  # 0.1 by 0.01 is 5.7 degrees, and a step 7.5
def test_angles_of_slopes(across: float, down: float, angle: int) -> None:
    found, strength, coherence = Raisr(RaisrConfig()).structure(_at(across=across, down=down))
    assert found.shape == (1, 1, 4, 4)
    assert (found == angle).all()
    torch.testing.assert_close(strength, torch.full_like(strength, (across**2 + down**2) ** 0.5), atol=1e-5, rtol=0)
    assert (coherence > 0.99).all()  # one direction alone


def test_a_bowl_has_no_direction() -> None:
    line = (torch.arange(11.0) - 5).square() / 100
    _, strength, coherence = Raisr(RaisrConfig()).structure((line + line[:, None])[None, None])
    assert coherence.abs().max() < 1e-3
    # gradients of x / 50 across; x squared on average over a window of sigma 2, 4 without its ends, 3.5 within 9 pixels
    weight = np.exp(-(np.arange(-4, 5) ** 2) / 8)
    spread = (weight * np.arange(-4, 5) ** 2).sum() / weight.sum()
    assert strength.item() == pytest.approx(spread**0.5 / 50, rel=1e-3)


@torch.no_grad()
def test_it_begins_as_bilinear_enlargement() -> None:
    x = _noise(8, 13)
    got = Raisr(RaisrConfig())(x)
    torch.testing.assert_close(got, F.interpolate(x, scale_factor=2, mode="bilinear"), atol=1e-6, rtol=0)


@torch.no_grad()
def test_every_pixel_takes_its_filter() -> None:
    net, x = _made(), _noise(9, 8)
    wide = net.enlarged(x)
    angle, strength, coherence = (one[0, 0] for one in net.structure(wide))
    got = net(x)[0, 0]
    taken = set()
    for row in range(18):
        for column in range(16):
            third = [
                int(sum(value[row, column] > limit for limit in limits))
                for value, limits in ((strength, net.strengths), (coherence, net.coherences))
            ]
            taps = net.filters[int(angle[row, column]), third[0], third[1], row % 2 * 2 + column % 2]
            expected = (taps * wide[0, 0, row : row + 11, column : column + 11]).sum()
            assert got[row, column].item() == pytest.approx(expected.item(), abs=1e-5)
            taken.add((int(angle[row, column]), *third))
    assert len(taken) > 20


@torch.no_grad()
def test_halo_is_how_far_a_pixel_is_felt() -> None:
    net = _made()
    x = _noise(11, 11)
    other = x.clone()
    other[..., 5, 5] += 0.5
    felt = (net(other) - net(x))[0, 0].abs() > 1e-6
    # 5 HR pixels are pixel 2 or 3 of LR, and bilinear enlargement sees one more or none
    assert net.halo == 3
    for axis in (0, 1):
        places = felt.any(axis).nonzero().flatten().tolist()
        assert (places[0] // 2, places[-1] // 2) == (5 - 3, 5 + 3)


def test_filters_can_be_trained_further() -> None:
    net = _made()
    net(_noise(8, 8)).square().mean().backward()
    assert net.filters.grad is not None
    taken = net.buckets(net.enlarged(_noise(8, 8))).unique()
    learning = net.filters.grad.flatten(0, 3).abs().sum((1, 2)).nonzero().flatten()
    assert torch.equal(learning, taken)


@torch.no_grad()
def test_exported_it_does_the_same_on_any_size(tmp_path: Path) -> None:
    net, path = _made(), tmp_path / "net.onnx"
    to_onnx(net, path)
    session = onnxruntime.InferenceSession(path)
    edge = torch.zeros(1, 1, 18, 24)  # and flat on both sides, where there is no angle
    edge[..., 12:] = 1
    for x in (_noise(17, 23), edge, edge.transpose(2, 3).contiguous()):
        (got,) = session.run(None, {"luma": x.numpy()})
        torch.testing.assert_close(torch.from_numpy(got), net(x), atol=1e-4, rtol=0)


def _add(equations: NormalEquations, hr: NDArray[np.uint8], lr: NDArray[np.uint8]) -> None:
    net = Raisr(RaisrConfig())
    wide = net.enlarged(torch.from_numpy(lr.copy()).float()[None, None] / 255)
    patches = wide.unfold(2, 11, 1).unfold(3, 11, 1).reshape(-1, 121).numpy()
    equations.add(net.buckets(wide).flatten().numpy(), patches, hr.astype(np.float32).ravel() / 255)


def test_pictures_count_as_all_their_eight_views_do() -> None:
    hr = np.random.default_rng(3).integers(0, 256, (16, 20), np.uint8)
    pair = pair_from("noise", hr)
    one, each = NormalEquations(), NormalEquations()
    _add(one, pair.hr, pair.lr)
    one.add_symmetries()
    for turns in range(4):
        for step in (1, -1):
            _add(each, np.rot90(pair.hr[:, ::step], turns), np.rot90(pair.lr[:, ::step], turns))
    np.testing.assert_allclose(one.v, each.v, atol=1e-4, rtol=0)
    np.testing.assert_allclose(one.q, each.q, atol=1e-4, rtol=0)
    assert np.count_nonzero(one.v.any(-1)) > 100


def test_least_squares_finds_the_filters() -> None:
    rng = np.random.default_rng(3)
    equations, wanted = NormalEquations(), rng.standard_normal((2, 121)).astype(np.float32)
    patches = rng.standard_normal((800, 121)).astype(np.float32)
    buckets = np.where(np.arange(800) < 400, 0, 5)  # types 0 and 1: 5 is coherence 1, type 1
    chosen = np.where(np.arange(800) < 400, 0, 1)
    equations.add(buckets, patches, (patches * wanted[chosen]).sum(1))
    filters = equations.solved(ridge=1e-4).reshape(-1, 121)
    np.testing.assert_allclose(filters[0], wanted[0], atol=1e-3)
    np.testing.assert_allclose(filters[5], wanted[1], atol=1e-3)
    # what no pixel asked for has the filter of its type, and with nothing of its type 0
    np.testing.assert_allclose(filters[100 * 4 + 1], wanted[1], atol=1e-3)
    np.testing.assert_allclose(filters[100 * 4 + 2], 0, atol=1e-12)


def _stripes(turned: float, period: float) -> Pair:
    rows, columns = np.mgrid[:48, :48]
    wave = np.sin((rows * np.cos(turned) + columns * np.sin(turned)) * 2 * np.pi / period)
    return pair_from("stripes", np.rint(128 + 100 * np.clip(2 * wave, -1, 1)).astype(np.uint8))


def test_solved_filters_sharpen_other_pictures() -> None:
    net = solve_filters([_stripes(turned, 9.0) for turned in np.linspace(0, np.pi, 13)])
    other = [_stripes(0.4, 9.0)]
    assert valid_psnr_db(net, other) > valid_psnr_db(Raisr(RaisrConfig()), other) + 3
    assert 0 < net.strengths[0] < net.strengths[1]
    assert 0 < net.coherences[0] < net.coherences[1] < 1
    with pytest.raises(UserError, match="no pictures"):
        solve_filters([])


def test_the_filters_in_the_repository_are_as_good_as_recorded(shared_data: Path) -> None:
    assert FILTERS.stat().st_size < 500_000
    net = Raisr(RaisrConfig())
    load_weights(net, FILTERS)
    # published: 36.15 by ten thousand pictures and blending; bicubic by the same protocol: 33.68
    assert mean_psnr_db(net, shared_data / "test", "Set5") == pytest.approx(35.864, abs=0.02)
