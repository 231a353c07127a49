"""Rounding that training can see, against values and gradients worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from pocketsr.quant.fake import ActQuant, WeightQuant, clip_to, fit_span, lsq, rounded, straight, sums_kept, ternary
from pocketsr.quant.spec import Span

X = [-3.0, -1.3, -0.2, 0.25, 0.75, 1.6, 2.4]  # in steps of 0.5: -6, -2.6, -0.4, 0.5, 1.5, 3.2, 4.8
SPAN = Span(-2, 3)


def _run(function: str, gain: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    x, scale = torch.tensor(X, requires_grad=True), torch.tensor(0.5, requires_grad=True)
    y = lsq(x, scale, SPAN, gain) if function == "lsq" else clip_to(x, scale, SPAN)
    y.backward(torch.arange(1.0, 8.0))
    assert x.grad is not None
    assert scale.grad is not None
    return y.detach(), x.grad, scale.grad


def test_values_are_rounded_half_to_even_and_clipped() -> None:
    for function in ("lsq", "pams"):
        y, dx, _ = _run(function)
        # whole: -2 (clipped), -2 (clipped), 0, 0 (tie), 2 (tie), 3 (clipped), 3 (clipped)
        assert y.tolist() == [-1.0, -1.0, 0.0, 0.0, 1.0, 1.5, 1.5]
        assert dx.tolist() == [0, 0, 3, 4, 5, 0, 0]


def test_the_scale_s_gradient_of_lsq() -> None:
    # outside the bound: -2, -2, 3, 3; inside round(v) - v: 0.4, -0.5, 0.5; times 1..7
    expected = -2 * 1 - 2 * 2 + 0.4 * 3 - 0.5 * 4 + 0.5 * 5 + 3 * 6 + 3 * 7
    assert _run("lsq")[2].item() == pytest.approx(expected, rel=1e-6)
    assert _run("lsq", gain=0.25)[2].item() == pytest.approx(expected / 4, rel=1e-6)


def test_the_scale_s_gradient_of_pams() -> None:
    # only what is clipped counts; of alpha = 3 * scale it is 1 above, and its share, -2/3, below
    assert _run("pams")[2].item() == pytest.approx(-2 * 1 - 2 * 2 + 3 * 6 + 3 * 7, rel=1e-6)


def test_a_scale_a_channel() -> None:
    x = torch.tensor([[0.9, -0.4], [0.9, -0.4]])
    scale = torch.tensor([[0.5], [2.0]], requires_grad=True)
    y = lsq(x, scale, Span(-1, 1))
    assert y.tolist() == [[0.5, -0.5], [0.0, 0.0]]
    y.sum().backward()
    assert scale.grad is not None
    # 1.8 is beyond 1, -0.8 rounds to -1; 0.45 and -0.2 round to 0
    torch.testing.assert_close(scale.grad, torch.tensor([[1 - 1 + 0.8], [-0.45 + 0.2]]))


def test_straight_through() -> None:
    x = torch.tensor([0.3, 0.75], requires_grad=True)
    made = rounded(x, torch.tensor([0.5, 0.5]))
    assert made.tolist() == [0.5, 1.0]  # 0.75 is a tie: 1.5 goes to 2
    (made * torch.tensor([2.0, 3.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 3.0]
    assert straight(x, torch.tensor([1e-9, 7.0])).tolist() == torch.tensor([1e-9, 7.0]).tolist()  # to the bit


def test_twn_s_threshold_and_scale() -> None:
    weight = torch.tensor([[1.0, -0.5, 0.2, -0.1], [0.0, 0.0, 0.0, 0.0]]).view(2, 1, 2, 2)
    signs, scale = ternary(weight)  # mean magnitude 0.45, threshold 0.315: two are kept
    assert signs[0].flatten().tolist() == [1, -1, 0, 0]
    assert signs[1].abs().sum() == 0
    assert scale.tolist() == [0.75, 0.0]


def test_the_smallest_go_until_the_span_fits() -> None:
    weight = torch.tensor([[0.5, -0.9, 0.4, -0.8]]).view(1, 1, 2, 2)
    whole = torch.tensor([[1.0, -2.0, 1.0, -2.0]]).view(1, 1, 2, 2)
    assert fit_span(whole, weight, 4).flatten().tolist() == [0, -2, 0, -2]
    assert fit_span(whole, weight, 5).flatten().tolist() == [1, -2, 0, -2]
    assert torch.equal(fit_span(whole, weight, 6), whole)


@pytest.mark.parametrize("method", ["lsq", "pams"])
@pytest.mark.parametrize("span", [Span(-127, 127), Span(-7, 7), Span(-1, 1), Span(-2, 1)])
def test_weights_are_whole_numbers_of_their_scales(method: str, span: Span) -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(4, 3, 3, 3))
    quant = WeightQuant(4, span, method)  # type: ignore[arg-type]
    quant.set_scale(weight.detach().flatten(1).abs().amax(1) / 1.5 / span.high)
    made, scale = quant(weight)
    whole = made / scale.view(-1, 1, 1, 1)
    torch.testing.assert_close(whole, whole.round(), atol=1e-4, rtol=0)
    assert whole.min() >= span.low - 1e-4
    assert whole.max() <= span.high + 1e-4
    torch.testing.assert_close(quant.whole(weight, scale), whole, atol=1e-4, rtol=0)
    made.square().sum().backward()
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0
    assert (quant.log_scale.grad is not None) == quant.learned == (method == "lsq" or span.high == 1)


def test_twn_weights_follow_the_weights() -> None:
    quant, weight = WeightQuant(1, Span(-1, 1), twobit="twn"), torch.tensor([1.0, -0.5, 0.2, -0.1]).view(1, 1, 2, 2)
    made, scale = quant(weight)
    assert made.flatten().tolist() == [0.75, -0.75, 0, 0]
    assert quant(weight * 2)[1].item() == 2 * scale.item()
    assert not quant.log_scale.requires_grad


def test_what_the_span_drops_still_learns() -> None:
    weight = nn.Parameter(torch.tensor([1.0, -0.9, 0.8, 0.1]).view(1, 1, 2, 2))
    quant = WeightQuant(1, Span(-1, 1), span_most=2)
    quant.set_scale(torch.tensor([1.0]))
    made, _ = quant(weight)
    torch.testing.assert_close(made.flatten(), torch.tensor([1.0, -1.0, 0.0, 0.0]))
    made.sum().backward()
    assert weight.grad is not None
    assert weight.grad.flatten()[2] == 1


def test_planes_have_a_zero() -> None:
    for method in ("lsq", "pams"):
        act = ActQuant(3, method)  # type: ignore[arg-type]
        act.set_range(0.5, 1)
        x = torch.tensor([-2.0, -0.3, 0.0, 0.7, 5.0]).view(1, 1, 1, 5)
        torch.testing.assert_close(act(x).flatten(), torch.tensor([-0.5, -0.5, 0.0, 0.5, 1.0]))
    act = ActQuant(3)
    act.set_range(0.5, 1)
    x = torch.full((2, 1, 1, 5), 9.0)  # all beyond: 2 steps above zero
    act(x).sum().backward()
    assert act.log_scale.grad is not None
    gain = 1 / math.sqrt(5 * 2)  # numbers of one picture, and the upper bound
    assert act.log_scale.grad.item() == pytest.approx(10 * 2 * gain * 0.5, rel=1e-5)  # d/d(log s) = s d/ds


def test_channels_without_weights_have_a_scale_too() -> None:
    quant = WeightQuant(2, Span(-7, 7))
    quant.set_scale(torch.tensor([0.5, 0.0]))
    made, scale = quant(torch.zeros(2, 1, 1, 1))
    assert (scale > 0).all()
    assert made.abs().sum() == 0


def test_kernels_keep_their_sums_and_stay_near() -> None:
    torch.manual_seed(0)
    v = torch.randn(4, 3, 2, 3, 3) * 9
    v[0] -= v[0].mean((-1, -2), keepdim=True)  # sums of 0
    whole = sums_kept(v, Span(-127, 127))
    assert torch.equal(whole, whole.round())
    assert torch.equal(whole.sum((-1, -2)), v.sum((-1, -2)).round())
    assert not whole[0].sum((-1, -2)).any()
    assert (whole - v).abs().max() <= 1  # the other way, at most
    plain = v.round()
    assert (plain.sum((-1, -2)) != whole.sum((-1, -2))).any()
    assert ((whole != plain).sum((-1, -2)) == (plain - whole).sum((-1, -2)).abs()).all()  # no more than it takes
    assert sums_kept(v * 100, Span(-127, 127)).abs().max() == 127


def test_gradients_go_straight_through_where_sums_are_kept() -> None:
    quant = WeightQuant(2, Span(-127, 127), keeps_sums=True)
    weight = torch.randn(2, 3, 1, 3, 3, requires_grad=True)
    quant.set_scale(weight.detach().flatten(1).abs().amax(1) / 127)
    made, scale = quant(weight)
    assert made.shape == weight.shape
    whole = made / scale.view(-1, 1, 1, 1, 1)
    torch.testing.assert_close(whole.sum((-1, -2)), whole.sum((-1, -2)).round(), atol=1e-3, rtol=0)
    made.sum().backward()
    assert weight.grad is not None
    assert (weight.grad[weight.abs() < 0.99 * weight.abs().flatten(1).amax(1).view(-1, 1, 1, 1, 1)] == 1).all()
