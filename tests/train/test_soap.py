"""SOAP by what defines it: Adam, in whatever basis the gradients of a layer lie."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pocketsr.train.soap import Soap

Gradient = Callable[[Tensor], Tensor]


def _walk(optimiser: torch.optim.Optimizer, weight: Tensor, gradient: Gradient, steps: int) -> Tensor:
    for _ in range(steps):
        weight.grad = gradient(weight.detach())
        optimiser.step()
    return weight.detach()


def _coupled(seed: int, rows: int, columns: int) -> tuple[Tensor, Gradient]:
    """Where to begin, and the gradient of 0.5 |A (W - T) B|^2, in float64, whose A and B couple all weights."""
    draw = torch.Generator().manual_seed(seed)
    a, b, target, start = (
        torch.randn(shape, generator=draw, dtype=torch.float64)
        for shape in ((rows, rows), (columns, columns), (rows, columns), (rows, columns))
    )
    left, right = a.mT @ a, b @ b.mT
    return start, lambda w: left @ (w - target) @ right


@pytest.mark.parametrize("shape", [(7,), (1, 5), (5, 1, 1, 1), ()])
def test_without_a_matrix_it_is_adam(shape: tuple[int, ...]) -> None:
    start = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    weights = [start.clone().requires_grad_() for _ in range(2)]
    ours = _walk(Soap([weights[0]], (0.8, 0.99), lr=0.01), weights[0], torch.sin, 20)
    adams = _walk(torch.optim.Adam([weights[1]], lr=0.01, betas=(0.8, 0.99)), weights[1], torch.sin, 20)
    torch.testing.assert_close(ours, adams)
    assert not torch.equal(ours, start)


@pytest.mark.parametrize("seed", range(3))
def test_a_turned_problem_is_solved_by_turned_steps(seed: int) -> None:
    start, gradient = _coupled(seed, 6, 6)
    draw = torch.Generator().manual_seed(seed + 100)
    u, v = (torch.linalg.qr(torch.randn(6, 6, generator=draw, dtype=torch.float64))[0] for _ in range(2))
    results = {}
    for kind in (Soap, torch.optim.Adam):
        plain = start.clone().requires_grad_()
        turned = (u @ start @ v).requires_grad_()
        there = _walk(kind([plain], lr=0.01), plain, gradient, 25)
        here = _walk(kind([turned], lr=0.01), turned, lambda w: u @ gradient(u.mT @ w @ v.mT) @ v, 25)
        results[kind] = float((u.mT @ here @ v.mT - there).abs().max())
    assert results[Soap] < 2e-3
    assert results[torch.optim.Adam] > 2e-2  # the same check tells the two apart


@pytest.mark.parametrize("shape", [(4, 3), (3, 4, 1, 1), (2, 1100), (1100, 2)])
def test_where_weights_act_one_by_one_it_is_adam(shape: tuple[int, ...]) -> None:
    """A gradient of one number a step couples nothing: the bases are permutations, of which Adam knows nothing."""
    rows, columns = shape[0], torch.Size(shape[1:]).numel()
    ours, adams = (torch.zeros(shape, dtype=torch.float64, requires_grad=True) for _ in range(2))
    soap, adam = Soap([ours], lr=0.01), torch.optim.Adam([adams], lr=0.01)
    for step in range(40):
        gradient = torch.zeros(rows, columns, dtype=torch.float64)
        gradient[step % rows, step % columns] = 1 + step % rows + step % columns / 10
        ours.grad = gradient.reshape(shape)
        soap.step()
        if step >= 9:  # when there is a basis
            adams.grad = gradient.reshape(shape)
            adam.step()
    torch.testing.assert_close(ours, adams, rtol=1e-6, atol=1e-9)
    assert not torch.equal(adams, torch.zeros(shape))


def test_a_state_that_was_kept_goes_on_the_same() -> None:
    start, gradient = _coupled(3, 5, 9)
    whole = start.clone().requires_grad_()
    straight = _walk(Soap([whole], lr=0.01), whole, gradient, 24)
    parts = start.clone().requires_grad_()
    first = Soap([parts], lr=0.01)
    _walk(first, parts, gradient, 13)
    second = Soap([parts], lr=0.01)
    second.load_state_dict(first.state_dict())
    assert torch.equal(_walk(second, parts, gradient, 11), straight)


def test_what_has_no_gradient_stays_and_a_closure_is_called() -> None:
    moved, still = torch.ones(3, 3, requires_grad=True), torch.ones(3, 3, requires_grad=True)

    def closure() -> float:
        loss = moved.sin().sum()
        loss.backward()
        return loss.item()

    soap = Soap([moved, still])
    assert [soap.step(closure) for _ in range(10)] == pytest.approx([9 * math.sin(1)] * 10)  # the tenth moves
    assert float(moved.detach().sum()) < 9
    assert torch.equal(still, torch.ones(3, 3))
