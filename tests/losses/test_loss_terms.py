"""Each loss on values worked out by hand, and its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pocketsr import losses
from pocketsr.errors import UserError

torch.set_num_threads(1)


def picture(*rows: list[float]) -> Tensor:
    return torch.tensor([[list(rows)]])


def test_pixel_losses_of_two_differences() -> None:
    sr, hr = picture([0.5, 0.2]), picture([0.1, 0.5])  # differences 0.4 and -0.3
    assert losses.l1(sr, hr).item() == pytest.approx(0.35)  # (0.4 + 0.3) / 2
    assert losses.l2(sr, hr).item() == pytest.approx(0.125)  # (0.16 + 0.09) / 2
    assert losses.charbonnier(sr, hr, eps=0.3).item() == pytest.approx((0.5 + 0.3 * math.sqrt(2)) / 2)  # 3-4-5, and 1-1


def test_psnr_is_the_mean_over_pictures_so_that_easy_ones_count() -> None:
    sr = torch.stack([torch.full((1, 2, 2), 0.1), torch.full((1, 2, 2), 0.01)])  # 20 dB and 40 dB against black
    assert losses.psnr(sr, torch.zeros_like(sr), floor=0.0).item() == pytest.approx(-3.0)


def test_psnr_of_a_perfect_picture_is_its_floor() -> None:
    sr = torch.full((1, 1, 2, 2), 0.5, requires_grad=True)
    loss = losses.psnr(sr, sr.detach(), floor=1e-4)
    loss.backward()
    assert loss.item() == pytest.approx(-4.0)
    assert sr.grad is not None
    assert not sr.grad.any()


def test_charbonnier_is_l1_above_eps_and_eps_at_zero() -> None:
    sr = picture([0.75])
    assert losses.charbonnier(sr, picture([0.25])).item() == pytest.approx(0.5, abs=2e-6)
    assert losses.charbonnier(sr, sr).item() == pytest.approx(1e-3)


def test_tv_of_a_step() -> None:
    # Each of the 2 rows has 3 horizontal neighbours, one pair differs by 0.6: 0.6 / 3. Vertical ones don't differ.
    step = picture([0.2, 0.2, 0.8, 0.8], [0.2, 0.2, 0.8, 0.8])
    assert losses.tv(step).item() == pytest.approx(0.2)
    # Lying, the step is among 3 vertical pairs of each column: the same.
    assert losses.tv(step.transpose(2, 3)).item() == pytest.approx(0.2)
    assert losses.tv(step, torch.rand(step.shape)).item() == pytest.approx(0.2)  # whatever HR is


def test_gradient_sees_edges_and_not_brightness() -> None:
    up, down = picture([0.2, 0.6], [0.2, 0.6]), picture([0.6, 0.2], [0.6, 0.2])
    assert losses.gradient(up, up + 0.3).item() == pytest.approx(0.0, abs=1e-6)
    assert losses.gradient(up, torch.zeros(1, 1, 2, 2)).item() == pytest.approx(0.4)  # the edge is missing
    assert losses.gradient(up, down).item() == pytest.approx(0.8)  # it rises by 0.4 and should fall by 0.4


def test_dct_of_a_constant_difference_is_the_dc_alone() -> None:
    # Orthonormal: the DC of an 8x8 block of d is 64 d / 8 = 8 d, the 63 others are 0. The mean is 8 d / 64.
    hr = torch.rand(2, 1, 16, 24)
    assert losses.dct(hr + 0.4, hr).item() == pytest.approx(0.4 / 8, rel=1e-4)


def test_dct_of_one_cosine_is_one_coefficient() -> None:
    # 0.1 times the basis function (0, 3), whose norm is 1: coefficient 0.1, mean 0.1 / 64.
    wave = torch.tensor([math.cos(math.pi / 8 * (x + 0.5) * 3) / 2 for x in range(8)]) / math.sqrt(8)
    sr = 0.1 * wave.expand(1, 1, 8, 8)
    assert losses.dct(sr, torch.zeros_like(sr)).item() == pytest.approx(0.1 / 64, rel=1e-4)


def test_dct_takes_blocks_apart_and_leaves_the_remainder_out() -> None:
    # Four blocks, one of them off by 0.8: 8 * 0.8 among 4 * 64 coefficients. Row 17 and columns 17 to 19 do not count.
    sr = torch.zeros(1, 1, 17, 19)
    sr[..., :8, 8:16] = 0.8
    sr[..., 16:, :] = sr[..., :, 16:] = 1
    assert losses.dct(sr, torch.zeros_like(sr)).item() == pytest.approx(8 * 0.8 / 256, rel=1e-5)


def test_dct_needs_a_block() -> None:
    with pytest.raises(UserError, match="'dct' needs 8x8 pixels and gets 7x9"):
        losses.dct(torch.rand(1, 1, 7, 9), torch.rand(1, 1, 7, 9))


def test_fft_of_a_dot_and_of_a_constant() -> None:
    # A dot of d at the origin has the flat spectrum d / sqrt(4 * 6), real: that is the mean. One pixel to the right,
    # frequency k turns by a = 60 k degrees: d / sqrt(24) * (|cos a| + |sin a|): twice 1, four times (1 + sqrt 3) / 2.
    sr, hr = torch.zeros(1, 1, 4, 6), torch.zeros(1, 1, 4, 6)
    sr[..., 0, 0] = 0.5
    assert losses.fft(sr, hr).item() == pytest.approx(0.5 / math.sqrt(24), rel=1e-5)
    turned = (2 * 1 + 4 * (1 + math.sqrt(3)) / 2) / 6
    assert losses.fft(sr.roll(1, -1), hr).item() == pytest.approx(0.5 / math.sqrt(24) * turned, rel=1e-5)
    # A constant d has one coefficient, 24 d / sqrt(24), among 24.
    assert losses.fft(hr + 0.5, hr).item() == pytest.approx(0.5 / math.sqrt(24), rel=1e-5)


def test_fft_obeys_parseval() -> None:
    # A cosine of two periods in 8 columns has two coefficients, at +2 and -2, equal and real. Orthonormal: the sum of
    # their squares is that of the pixels, 3 * 8 * a^2 / 2 = 12 a^2, so each is sqrt(6) a, and 24 share their sum.
    wave = 0.3 * torch.cos(torch.arange(8) * math.tau / 4).expand(1, 1, 3, 8)
    assert wave.square().sum().item() == pytest.approx(12 * 0.3**2, rel=1e-5)
    assert losses.fft(wave, torch.zeros_like(wave)).item() == pytest.approx(2 * math.sqrt(6) * 0.3 / 24, rel=1e-5)


def test_distillation_is_l1_to_the_teacher() -> None:
    assert losses.distillation(picture([0.5, 0.2]), picture([0.1, 0.5])).item() == pytest.approx(0.35)


def test_feature_averages_layers_whatever_their_size() -> None:
    # Off by 0.2 in a layer of 8 numbers and by 0.4 in one of 4: (0.04 + 0.16) / 2.
    student = [torch.ones(1, 2, 2, 2), torch.zeros(1, 1, 2, 2)]
    teacher = [torch.ones(1, 2, 2, 2) + 0.2, torch.zeros(1, 1, 2, 2) - 0.4]
    assert losses.feature(student, teacher).item() == pytest.approx(0.1)


@pytest.mark.parametrize("sizes", [((5, 7), (3, 7)), ((3, 7), (5, 7)), ((5, 5), (3, 7))])
def test_features_of_two_halos_meet_at_their_centre(sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """Cut out of one plane about its centre, they agree where they overlap, and only so aligned."""
    plane = torch.rand(1, 2, 9, 9)
    one, other = (plane[..., 4 - h // 2 : 5 + h // 2, 4 - w // 2 : 5 + w // 2] for h, w in sizes)
    assert losses.feature([one], [other]).item() == 0
    assert losses.structured(one, other).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("student", "teacher"), [([2], [3]), ([2, 2], [2]), ([], [])], ids=["channels", "layers", "nothing"]
)
def test_features_that_do_not_pair_are_refused(student: list[int], teacher: list[int]) -> None:
    one, other = ([torch.rand(1, channels, 4, 4) for channels in found] for found in (student, teacher))
    with pytest.raises(UserError, match="use 'structured'"):
        losses.feature(one, other)


def test_features_without_a_common_centre_are_refused() -> None:
    with pytest.raises(UserError, match="5x4 has no centre of 4x4"):
        losses.structured(torch.rand(1, 2, 5, 4), torch.rand(1, 2, 4, 4))


def test_structured_of_activity_at_different_places() -> None:
    # Maps of length 1 that are never active at one place are orthogonal: squared distance 1 + 1.
    left, right = picture([3.0, 0.0]), picture([0.0, 0.1])
    assert losses.structured(left, right).item() == pytest.approx(2)
    # The second picture of the batch agrees: the mean of 2 and 0.
    assert losses.structured(torch.cat([left, left]), torch.cat([right, left])).item() == pytest.approx(1)


def test_structured_sees_places_and_not_channels_signs_or_size() -> None:
    # Squares summed over channels: (3^2 + 4^2, 0^2 + 5^2) = (25, 25) and (2^2, (-2)^2) = (4, 4): both (1, 1) / sqrt 2.
    student = torch.tensor([[[[3.0, 0.0]], [[4.0, 5.0]]]])
    assert losses.structured(student, picture([2.0, -2.0])).item() == pytest.approx(0, abs=1e-6)
    # Against (1, 0): (1 / sqrt 2 - 1)^2 + 1 / 2 = 2 - sqrt 2.
    assert losses.structured(student, picture([7.0, 0.0])).item() == pytest.approx(2 - math.sqrt(2), rel=1e-5)


def test_structured_survives_a_silent_layer() -> None:
    silent = torch.zeros(1, 2, 3, 3, requires_grad=True)
    loss = losses.structured(silent, torch.ones(1, 2, 3, 3))
    loss.backward()
    assert loss.item() == pytest.approx(1)  # nothing against a map of length 1
    assert silent.grad is not None
    assert silent.grad.isfinite().all()


@pytest.mark.parametrize(
    "loss",
    [
        losses.l1, losses.l2, losses.psnr, losses.charbonnier, losses.gradient, losses.tv, losses.dct, losses.fft,
        losses.distillation, losses.structured, lambda a, b: losses.feature([a, a], [b, b]),
    ],
)  # fmt: skip
def test_gradients(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Against differences, in double precision; away from 0, where an absolute value has no gradient."""
    generator = torch.Generator().manual_seed(1)
    sr, hr = (torch.rand(1, 1, 8, 9, generator=generator, dtype=torch.float64) for _ in range(2))
    sr.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, hr), sr, eps=1e-7)
    (found,) = torch.autograd.grad(loss(sr, hr), sr)
    assert found.abs().max() > 0
