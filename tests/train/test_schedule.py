"""The learning rate, at steps whose value is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pocketsr import UserError
from pocketsr.train import Recipe
from pocketsr.train.schedule import learning_rate, rescheduled


def test_half_a_cosine(recipe: Callable[..., Recipe]) -> None:
    made = recipe(steps=100, optimiser={"lr": 0.8, "warmup": 0})
    # 0.5 * (1 + cos(pi t)) is 1, 3/4, 1/2 and 1/4 at t = 0, 1/3, 1/2 and 2/3
    assert learning_rate(made.rates(), 0) == pytest.approx(0.8)
    assert learning_rate(made.rates(), 50) == pytest.approx(0.4)
    thirds = recipe(steps=99, optimiser={"lr": 0.8, "warmup": 0})
    assert learning_rate(thirds.rates(), 33) == pytest.approx(0.6)
    assert learning_rate(thirds.rates(), 66) == pytest.approx(0.2)
    assert 0 < learning_rate(made.rates(), 99) < 0.001


def test_the_rise(recipe: Callable[..., Recipe]) -> None:
    made = recipe(steps=100, optimiser={"lr": 0.8, "warmup": 4}, schedule={"kind": "constant"})
    assert [learning_rate(made.rates(), step) for step in (0, 1, 3, 4, 99)] == pytest.approx([0.2, 0.4, 0.8, 0.8, 0.8])


def test_restarts_begin_at_the_full_rate_and_end_at_0(recipe: Callable[..., Recipe]) -> None:
    made = recipe(steps=100, optimiser={"lr": 0.8, "warmup": 4}, schedule={"restarts": [40, 80]})
    assert learning_rate(made.rates(), 20) == pytest.approx(0.4)  # half way from 0 to 40
    assert learning_rate(made.rates(), 39) < 0.002
    assert learning_rate(made.rates(), 40) == pytest.approx(0.8)
    assert learning_rate(made.rates(), 60) == pytest.approx(0.4)
    assert learning_rate(made.rates(), 80) == pytest.approx(0.8)
    assert learning_rate(made.rates(), 90) == pytest.approx(0.4)  # the last turn ends with the steps


@pytest.mark.parametrize(
    ("steps", "step", "said"),
    [
        (100, 50, None),
        (150, 100, "the cosine now ends at step 150, not 100: at step 100 the learning rate rises from 0 to 0.2"),
        (200, 50, "the cosine now ends at step 200, not 100: at step 50 the learning rate rises from 0.4 to 0.683"),
        (75, 50, "the cosine now ends at step 75, not 100: at step 50 the learning rate falls from 0.4 to 0.2"),
    ],
)
def test_what_other_steps_make_of_the_cosine(
    recipe: Callable[..., Recipe], steps: int, step: int, said: str | None
) -> None:
    began, now = (recipe(steps=each, optimiser={"lr": 0.8, "warmup": 0}) for each in (100, steps))
    assert rescheduled(began, now, step) == said  # 0.8 * (1 + cos(pi t)) / 2 at t = 2/3, 1/4, 2/3


def test_what_other_steps_make_of_a_constant_rate_and_of_the_finish(recipe: Callable[..., Recipe]) -> None:
    part = {"optimiser": {"lr": 0.8, "warmup": 0}, "schedule": {"kind": "constant"}, "finish": {"losses": {"l2": 1}}}
    assert rescheduled(recipe(steps=100, **part), recipe(steps=200, **part), 90) == (
        "the run now ends at step 200, not 100, and the learning rate stays 0.8; "
        "the losses of 'finish' take over at step 160, not 80"
    )


def test_fewer_steps_than_there_were_are_refused(recipe: Callable[..., Recipe]) -> None:
    with pytest.raises(UserError, match="stands at step 60 already, beyond steps=50"):
        rescheduled(recipe(steps=100), recipe(steps=50), 60)
