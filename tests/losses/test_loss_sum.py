"""The weighted sum: its value, what it asks for, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from pocketsr.errors import UserError
from pocketsr.losses import LossSum

torch.set_num_threads(1)

SR, HR = torch.full((1, 1, 8, 8), 0.75), torch.full((1, 1, 8, 8), 0.25)  # l1 0.5, l2 0.25, dct 0.5 / 8
NAMES = "charbonnier, dct, distillation, feature, fft, flicker, gradient, l1, l2, psnr, structured, tv"


def test_total_is_weighted_and_parts_are_not() -> None:
    total, parts = LossSum({"l1": 2.0, "dct": 0.4, "l2": 1})(SR, HR)
    assert total.item() == pytest.approx(2 * 0.5 + 0.4 * 0.0625 + 0.25)
    assert {name: part.item() for name, part in parts.items()} == pytest.approx({"l1": 0.5, "dct": 0.0625, "l2": 0.25})


def test_the_total_has_a_gradient_and_the_parts_have_none() -> None:
    sr = SR.clone().requires_grad_()
    total, parts = LossSum({"l1": 3.0})(sr, HR)
    total.backward()
    assert sr.grad is not None
    torch.testing.assert_close(sr.grad, torch.full_like(sr, 3 / 64))  # 64 pixels, all too bright
    assert not parts["l1"].requires_grad


def test_weight_zero_is_off() -> None:
    loss = LossSum({"l1": 1.0, "dct": 0.0, "distillation": 0})
    assert not loss.needs_teacher
    _, parts = loss(SR[..., :4], HR[..., :4])  # too small for dct, and without a teacher
    assert list(parts) == ["l1"]


@pytest.mark.parametrize(
    ("name", "teacher", "features"),
    [("l1", False, False), ("distillation", True, False), ("feature", True, True), ("structured", True, True)],
)
def test_needs(name: str, teacher: bool, features: bool) -> None:
    loss = LossSum({"l2": 1.0, name: 0.1})
    assert (loss.needs_teacher, loss.needs_features) == (teacher, features)


def test_teacher_terms_take_what_they_are_given() -> None:
    loss = LossSum({"distillation": 1.0, "feature": 1.0, "structured": 1.0})
    first, last = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 1.0]]]])
    total, parts = loss(SR, HR, teacher_sr=HR + 0.1, student_features=[first, first], teacher_features=[first, last])
    # distillation: 0.75 against 0.35. feature: 0 in the first layer, 1 in the last. structured: the last, orthogonal.
    expected = {"distillation": 0.4, "feature": 0.5, "structured": 2.0}
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(expected)
    assert total.item() == pytest.approx(2.9)


@pytest.mark.parametrize("name", ["distillation", "feature", "structured"])
def test_a_missing_teacher_is_named(name: str) -> None:
    with pytest.raises(UserError, match=f"'{name}' needs"):
        LossSum({name: 1.0})(SR, HR)


def test_frames_are_asked_for_and_missing_ones_named() -> None:
    loss = LossSum({"l1": 1.0, "flicker": 0.5})
    assert loss.needs_frames
    assert not LossSum({"l1": 1.0, "flicker": 0}).needs_frames
    with pytest.raises(UserError, match="'flicker' needs two frames"):
        loss(SR, HR)
    sr, bicubic, still = torch.zeros(1, 2, 1, 4, 4), torch.zeros(1, 2, 1, 4, 4), torch.ones(1, 1, 4, 4)
    sr[:, 1], bicubic[:, 1] = 4 / 255, 1.99 / 255
    total, parts = loss(SR, HR, frames=(sr, bicubic, still))
    assert parts["flicker"].item() == pytest.approx(4 / 2 - 0.8)
    assert total.item() == pytest.approx(0.5 + 0.5 * 1.2)


def test_flicker_alone_is_refused() -> None:
    with pytest.raises(UserError, match="'flicker' alone is least where nothing is drawn"):
        LossSum({"flicker": 1.0, "l1": 0.0})


def test_unknown_losses_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=f"no loss 'charbonier': known are {NAMES}; did you mean charbonnier?"):
        LossSum({"l1": 1.0, "charbonier": 1.0})


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_weights_that_are_none_are_refused(weight: float) -> None:
    with pytest.raises(UserError, match=f"'l2' has weight {weight}"):
        LossSum({"l1": 1.0, "l2": weight})


@pytest.mark.parametrize("weights", [{}, {"l1": 0.0, "fft": 0.0}], ids=["nothing", "zeros"])
def test_nothing_to_minimise_is_refused(weights: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"above 0: give one to any of {NAMES}"):
        LossSum(weights)


def test_pictures_of_different_shapes_are_not_broadcast() -> None:
    with pytest.raises(ValueError, match="different shapes"):
        LossSum({"l1": 1.0})(SR, HR[..., :1])
    with pytest.raises(ValueError, match="different shapes"):
        LossSum({"distillation": 1.0})(SR, HR, teacher_sr=HR[:, :, :1])
