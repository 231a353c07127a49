"""Least squares without anything below zero, and measures of agreement, on values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pocketsr.design.agreement import kendall_tau, share_within
from pocketsr.design.fitting import costs_of, nonnegative


def test_an_exact_solution_is_found() -> None:
    a = np.random.default_rng(1).uniform(size=(30, 8))
    x = np.array([0, 1, 0, 2.5, 0, 0, 7, 0.1])
    np.testing.assert_allclose(nonnegative(a, a @ x), x, atol=1e-9)


def test_what_would_be_negative_is_zero() -> None:
    # least squares alone: x = (2, -1); with x1 = 0: x0 = (1 * 2 + 1 * 1) / 2
    a, b = np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([2.0, 1.0])
    np.testing.assert_allclose(nonnegative(a, b), [1.5, 0.0])


@pytest.mark.parametrize("seed", range(5))
def test_no_step_betters_the_solution(seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, b = draw.normal(size=(40, 12)), draw.normal(size=40)
    x = nonnegative(a, b)
    slope = a.T @ (b - a @ x)
    assert (x >= 0).all()
    np.testing.assert_allclose(slope[x > 0], 0, atol=1e-8)
    assert (slope[x == 0] <= 1e-8).all()


def test_costs_weigh_small_networks_as_large_ones() -> None:
    work = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]) + 0.0
    work[2] = [1000.0, 1.0]
    costs = costs_of(work, np.array([1.0, 1.0, 3000.0]))
    np.testing.assert_allclose(costs, [1.0, 2000.0])


def test_kendall_tau_by_hand() -> None:
    assert kendall_tau([1, 2, 3, 4], [10, 20, 30, 40]) == 1
    assert kendall_tau([1, 2, 3, 4], [4, 3, 2, 1]) == -1
    assert kendall_tau([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)  # five pairs agree, one doesn't
    assert kendall_tau([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / np.sqrt(2 * 3))  # a tie in one of them
    assert kendall_tau([5, 5], [1, 2]) == 0
    with pytest.raises(ValueError, match="2 networks"):
        kendall_tau([1], [1])


def test_share_within_by_hand() -> None:
    assert share_within([1.0, 2.2, 3.4, 4.0], [1.0, 2.0, 3.0, 4.3], 0.11) == 0.75
