"""Ranges from samples."""

from __future__ import annotations

import numpy as np
import pytest

from pocketsr.quant.observers import act_range, weight_scales
from pocketsr.quant.spec import Span

RNG = np.random.default_rng(0)


def test_all_that_was_seen_fits() -> None:
    samples = np.array([-0.5, 0.1, 0.8], np.float32)
    scale, zero = act_range(samples, 255, "minmax")
    assert scale == pytest.approx(1.3 / 255)
    assert zero == round(0.5 / 1.3 * 255)
    assert act_range(np.array([0.2, 0.5], np.float32), 15, "minmax") == pytest.approx((0.5 / 15, 0))  # with 0.0
    assert act_range(np.array([-0.3], np.float32), 3, "minmax") == pytest.approx((0.1, 3))


def test_the_rarest_are_left_out() -> None:
    samples = np.concatenate([RNG.uniform(0, 1, 100_000), [50.0]]).astype(np.float32)
    assert act_range(samples, 255, "minmax")[0] == pytest.approx(50 / 255)
    assert act_range(samples, 255, "percentile")[0] == pytest.approx(1 / 255, rel=0.01)


def test_planes_of_nothing() -> None:
    for how in ("minmax", "percentile", "mse"):
        assert act_range(np.zeros(9, np.float32), 255, how) == (1.0, 0)  # type: ignore[arg-type]


def _error(samples: np.ndarray, levels: int, scale: float, zero: int) -> float:
    whole = np.clip(np.rint(samples / scale), -zero, levels - zero)
    return float(np.square(whole * scale - samples).mean())


@pytest.mark.parametrize("levels", [3, 15, 255])
def test_the_least_error_beats_other_ranges(levels: int) -> None:
    samples = RNG.laplace(0, 0.1, 5000).astype(np.float32)
    samples = np.where(samples < 0, samples * np.float32(0.25), samples)
    errors = {how: _error(samples, levels, *act_range(samples, levels, how)) for how in ("mse", "minmax", "percentile")}
    assert errors["mse"] < 0.98 * errors["percentile"]
    assert errors["mse"] < errors["minmax"] * (1 if levels == 255 else 0.7)  # 8 bits hardly clip


def test_the_best_ternary_scale() -> None:
    weight = np.array([[1.0, -1.2, 0.1, -0.05]], np.float32)
    (scale,) = weight_scales(weight, Span(-1, 1), "mse")
    assert scale == pytest.approx(1.1, rel=0.02)  # the mean of those that stay
    (scale,) = weight_scales(weight, Span(-1, 1), "minmax")
    assert scale == pytest.approx(1.2)


@pytest.mark.parametrize("span", [Span(-7, 7), Span(-1, 1), Span(-2, 1)])
def test_a_scale_for_each_channel(span: Span) -> None:
    weight = RNG.normal(size=(3, 20)).astype(np.float32) * np.array([[1], [10], [0]], np.float32)

    def errors(how: str) -> np.ndarray:
        scale = weight_scales(weight, span, how)[:2, None]  # type: ignore[arg-type]
        return np.square(np.clip(np.rint(weight[:2] / scale), span.low, span.high) * scale - weight[:2]).sum(1)

    assert (errors("mse") < errors("minmax")).all()
    assert weight_scales(weight, span, "mse")[2] == 0
