"""SRGAN's losses on values worked out by hand, and its step of training."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from pocketsr.losses.adversarial import AdversarialStep, adversarial, discrimination, perceptual

torch.set_num_threads(1)

LN3 = math.log(3)  # the logit of 3/4


def test_perceptual_is_the_rescaled_square_of_features() -> None:
    sr, hr = torch.full((1, 3, 2, 2), 0.75, requires_grad=True), torch.full((1, 3, 2, 2), 0.25, requires_grad=True)
    loss = perceptual(lambda x: 2 * x, sr, hr)
    loss.backward()
    assert loss.item() == pytest.approx((2 * 0.5 / 12.75) ** 2)
    # the derivative of 4 d^2 / 12.75^2, averaged over 12 values
    torch.testing.assert_close(sr.grad, torch.full_like(sr, 8 * 0.5 / 12.75**2 / 12))
    assert hr.grad is None  # HR is what it is


def test_the_generator_wants_to_be_taken_for_hr() -> None:
    assert adversarial(torch.tensor([LN3])).item() == pytest.approx(-math.log(3 / 4))
    assert adversarial(torch.tensor([LN3, -LN3])).item() == pytest.approx(-(math.log(3 / 4) + math.log(1 / 4)) / 2)
    assert adversarial(torch.tensor([-200.0])).item() == pytest.approx(200)  # where the sigmoid itself is 0


def test_the_discriminator_wants_to_tell_them_apart() -> None:
    undecided = torch.zeros(3)
    assert discrimination(undecided, undecided).item() == pytest.approx(2 * math.log(2))
    hr, sr = torch.tensor([LN3]), torch.tensor([-LN3])
    assert discrimination(hr, sr).item() == pytest.approx(-2 * math.log(3 / 4))
    assert discrimination(sr, hr).item() == pytest.approx(-2 * math.log(1 / 4))


class _Times(nn.Module):
    """Its one weight times what it sees; as a judge, on average over each picture."""

    def __init__(self, weight: float, judges: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.judges = judges

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x.mean((1, 2, 3)) if self.judges else x)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_a_step_takes_turns() -> None:
    """Two steps by hand: LR is 1, HR 2, sr a * 1, the logit w times a picture, both learning rates 1."""
    generator, discriminator = _Times(1.0), _Times(0.0, judges=True)
    rates = [torch.optim.SGD(net.parameters(), lr=1.0) for net in (generator, discriminator)]
    step = AdversarialStep(generator, discriminator, lambda x: x, *rates, weight=0.1)
    a, w = 1.0, 0.0
    for _ in range(2):
        losses = step(torch.ones(2, 3, 4, 4), torch.full((2, 3, 4, 4), 2.0))
        assert losses["discrimination"].item() == pytest.approx(-math.log(_sigmoid(2 * w)) - math.log(_sigmoid(-a * w)))
        # of -log s(2w) - log s(-aw) by w, the generator's turn before it leaving nothing behind
        w -= -2 * _sigmoid(-2 * w) + a * _sigmoid(a * w)
        assert losses["perceptual"].item() == pytest.approx(((a - 2) / 12.75) ** 2)
        assert losses["adversarial"].item() == pytest.approx(-math.log(_sigmoid(a * w)))  # the judge has learnt already
        # of ((a - 2) / 12.75)^2 - 0.1 log s(aw) by a, the judge standing still
        a -= 2 * (a - 2) / 12.75**2 - 0.1 * w * _sigmoid(-a * w)
        assert (generator.weight.item(), discriminator.weight.item()) == pytest.approx((a, w))
        assert not any(loss.requires_grad for loss in losses.values())
    assert a > 1.0  # towards HR
