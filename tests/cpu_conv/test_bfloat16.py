"""`conv2d` under autocast of bfloat16: exact where bfloat16 is, rounded elsewhere, and only where it gains."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from conv_operands import LANES, compiled, reference
from torch import Tensor

from pocketsr.cpu_conv import conv2d


def _signs(*shape: int, seed: int) -> Tensor:
    """Of -1 .. 1: with few pixels every sum is an integer below 256, which bfloat16 holds."""
    return torch.randint(-1, 2, shape, generator=torch.Generator().manual_seed(seed)).float()


def _operands(ci: int = 8, co: int = 8, kernel: tuple[int, int] = (3, 3)) -> list[Tensor]:
    x = _signs(2, ci, 2 + kernel[0], LANES + kernel[1], seed=1)
    slope = torch.randint(-1, 3, (co,), generator=torch.Generator().manual_seed(4)).float()
    return [x, _signs(co, ci, *kernel, seed=2), _signs(co, seed=3), slope]


def _all(function: Any, given: list[Tensor], groups: int = 1) -> list[Tensor]:
    """The output and every gradient."""
    leaves = [one.detach().clone().requires_grad_() for one in given]
    y = function(*leaves, groups=groups)
    return [y, *torch.autograd.grad(y, leaves, _signs(*y.shape, seed=5).to(y.dtype))]


def _half(given: list[Tensor], groups: int = 1) -> list[Tensor]:
    with torch.autocast("cpu", torch.bfloat16):
        return _all(conv2d, given, groups)


@pytest.mark.parametrize(("ci", "co", "kernel"), [(8, 8, (3, 3)), (12, 5, (3, 3)), (9, 4, (5, 1)), (24, 16, (1, 1))])
@pytest.mark.parametrize("rectified", [True, False])
def test_whole_numbers_are_exact(ci: int, co: int, kernel: tuple[int, int], rectified: bool) -> None:
    given = _operands(ci, co, kernel)[: 4 if rectified else 3]
    found = _half(given)
    assert compiled(found[0])
    assert found[0].dtype == torch.bfloat16
    for mine, theirs in zip(found, _all(reference, [one.double() for one in given]), strict=True):
        assert theirs.abs().max() > 0
        assert torch.equal(mine.double(), theirs)


def test_gradients_have_the_type_of_what_they_are_of() -> None:
    _, *gradients = _half(_operands())
    assert {gradient.dtype for gradient in gradients} == {torch.float32}
    x, weight, bias, slope = _operands()
    half_x = x.bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        conv2d(half_x, weight, bias, slope).sum().backward()
    assert half_x.grad is not None
    assert half_x.grad.dtype == torch.bfloat16


def test_prelu_rounds_to_the_nearest_even() -> None:
    """The convolution is the identity; the product of value and slope is the one thing that rounds."""
    x = torch.randn(3, 8, 40, 41, generator=torch.Generator().manual_seed(0)).bfloat16().float()
    slope = torch.linspace(-1, 2, 8)
    given = [x, torch.eye(8)[:, :, None, None], torch.zeros(8), slope]
    y, dx, _, _, dslope = _half(given)
    assert torch.equal(y.float(), F.prelu(x, slope).bfloat16().float())
    wide, _, _, _, expected = _all(reference, [one.double() for one in given])
    steps = _signs(*wide.shape, seed=5)
    assert torch.equal(dx, torch.where(x > 0, steps, steps * slope.view(-1, 1, 1)).bfloat16().float())
    assert torch.allclose(dslope.double(), expected, rtol=1e-5)


def test_one_slope_for_all() -> None:
    x, weight, bias, _ = _operands()
    slope = torch.tensor([2.0])
    for mine, theirs in zip(_half([x, weight, bias, slope]), _all(reference, [x, weight, bias, slope]), strict=True):
        assert torch.equal(mine.float(), theirs)


@pytest.mark.parametrize("groups", [1, 2])
def test_few_channels_and_groups_stay_whole(groups: int) -> None:
    """Of them bfloat16 is no faster."""
    given = _operands(7, 8) if groups == 1 else _operands(16, 8)
    if groups == 2:
        given[1] = given[1][:, :8].contiguous()
    found = _half(given, groups)
    assert compiled(found[0])
    for mine, theirs in zip(found, _all(reference, given, groups), strict=True):
        assert mine.dtype == torch.float32
        assert torch.equal(mine, theirs)


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_it_is_pytorchs() -> None:
    found = _half(_operands())
    assert not compiled(found[0])
    for mine, theirs in zip(found, _all(reference, _operands()), strict=True):
        assert torch.equal(mine.float(), theirs)
