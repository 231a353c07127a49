"""What a network adds to the flicker of still areas: by hand, where it is free, and where it points."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pocketsr.losses import flicker


def _frames(*changes: float) -> Tensor:
    """N 2 1 4 4: frames of 0.5, and ones behind them that are as many levels brighter."""
    return (
        0.5 + torch.stack([torch.tensor([0.0, change]).view(2, 1, 1, 1).expand(2, 1, 4, 4) for change in changes]) / 255
    )


def test_each_patch_counts_alike_as_a_share_of_bicubics_change() -> None:
    still = torch.ones(2, 1, 4, 4)
    lost = flicker(_frames(2.4, 0.3), _frames(2.0, 0.1), still, floor=0)
    assert lost.item() == pytest.approx(((1.2 - 0.8) + (3 - 0.8)) / 2, rel=1e-4)


def test_what_is_below_bicubics_by_a_fifth_costs_nothing() -> None:
    assert flicker(_frames(0.7), _frames(1.0), torch.ones(1, 1, 4, 4), floor=0).item() == 0


def test_pixels_that_move_do_not_count() -> None:
    still = torch.ones(1, 1, 4, 4)
    still[..., 2:] = 0
    sr = _frames(1.0).clone()
    sr[:, 1, :, :, 2:] = 1
    assert flicker(sr, _frames(1.0), still, floor=0).item() == pytest.approx(0.2, rel=1e-4)
    assert flicker(sr, _frames(1.0), torch.zeros(1, 1, 4, 4)).item() == 0


def test_frames_that_hardly_change_count_little() -> None:
    lost = flicker(_frames(0.005), _frames(0.0), torch.ones(1, 1, 4, 4))
    assert lost.item() == 0  # half of the floor


def test_the_gradient_brings_frames_together() -> None:
    sr = _frames(3.0).clone().requires_grad_()
    flicker(sr, _frames(1.0), torch.ones(1, 1, 4, 4)).backward()
    assert sr.grad is not None
    assert (sr.grad[:, 1] > 0).all()
    assert (sr.grad[:, 0] < 0).all()
